//go:build race

package raftgroup

// raceEnabled selects the slower default timings: the race detector makes
// everything five to ten times as slow.
const raceEnabled = true
