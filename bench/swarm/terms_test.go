package swarm

import "testing"

func TestElections(t *testing.T) {
	before := map[uint32]uint64{0: 3, 1: 7, 2: 2}
	for _, c := range []struct {
		name          string
		before, after map[uint32]uint64
		want          int // -1 = unknown
	}{
		{"none", before, map[uint32]uint64{0: 3, 1: 7, 2: 2}, 0},
		{"two groups", before, map[uint32]uint64{0: 4, 1: 7, 2: 4}, 3},
		{"a node that is away", before, map[uint32]uint64{0: 3}, 0},
		{"a new group", before, map[uint32]uint64{0: 3, 1: 7, 2: 2, 3: 1}, 0},
		{"nobody answered before", nil, before, -1},
		{"nobody answered after", before, nil, -1},
	} {
		got := -1
		if n := elections(c.before, c.after); n != nil {
			got = *n
		}
		if got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
	}
}
