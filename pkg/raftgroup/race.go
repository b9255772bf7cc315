//go:build race

package raftgroup

// raceEnabled selects the slower default timings, because the race detector makes everything five to ten
// times slower.
const raceEnabled = true
