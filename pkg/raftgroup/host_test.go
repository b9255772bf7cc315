package raftgroup

import (
	"testing"
)

func TestCommitOnAll(t *testing.T) {
	for _, sync := range []bool{true, false} {
		c := newCluster(t, 3, sync, nil)
		c.startAll(Coordinator, 1, 2)
		for _, id := range []GroupID{Coordinator, 1, 2} {
			c.fill(id, "a", 20)
			for _, nd := range c.nodes {
				nd.machines[id].await(t, 20)
			}
		}
	}
}
