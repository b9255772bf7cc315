package ring

// What TestGolden expects. These values are never regenerated, only added to.

var goldenSuccessors = map[uint64][]string{
	1:          {"node-3", "node-2", "node-1"},
	2:          {"node-2", "node-1", "node-3"},
	3:          {"node-3", "node-2", "node-1"},
	1 << 40:    {"node-3", "node-2", "node-1"},
	^uint64(0): {"node-2", "node-1", "node-3"},
}

const goldenDigest = 0x759c6d47f06b7e97

var goldenShards = map[uint64]uint32{1: 2, 2: 2, 3: 1, 4: 2, ^uint64(0): 1}
