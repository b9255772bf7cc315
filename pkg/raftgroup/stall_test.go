package raftgroup

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
)

// gate blocks the writes and syncs of a log store while it is shut.
type gate struct {
	store string // folder of the store

	mu   sync.Mutex
	shut chan struct{} // nil while the gate is open
}

func (g *gate) String() string { return "gate" }

func (g *gate) MaybeError(op errorfs.Op) error {
	switch op.Kind {
	case errorfs.OpFileWrite, errorfs.OpFileSync, errorfs.OpFileSyncData:
	default:
		return nil
	}
	if filepath.Base(filepath.Dir(op.Path)) != g.store {
		return nil
	}
	g.mu.Lock()
	shut := g.shut
	g.mu.Unlock()
	if shut != nil {
		<-shut
	}
	return nil
}

func (g *gate) close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.shut = make(chan struct{})
}

func (g *gate) release() {
	g.mu.Lock()
	defer g.mu.Unlock()
	close(g.shut)
	g.shut = nil
}

// gated makes a cluster whose first node leads the groups and has a gate in front of a store.
func gated(t *testing.T, sync bool, store string, modify func(*Config), ids ...GroupID) (*cluster, *node, *gate) {
	c := newCluster(t, 3, sync, modify)
	nd, g := c.nodes[0], &gate{store: store}
	nd.close()
	nd.fs = errorfs.Wrap(vfs.Default, g)
	nd.open()
	c.startAll(ids...)
	for _, id := range ids {
		c.lead(id, nd)
		c.propose(id, "before")
	}
	return c, nd, g
}

// lead makes a node the leader of a group.
func (c *cluster) lead(id GroupID, nd *node) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), testTimeout)
	defer cancel()
	for c.leader(id) != nd {
		if err := c.leader(id).group(id).Transfer(ctx, nd.id); err != nil && ctx.Err() != nil {
			c.t.Fatal(err)
		}
	}
}

// A leader whose log store stalls gives its leadership away, although it could go on sending heartbeats. It
// acknowledges nothing that its successor does not have, and follows when the stall is over.
func TestStalledStore(t *testing.T) {
	for _, sync := range []bool{true, false} {
		t.Run(fmt.Sprintf("sync=%v", sync), func(t *testing.T) {
			c, nd, gate := gated(t, sync, logDir, nil, 1)
			load := startLoad(nd.group(1), "a")
			load.await(t, 20)
			start := time.Now()
			gate.close()
			t.Logf("another leader after %v", c.nextLeader(1, nd, start))
			var stuck []*Future
			for i := range 10 {
				stuck = append(stuck, nd.group(1).Propose(fmt.Append(nil, "stuck", i)))
			}
			next := c.nodes[1].group(1)
			if !next.State().Leading {
				next = c.nodes[2].group(1)
			}
			var acked []string
			for i := range 20 {
				s := fmt.Sprint("meanwhile", i)
				if _, _, _, err := next.Propose([]byte(s)).Result(); err != nil {
					t.Fatalf("while the store stalls: %v", err)
				}
				acked = append(acked, s)
			}
			if stalled := nd.host.cfg.Disk.StalledFor(); stalled < DefaultTimings().Stall {
				t.Errorf("a store that stalls says %v", stalled)
			}
			gate.release()
			acked = append(acked, load.stop()...)
			for i, f := range stuck {
				if _, _, _, err := f.Result(); err == nil {
					acked = append(acked, fmt.Sprint("stuck", i))
				} else if !errors.Is(err, ErrUnknown) && !errors.Is(err, ErrNotLeader) {
					t.Errorf("proposal %d during the stall: %v", i, err)
				}
			}
			c.propose(1, "after")
			for _, nd := range c.nodes {
				nd.machines[1].awaitEntry(t, "after")
				for _, s := range acked {
					if !nd.machines[1].has(s) {
						t.Fatalf("acknowledged entry %s is lost on %s", s, nd.id)
					}
				}
				a, b := nd.machines[1].entries(), c.nodes[1].machines[1].entries()
				if n := min(len(a), len(b)); !slices.Equal(a[:n], b[:n]) {
					t.Errorf("%s differs", nd.id)
				}
			}
		})
	}
}

// If the coordinator has a store of its own, a stall of one store does not affect the leaderships of
// groups in the other.
func TestStallOfOneStore(t *testing.T) {
	for _, tt := range []struct {
		store          string
		moves, remains GroupID
	}{{logDir, 1, Coordinator}, {coordinatorDir, Coordinator, 1}} {
		t.Run(tt.store, func(t *testing.T) {
			c, nd, gate := gated(t, false, tt.store, nil, Coordinator, 1)
			before := nd.group(tt.remains).State()
			gate.close()
			nd.group(tt.moves).Propose([]byte("stuck"))
			c.nextLeader(tt.moves, nd, time.Now())
			for i := range 10 {
				if _, _, _, err := nd.group(tt.remains).Propose(fmt.Append(nil, i)).Result(); err != nil {
					t.Errorf("group %d, whose store is well: %v", tt.remains, err)
				}
			}
			if now := nd.group(tt.remains).State(); now != before {
				t.Errorf("group %d: %+v, it was %+v", tt.remains, now, before)
			}
			gate.release()
			c.propose(tt.moves, "after")
			nd.machines[tt.moves].awaitEntry(t, "after")
		})
	}
}

// A stall shorter than Timings.Stall has no effect, however many heartbeats it lasts; nor has a follower's
// stall. On a machine that is too slow for the heartbeats, leaderships move with and without a stall, so
// only one of several tries has to show it.
func TestShortStall(t *testing.T) {
	c, nd, gate := gated(t, true, logDir, func(cfg *Config) { cfg.Timings.Stall = testTimeout }, 1)
	for _, leader := range []*node{nd, c.nodes[1]} {
		var err error
		for range 10 {
			if err = shortStall(c, leader, gate); err == nil {
				break
			}
			t.Log(err)
		}
		if err != nil {
			t.Errorf("led by %s: every time", leader.id)
		}
	}
}

func shortStall(c *cluster, leader *node, gate *gate) error {
	c.lead(1, leader)
	c.propose(1, "before the stall")
	before := leader.group(1).State()
	gate.close()
	f := leader.group(1).Propose([]byte("waits"))
	time.Sleep(2 * DefaultTimings().Heartbeat) // the stall itself
	during := leader.group(1).State()
	gate.release()
	if during != before {
		return fmt.Errorf("%+v, it was %+v", during, before)
	}
	if _, _, _, err := f.Result(); err != nil {
		return fmt.Errorf("a proposal that waited for the disk: %w", err)
	}
	if now := leader.group(1).State(); now != before {
		return fmt.Errorf("afterwards %+v, it was %+v", now, before)
	}
	return nil
}
