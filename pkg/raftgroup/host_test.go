package raftgroup

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hashicorp/raft"
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

func TestProposeResult(t *testing.T) {
	c := newCluster(t, 3, false, func(cfg *Config) { cfg.Timings = SlowTimings() })
	c.startAll(1)
	leader, data, result, index, term := c.accepted(1, func(try int) []byte { return fmt.Append(nil, "x", try) })
	machine := leader.machines[1]
	machine.mu.Lock()
	at, place := machine.seen[data], slices.Index(machine.list, data)+1
	machine.mu.Unlock()
	if result != place || index != at || term == 0 || term > leader.group(1).Status().Term {
		t.Errorf("entry is (%d, %d) with result %v, the machine has it at %d as number %d", term, index, result, at, place)
	}
	for _, nd := range c.nodes {
		g := nd.group(1)
		for before := g.State(); !before.Leading; before = g.State() {
			_, _, _, err := g.Propose([]byte("y")).Result()
			if g.State() != before {
				continue // it may have become leader meanwhile
			}
			if !errors.Is(err, ErrNotLeader) {
				t.Errorf("a follower says %v, want ErrNotLeader", err)
			}
			break
		}
	}
	if _, _, _, err := leader.group(1).Propose(make([]byte, MaxEntry+1)).Result(); !errors.Is(err, ErrTooLarge) {
		t.Errorf("a large entry gets %v, want ErrTooLarge", err)
	}
	// Retry until a leader accepts it: so much data takes a slow machine longer than a leader may be without
	// an answer.
	leader, _, _, _, _ = c.accepted(1, func(int) []byte { return make([]byte, MaxEntry) })
	g := leader.group(1)
	if err := g.Stop(); err != nil {
		t.Fatal(err)
	}
	if _, _, _, err := g.Propose(nil).Result(); !errors.Is(err, ErrStopped) {
		t.Errorf("a stopped group says %v, want ErrStopped", err)
	}
}

// accepted proposes until an entry is accepted: a leadership may end at any time, with its proposals.
func (c *cluster) accepted(id GroupID, data func(try int) []byte) (leader *node, said string, result any, index, term uint64) {
	c.t.Helper()
	deadline := time.Now().Add(testTimeout)
	for try := 0; ; try++ {
		leader, entry := c.leader(id), data(try)
		result, index, term, err := leader.group(id).Propose(entry).Result()
		if err == nil {
			return leader, string(entry), result, index, term
		}
		lost := errors.Is(err, ErrUnknown) || errors.Is(err, ErrNotLeader) || errors.Is(err, ErrBusy)
		if !lost || time.Now().After(deadline) {
			c.t.Fatalf("try %d: %v", try, err)
		}
	}
}

// A leader without followers answers within the lease, and never with success.
func TestLostLeadershipIsUnknown(t *testing.T) {
	c := newCluster(t, 3, false, nil)
	c.startAll(1)
	leader := c.leader(1)
	leader.host.net.close()
	_, _, _, err := leader.group(1).Propose([]byte("lost")).Result()
	if !errors.Is(err, ErrUnknown) {
		t.Errorf("error %v, want ErrUnknown", err)
	}
	var busy int
	for range 2 * maxInFlight {
		if _, _, _, err := leader.group(1).Propose([]byte("late")).Result(); err == nil {
			t.Error("a leader without followers acknowledged")
		} else if errors.Is(err, ErrBusy) {
			busy++
		}
	}
	if busy != 0 {
		t.Errorf("%d of the proposals one at a time found the group busy", busy)
	}
}

// TestFailover kills leaders and checks that acknowledged entries are not lost.
func TestFailover(t *testing.T) {
	tries := 6
	if raceEnabled {
		tries = 3
	}
	// With timeouts alone, even the shortest of these times would be longer; a slow machine gets more
	// tries.
	var took []time.Duration
	for limit, more := DefaultTimings().Heartbeat, 5; len(took) == 0 || took[0] > limit && more > 0; more-- {
		took = failovers(t, false, tries)
		if took[0] > limit && more == 1 {
			t.Errorf("fastest failover took %v, want less than %v", took[0], limit)
		}
	}
}

