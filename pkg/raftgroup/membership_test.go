package raftgroup

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/raft"
	"pgregory.net/rapid"
)

const leader ServerID = "leader"

// toyGroup is a group as far as NextChange looks at it.
type toyGroup struct {
	members []Member
	answers map[ServerID]bool // besides the leader
	behind  map[ServerID]bool
}

func (g *toyGroup) status() Status {
	st := Status{State: State{Leading: true}, LastIndex: 1000, Members: slices.Clone(g.members), Matched: map[ServerID]uint64{}}
	for _, m := range g.members {
		switch {
		case m.ID == leader || !g.answers[m.ID]:
		case g.behind[m.ID]:
			st.Matched[m.ID] = 10
		default:
			st.Matched[m.ID] = 990
		}
	}
	return st
}

func (g *toyGroup) voters() (voters, answering int) {
	for _, m := range g.members {
		if !m.Voter {
			continue
		}
		voters++
		if m.ID == leader || g.answers[m.ID] {
			answering++
		}
	}
	return voters, answering
}

func (g *toyGroup) apply(c Change) {
	i := slices.IndexFunc(g.members, func(m Member) bool { return m.ID == c.Server })
	switch c.Kind {
	case AddMember:
		g.members = append(g.members, Member{ID: c.Server})
		g.behind[c.Server] = true
	case PromoteMember:
		g.members[i].Voter = true
	case DropMember:
		g.members = slices.Delete(g.members, i, i+1)
	}
}

// TestNextChange: whatever the state of a group and whichever members come and go, no step costs it the
// majority, no server that is behind gets a vote, and once all wanted members answer, the group
// becomes as wanted.
func TestNextChange(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ids := []ServerID{leader, "a", "b", "c", "d", "a2", "b2"}
		g := &toyGroup{
			members: []Member{{leader, true}},
			answers: map[ServerID]bool{}, behind: map[ServerID]bool{},
		}
		want := []Member{{leader, true}}
		for _, id := range ids[1:] {
			g.answers[id] = rapid.Bool().Draw(t, "answers "+string(id))
			switch rapid.IntRange(0, 2).Draw(t, "is "+string(id)) {
			case 1:
				g.members = append(g.members, Member{id, false})
				g.behind[id] = rapid.Bool().Draw(t, "behind")
			case 2:
				g.members = append(g.members, Member{id, true})
			}
			switch rapid.IntRange(0, 2).Draw(t, "should be "+string(id)) {
			case 1: // voters are never made non-voters, so do not ask for that
				want = append(want, Member{id, slices.Contains(g.members, Member{id, true})})
			case 2:
				want = append(want, Member{id, true})
			}
		}
		if voters, answering := g.voters(); answering <= voters/2 {
			t.Skip("such a leader steps down")
		}
		step := func() Change {
			before, _ := g.voters()
			st := g.status()
			c := NextChange(leader, st, want)
			wanted := slices.ContainsFunc(want, func(m Member) bool { return m.ID == c.Server })
			_, heard := st.Matched[c.Server]
			switch {
			case c.Kind == DropMember && (wanted || c.Server == leader),
				c.Kind == AddMember && !wanted,
				c.Kind == PromoteMember && (!wanted || !heard || g.behind[c.Server]),
				(c.Kind == WaitToChange) != (c.Why != ""):
				t.Fatalf("%+v from %+v to %+v", c, g.members, want)
			}
			g.apply(c)
			voters, answering := g.voters()
			if d := voters - before; d < -1 || d > 1 {
				t.Fatalf("%+v changes %d voters at once", c, d)
			}
			if answering <= voters/2 {
				t.Fatalf("%+v leaves %d of %d voters: %+v", c, answering, voters, g.members)
			}
			return c
		}
		for range rapid.IntRange(0, 20).Draw(t, "steps in the dark") {
			step()
			id := rapid.SampledFrom(ids[1:]).Draw(t, "who")
			was := g.answers[id]
			g.answers[id] = rapid.Bool().Draw(t, "answers")
			if voters, answering := g.voters(); answering <= voters/2 {
				g.answers[id] = was
			}
			g.behind[id] = g.behind[id] && rapid.Bool().Draw(t, "behind")
		}
		for _, m := range want {
			g.answers[m.ID] = true
		}
		for range 4 * len(ids) {
			g.behind = map[ServerID]bool{}
			if step().Kind == NoChange {
				break
			}
		}
		for _, m := range want {
			if !slices.Contains(g.members, m) {
				t.Fatalf("%+v is missing in %+v", m, g.members)
			}
		}
		if len(g.members) != len(want) {
			t.Fatalf("%+v, wanted %+v", g.members, want)
		}
	})
}

