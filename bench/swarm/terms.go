package swarm

import (
	"context"
	"time"

	"teahouse/bench/target"
)

// lookTimeout bounds asking the nodes for their status.
const lookTimeout = 2 * time.Second

// terms are the newest Raft terms of the cluster's groups, by group; empty where
// nobody can be asked.
func terms(ctx context.Context, t target.Target) map[uint32]uint64 {
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	newest := make(map[uint32]uint64)
	for _, status := range t.Statuses(ctx) {
		for _, g := range status.Replicas {
			newest[g.Group] = max(newest[g.Group], g.Term)
		}
	}
	return newest
}

// elections is how many terms began between two looks, nil if nobody could be
// asked. A leadership that was given away counts too.
func elections(before, after map[uint32]uint64) *int {
	if len(before) == 0 || len(after) == 0 {
		return nil
	}
	n := 0
	for group, term := range after {
		if old, known := before[group]; known && term > old {
			n += int(term - old)
		}
	}
	return &n
}