// BenchmarkFailover reports the time until there is a leader again after the leader's
// host vanished, over 50 kills.
func BenchmarkFailover(b *testing.B) {
	for _, sync := range []bool{true, false} {
		b.Run(fmt.Sprintf("sync=%v", sync), func(b *testing.B) {
			for b.Loop() {
				took := failovers(b, sync, 50)
				ms := func(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
				b.ReportMetric(ms(took[len(took)/2]), "median-ms")
				b.ReportMetric(ms(took[len(took)-2]), "p98-ms")
				b.ReportMetric(ms(took[len(took)-1]), "max-ms")
			}
		})
	}
}

// failovers kills the leader of a group under load again and again, checks
// that no acknowledged entry is lost, and returns the sorted times to a new leader.
func failovers(t testing.TB, sync bool, tries int) []time.Duration {
	c := newCluster(t, 3, sync, nil)
	c.startAll(1, 2)
	var took []time.Duration
	var acked []string
	for try := range tries {
		victim := c.leader(1)
		load := startLoad(victim.group(1), fmt.Sprint(try, "-"))
		load.await(t, 20)
		start := time.Now()
		victim.host.net.close()
		took = append(took, c.nextLeader(1, victim, start))
		victim.close()
		acked = append(acked, load.stop()...)
		last := fmt.Sprint("after ", try)
		c.propose(1, last)
		acked = append(acked, last)
		for _, nd := range c.nodes {
			if nd == victim {
				continue
			}
			nd.machines[1].awaitEntry(t, last)
			for _, s := range acked {
				if !nd.machines[1].has(s) {
					t.Fatalf("acknowledged entry %s is lost on %s", s, nd.id)
				}
			}
		}
		victim.open()
		victim.start(1, nil)
		victim.start(2, nil)
		victim.machines[1].awaitEntry(t, last)
	}
	slices.Sort(took)
	t.Logf("leader again after: median %v, max %v", took[len(took)/2], took[len(took)-1])
	return took
}

// load proposes one entry after the other until it fails.
type load struct {
	count atomic.Int64
	grew  chan struct{}
	acked chan []string
}

func startLoad(g *Group, prefix string) *load {
	l := &load{grew: make(chan struct{}, 1), acked: make(chan []string, 1)}
	go func() {
		var acked []string
		for {
			s := fmt.Sprint(prefix, len(acked))
			if _, _, _, err := g.Propose([]byte(s)).Result(); err != nil {
				l.acked <- acked
				return
			}
			acked = append(acked, s)
			l.count.Add(1)
			select {
			case l.grew <- struct{}{}:
			default:
			}
		}
	}()
	return l
}

func (l *load) await(t testing.TB, n int64) {
	t.Helper()
	deadline := time.After(testTimeout)
	for l.count.Load() < n {
		select {
		case <-l.grew:
		case <-deadline:
			t.Fatalf("%d entries acknowledged, want %d", l.count.Load(), n)
		}
	}
}

func (l *load) stop() []string { return <-l.acked }

func TestRestart(t *testing.T) {
	for _, sync := range []bool{true, false} {
		c := newCluster(t, 3, sync, nil)
		c.startAll(Coordinator, 1)
		c.fill(Coordinator, "c", 10)
		c.fill(1, "s", 10)
		ids := make(map[ServerID]bool)
		for _, nd := range c.nodes {
			ids[nd.id] = true
			nd.kill()
		}
		for _, nd := range c.nodes {
			nd.open()
			if !ids[nd.id] {
				t.Errorf("sync=%v: a clean restart made the new id %s", sync, nd.id)
			}
		}
		for _, nd := range c.nodes {
			// A bootstrap list must be ignored if there is state.
			nd.start(Coordinator, []Member{{ID: nd.id, Voter: true}})
			nd.start(1, nil)
		}
		c.nodes[0].group(Coordinator).campaign()
		c.nodes[1].group(1).campaign()
		c.propose(Coordinator, "last")
		c.propose(1, "last")
		for _, nd := range c.nodes {
			nd.machines[Coordinator].await(t, 11)
			nd.machines[1].await(t, 11)
			if n := len(nd.group(Coordinator).Status().Members); n != 3 {
				t.Errorf("group has %d members after the restart, want 3", n)
			}
		}
	}
}

// A follower that has missed more entries than the leader keeps, and a server that joins, get a snapshot
// in several chunks.
func TestSnapshotInstall(t *testing.T) {
	c := newCluster(t, 3, false, func(cfg *Config) { cfg.TrailingEntries = 5 })
	c.startAll(1, 2)
	for _, nd := range c.nodes {
		nd.machines[1].pad = 5*chunkLen + 1
	}
	leader := c.leader(1)
	late := c.nodes[0]
	if late == leader {
		late = c.nodes[1]
	}
	late.kill()
	c.fill(1, "a", 50)
	leader = c.leader(1)
	ctx, cancel := context.WithTimeout(context.Background(), testTimeout)
	defer cancel()
	if err := leader.group(1).Snapshot(ctx); err != nil {
		t.Fatal(err)
	}
	if first, _ := leader.group(1).log.FirstIndex(); first < 20 {
		t.Fatalf("the leader still has entry %d, the snapshot would not be needed", first)
	}
	late.open()
	late.start(1, nil)
	late.start(2, nil)
	late.machines[1].await(t, 50)

	fresh := c.add()
	fresh.start(1, nil)
	fresh.start(2, nil)
	if err := leader.group(1).applyChange(Change{Kind: AddMember, Server: fresh.id}); err != nil {
		t.Fatal(err)
	}
	fresh.machines[1].await(t, 50)
	if err := leader.group(1).applyChange(Change{Kind: PromoteMember, Server: fresh.id}); err != nil {
		t.Fatal(err)
	}
	c.propose(1, "more")
	for _, nd := range []*node{late, fresh} {
		nd.machines[1].await(t, 51)
		if !slices.Equal(nd.machines[1].list, leader.machines[1].list) {
			t.Errorf("%s differs from the leader", nd.id)
		}
	}
	if err := leader.group(1).applyChange(Change{Kind: DropMember, Server: late.id}); err != nil {
		t.Fatal(err)
	}
	if n := len(leader.group(1).Status().Members); n != 3 {
		t.Errorf("group has %d members, want 3", n)
	}
	// The new server still has its data after a restart.
	fresh.close()
	fresh.open()
	fresh.start(1, nil)
	fresh.start(2, nil)
	fresh.machines[1].await(t, 51)
}

func TestTransfer(t *testing.T) {
	c := newCluster(t, 3, false, nil)
	c.startAll(1)
	ctx, cancel := context.WithTimeout(context.Background(), testTimeout)
	defer cancel()
	for _, to := range c.nodes {
		from := c.leader(1)
		if err := from.group(1).Transfer(ctx, to.id); err != nil {
			t.Fatalf("transfer to %s: %v", to.id, err)
		}
		if leader := c.leader(1); leader != to {
			t.Errorf("%s leads, want %s", leader.id, to.id)
		}
	}
	leader := c.leader(1)
	if err := leader.group(1).Transfer(ctx, "nobody"); !errors.Is(err, ErrNotMember) {
		t.Errorf("transfer to nobody: %v, want ErrNotMember", err)
	}
	other := c.nodes[0]
	if other == leader {
		other = c.nodes[1]
	}
	if err := other.group(1).Transfer(ctx, leader.id); !errors.Is(err, ErrNotLeader) {
		t.Errorf("transfer by a follower: %v, want ErrNotLeader", err)
	}
	other.kill()
	if err := leader.group(1).Transfer(ctx, other.id); err == nil {
		t.Error("transfer to a dead server succeeded")
	}
	c.propose(1, "still works")
}

func TestOnState(t *testing.T) {
	c := newCluster(t, 1, false, nil)
	states := make(chan State, 100)
	g, err := c.nodes[0].host.Start(GroupConfig{ID: 1, Machine: newTally(), Bootstrap: c.members(), OnState: func(s State) { states <- s }})
	if err != nil {
		t.Fatal(err)
	}
	g.campaign()
	var last State
	for !last.Leading {
		select {
		case last = <-states:
		case <-time.After(testTimeout):
			t.Fatal("not told about the leadership")
		}
	}
	if last.Leader != c.nodes[0].id || last.Term == 0 {
		t.Errorf("told %+v", last)
	}
	if err := g.Stop(); err != nil {
		t.Fatal(err)
	}
	close(states) // OnState must not be called after Stop
	for s := range states {
		last = s
	}
	if last.Leading {
		t.Error("not told that the leadership ended")
	}
	if _, err := c.nodes[0].host.Start(GroupConfig{ID: 1, Machine: newTally()}); err != nil {
		t.Errorf("starting the group again: %v", err)
	}
	if _, err := c.nodes[0].host.Start(GroupConfig{ID: 1, Machine: newTally()}); !errors.Is(err, ErrExists) {
		t.Errorf("starting it twice: %v, want ErrExists", err)
	}
}

// A heartbeat is skipped only if an append request has just had the same effect.
func TestHeartbeatLeftOut(t *testing.T) {
	c := newCluster(t, 1, false, nil)
	c.startAll(1)
	g := c.leader(1).group(1)
	term := g.State().Term
	beat := func(term uint64) error {
		return transport{g}.AppendEntries("other", "other", &raft.AppendEntriesRequest{Term: term}, &raft.AppendEntriesResponse{})
	}
	if err := beat(term); !errors.Is(err, errNoAddr) {
		t.Fatalf("before any append: %v, want an attempt", err)
	}
	g.noteMatched("other", term, 7, time.Now().Add(time.Hour)) // long enough for a slow machine
	if err := beat(term); err != nil {
		t.Errorf("right after an append: %v", err)
	}
	if got := g.Status().Matched["other"]; got != 7 {
		t.Errorf("matched %d, want 7", got)
	}
	if err := beat(term + 1); err == nil {
		t.Error("left out in a newer term")
	}
	g.withheld.Store(true)
	if err := beat(term); !errors.Is(err, errWithheld) {
		t.Errorf("with a stalled store: %v, want errWithheld", err)
	}
	g.withheld.Store(false)
	g.noteMatched("other", term, 6, time.Now().Add(-time.Hour))
	if err := beat(term); err == nil {
		t.Error("left out although the last append is long ago")
	}
	if _, ok := g.Status().Matched["other"]; ok {
		t.Error("a member that has been silent counts as level")
	}
}