// TestIdleMemberAnswers: raft rarely sends requests to a member of an idle group; one that answers them
// all does not count as silent.
func TestIdleMemberAnswers(t *testing.T) {
	for _, timings := range []Timings{DefaultTimings(), SlowTimings(), {Lease: 250 * time.Millisecond, Commit: 250 * time.Millisecond}} {
		g := &Group{host: &Host{cfg: Config{Self: leader, Timings: timings}}}
		members := []Member{{leader, true}, {"a", true}, {"b", true}, {"c", true}}
		if matched, silent := g.answers(3, members); len(matched)+len(silent) > 0 {
			t.Errorf("before any answer: %v, %v", matched, silent)
		}
		now := time.Now()
		g.noteMatched("a", 3, 7, now.Add(-2*timings.Commit)) // raft's longest pause
		g.noteMatched("b", 3, 7, now.Add(-time.Hour))
		matched, silent := g.answers(3, members)
		if len(matched) != 1 || matched["a"] != 7 {
			t.Errorf("%+v: %v answer", timings, matched)
		}
		if len(silent) != 3 || silent["b"] < time.Hour || silent["c"] > time.Minute {
			t.Errorf("silent for %v", silent)
		}
		if matched, silent := g.answers(4, members); len(matched)+len(silent) > 0 {
			t.Errorf("in a newer term: %v, %v", matched, silent)
		}
	}
}

// TestWhyIsSaidOnce: the text of a reason stays the same while the reason lasts, because callers poll and
// log every new text.
func TestWhyIsSaidOnce(t *testing.T) {
	st := Status{Members: []Member{{leader, true}, {"a", false}}, Matched: map[ServerID]uint64{"a": 1}, LastIndex: 1000}
	want := []Member{{leader, true}, {"a", true}}
	before := NextChange(leader, st, want)
	st.LastIndex, st.Matched["a"] = 2000, 100
	if after := NextChange(leader, st, want); before != after || before.Kind != WaitToChange {
		t.Errorf("first %v, then %v", before, after)
	}
}

// TestOneStepAtATime: a step may be requested again while the first request is still running. A second
// promotion after it would make a server a voter again that was removed meanwhile, and nobody would
// check the group any more.
func TestOneStepAtATime(t *testing.T) {
	c := newCluster(t, 3, false, nil)
	c.startAll(1)
	ctx, cancel := context.WithTimeout(t.Context(), testTimeout)
	defer cancel()
	g := c.leader(1).group(1)
	want := append(g.members(), Member{ID: "new", Voter: true})
	var together sync.WaitGroup
	for range 16 {
		together.Go(func() {
			if change, err := g.Align(ctx, want); err != nil && !errors.Is(err, ErrBusy) {
				t.Errorf("%v: %v", change, err)
			}
		})
	}
	together.Wait()
	changes := 0
	for index := uint64(2); index <= g.Status().LastIndex; index++ { // 1 is the bootstrap
		var entry raft.Log
		if err := g.log.GetLog(index, &entry); err != nil {
			t.Fatal(err)
		}
		if entry.Type == raft.LogConfiguration {
			changes++
		}
	}
	if changes != 1 {
		t.Errorf("%d changes for one new member", changes)
	}
	if change, err := g.Align(ctx, want); err != nil || change.Kind != WaitToChange {
		t.Errorf("then %v, %v", change, err)
	}
}

// TestAlign: a lost disk is replaced by a new one step by step, the new one's vote counts, and a server
// that comes back with the old disk can neither lead nor disturb the group.
func TestAlign(t *testing.T) {
	c := newCluster(t, 3, false, nil)
	c.startAll(1)
	c.fill(1, "before", 100)
	ctx, cancel := context.WithTimeout(t.Context(), testTimeout)
	defer cancel()
	leader := c.leader(1)
	i := slices.IndexFunc(c.nodes, func(nd *node) bool { return nd != leader })
	old := c.nodes[i]
	old.close()
	fresh := c.add()
	fresh.start(1, nil)

	var want []Member
	for _, nd := range c.nodes {
		if nd != old {
			want = append(want, Member{ID: nd.id, Voter: true})
		}
	}
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	var steps []ChangeKind
	for {
		if i := slices.IndexFunc(c.nodes, func(nd *node) bool { return nd.host != nil && nd.group(1).State().Leading }); i >= 0 {
			leader = c.nodes[i]
		}
		change, err := leader.group(1).Align(ctx, want)
		if err != nil && !errors.Is(err, ErrNotLeader) {
			t.Fatal(err)
		}
		if err == nil && change.Kind != WaitToChange {
			steps = append(steps, change.Kind)
			if change.Kind == NoChange {
				break
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("after %v: %+v", steps, change)
		}
	}
	if wanted := []ChangeKind{AddMember, DropMember, PromoteMember, NoChange}; !slices.Equal(steps, wanted) {
		t.Errorf("steps %v, want %v", steps, wanted)
	}

	// The old server no longer belongs to the cluster, so do not wait until it knows the leader.
	c.nodes = slices.Delete(c.nodes, i, i+1)
	old.open()
	defer old.close()
	old.start(1, append(c.members(), Member{ID: old.id, Voter: true}))
	before := leader.group(1).State().Term
	c.propose(1, "without the old one")
	if old.machines[1].has("without the old one") || old.group(1).State().Leading || leader.group(1).State().Term != before {
		t.Errorf("the old disk takes part: %+v", old.group(1).Status())
	}
	other := c.nodes[slices.IndexFunc(c.nodes, func(nd *node) bool { return nd != leader && nd != fresh })]
	other.close()
	c.propose(1, "two of three")
	fresh.machines[1].awaitEntry(t, "two of three")
}
