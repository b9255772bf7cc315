package raftgroup

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/raft"
	"pgregory.net/rapid"

	"teahouse/pkg/versions"
)

// awaitHalt waits until a node's replica is halted and returns why.
func (nd *node) awaitHalt(id GroupID) string {
	nd.c.t.Helper()
	select {
	case <-nd.group(id).halting.done:
	case <-time.After(testTimeout):
		nd.c.t.Fatalf("group %d of %s is not halted", id, nd.id)
	}
	return nd.group(id).Status().Halted
}

// others returns all nodes except one.
func (c *cluster) others(nd *node) (rest []*node) {
	for _, o := range c.nodes {
		if o != nd {
			rest = append(rest, o)
		}
	}
	return rest
}

// reopen restarts a node as with another binary, which does not know unknown and has these levels.
func (nd *node) reopen(unknown string, levels versions.Range, ids ...GroupID) {
	nd.c.t.Helper()
	nd.close()
	nd.unknown, nd.levels = unknown, levels
	nd.open()
	for _, id := range ids {
		nd.start(id, nd.c.members())
	}
}

// silent checks that a halted replica does nothing for its group any more.
func (nd *node) silent(id GroupID) {
	t, g := nd.c.t, nd.group(id)
	t.Helper()
	asker := nd.c.others(nd)[0]
	p := asker.host.net.peer(nd.id)
	term := asker.group(id).State().Term
	for name, ask := range map[string]struct {
		kind       byte
		req, reply message
	}{
		"vote":        {kindVote, voteMsg{&raft.RequestVoteRequest{Term: term + 100, LastLogIndex: 1 << 30, LastLogTerm: term}}, voteReply{&raft.RequestVoteResponse{}}},
		"pre-vote":    {kindPreVote, preVoteMsg{&raft.RequestPreVoteRequest{Term: term + 100, LastLogIndex: 1 << 30, LastLogTerm: term}}, preVoteReply{&raft.RequestPreVoteResponse{}}},
		"append":      {kindAppend, appendMsg{&raft.AppendEntriesRequest{Term: term + 100}}, appendReply{&raft.AppendEntriesResponse{}}},
		"timeout now": {kindTimeoutNow, emptyMsg{}, emptyMsg{}},
		"position":    {kindPosition, &positionMsg{}, &position{}},
	} {
		err := p.call(ask.kind, id, ask.req, ask.reply, testTimeout, nil)
		for start := time.Now(); refused(err) && time.Since(start) < testTimeout; { // its host has just restarted
			time.Sleep(redialPause)
			err = p.call(ask.kind, id, ask.req, ask.reply, testTimeout, nil)
		}
		if !errors.Is(err, errHalted) {
			t.Errorf("%s of a halted replica: %v", name, err)
		}
	}
	if _, _, _, err := g.Propose([]byte("x")).Result(); !errors.Is(err, ErrNotLeader) {
		t.Errorf("proposal to a halted replica: %v", err)
	}
	if err := g.Transfer(context.Background(), nd.id); !errors.Is(err, ErrNotLeader) {
		t.Errorf("transfer to itself: %v", err)
	}
	if err := g.Snapshot(context.Background()); err == nil {
		t.Error("a halted replica took a snapshot")
	}
	if s := g.State(); s.Leading || s.Leader != "" {
		t.Errorf("a halted replica believes in %+v", s)
	}
	if g.raft.State() != raft.Shutdown {
		_ = g.endRaft() // haltLoop may not have done it yet
	}
}

func TestHalt(t *testing.T) {
	for _, leads := range []bool{false, true} {
		t.Run(fmt.Sprint("leading=", leads), func(t *testing.T) {
			c := newCluster(t, 3, false, nil)
			c.startAll(1, 2)
			c.propose(1, "before")
			nd := c.leader(1)
			if !leads {
				nd = c.others(nd)[0]
			}
			m := nd.machines[1]
			m.awaitEntry(t, "before")
			m.mu.Lock()
			m.unknown = "new"
			m.mu.Unlock()

			f := c.leader(1).group(1).Propose([]byte("new"))
			_, err := f.Wait(t.Context())
			if want := map[bool]error{true: ErrUnknown}[leads]; !errors.Is(err, want) {
				t.Fatalf("the proposal that halts: %v, want %v", err, want)
			}
			if why := nd.awaitHalt(1); !strings.Contains(why, "entry new") {
				t.Fatalf("halted: %q", why)
			}
			nd.silent(1)
			// The others go on, and so does the other group of this host.
			host := nd.host
			nd.host = nil // leave it out when looking for a leader
			c.propose(1, "after")
			nd.host = host
			c.propose(2, "elsewhere")
			nd.machines[2].awaitEntry(t, "elsewhere")
			if got := m.entries(); len(got) != 1 {
				t.Fatalf("a halted replica applied %q", got)
			}
			applied := nd.group(1).Status().Applied

			// The same binary halts at the same entry; one that knows it continues from the log.
			nd.reopen("new", versions.Range{}, 1, 2)
			nd.awaitHalt(1)
			if now := nd.group(1).Status().Applied; now != applied {
				t.Fatalf("halted again at %d, the first time at %d", now, applied)
			}
			nd.reopen("", versions.Range{}, 1, 2)
			nd.machines[1].awaitEntry(t, "after")
			if got := strings.Join(nd.machines[1].entries(), " "); got != "before new after" {
				t.Fatalf("the log after the restart: %q", got)
			}
			c.leader(1)
		})
	}
}

// A replica that meets something unknown in its snapshot halts and does not use an older one instead.
func TestHaltSnapshot(t *testing.T) {
	c := newCluster(t, 3, false, func(cfg *Config) { cfg.SnapshotEntries, cfg.TrailingEntries = 2, 1 })
	c.startAll(1)
	nd := c.others(c.leader(1))[0]
	c.fill(1, "old", 5)
	nd.machines[1].awaitEntry(t, "old4")
	if err := nd.group(1).Snapshot(t.Context()); err != nil {
		t.Fatal(err)
	}
	c.propose(1, "new")
	c.fill(1, "more", 5)
	nd.machines[1].awaitEntry(t, "more4")
	if err := nd.group(1).Snapshot(t.Context()); err != nil {
		t.Fatal(err)
	}
	nd.reopen("new", versions.Range{}, 1)
	if why := nd.awaitHalt(1); !strings.HasPrefix(why, "snapshot: ") {
		t.Fatalf("halted: %q", why)
	}
	if got := nd.machines[1].entries(); len(got) > 5 {
		t.Fatalf("applied behind an older snapshot: %q", got)
	}
	nd.silent(1)
	nd.reopen("", versions.Range{}, 1)
	nd.machines[1].awaitEntry(t, "more4")
	c.propose(1, "end")
	nd.machines[1].awaitEntry(t, "end")
}

// highest returns the highest level in a node's log of a group.
func (nd *node) highest(id GroupID) (level uint32) {
	nd.c.t.Helper()
	log := nd.host.cfg.Disk.log(id)
	first, _ := log.FirstIndex()
	last, _ := log.LastIndex()
	for i := max(first, 1); i <= last; i++ {
		var l raft.Log
		if err := log.GetLog(i, &l); err != nil {
			nd.c.t.Fatal(err)
		}
		level = max(level, levelOf(&l))
	}
	return level
}

func TestLevelAboveAMember(t *testing.T) {
	two := versions.Range{Min: 1, Max: 2}
	c := newCluster(t, 3, false, func(cfg *Config) { cfg.SnapshotEntries, cfg.TrailingEntries = 1000, 1 })
	for _, nd := range c.nodes {
		nd.reopen("", two)
	}
	old := c.nodes[2]
	old.reopen("", versions.Range{Min: 1, Max: 1})
	c.startAll(1)
	c.propose(1, "first")
	if c.leader(1) == old {
		if err := old.group(1).Transfer(t.Context(), c.nodes[0].id); err != nil {
			t.Fatal(err)
		}
	}
	for _, nd := range c.others(old) {
		nd.host.SetLevel(2)
		nd.host.SetLevel(1) // never lowered
	}
	c.fill(1, "second", 10)
	for _, nd := range c.others(old) {
		nd.machines[1].awaitEntry(t, "second9")
		if got := nd.highest(1); got != 2 {
			t.Fatalf("%s stored level %d", nd.id, got)
		}
	}
	if got := old.highest(1); got != 1 || old.machines[1].has("second0") {
		t.Fatalf("the old member stored level %d", got)
	}
	if why := old.group(1).Status().Halted; why != "" {
		t.Fatalf("the old member, which was refused nothing that it holds, is halted: %s", why)
	}
	// Nor does it accept a snapshot of that level.
	for _, nd := range c.others(old) {
		if err := nd.group(1).Snapshot(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	old.reopen("", old.levels, 1)
	c.propose(1, "third")
	snaps, err := old.host.cfg.Disk.snapshots(1)
	if err != nil {
		t.Fatal(err)
	}
	stream := snapshotHead{index: 7, level: 2}.append(nil)
	if _, why, err := old.group(1).snapshotRefusal(bytes.NewReader(stream)); why == "" || err != nil {
		t.Fatalf("a snapshot of level 2: %q, %v", why, err)
	}
	if index, err := snaps.newestReadable(); index != 0 || err != nil {
		t.Fatalf("the old member holds a snapshot up to %d, %v", index, err)
	}
	if got := old.highest(1); got != 1 {
		t.Fatalf("the old member stored level %d", got)
	}

	// A newer binary accepts both, and the level survives restarts.
	old.reopen("", two, 1)
	old.machines[1].awaitEntry(t, "third")
	for _, nd := range c.nodes {
		nd.reopen("", two, 1)
	}
	c.propose(1, "fourth")
	for _, nd := range c.nodes {
		nd.machines[1].awaitEntry(t, "fourth")
		if got := nd.group(1).Status().Level; got != 2 {
			t.Fatalf("%s proposes at level %d after the restart", nd.id, got)
		}
	}
	// An old binary on a folder that holds more than it knows halts.
	old.reopen("", versions.Range{Min: 1, Max: 1}, 1)
	if why := old.awaitHalt(1); !strings.Contains(why, "level 2") {
		t.Fatalf("halted: %q", why)
	}
	old.silent(1)
}

func TestSetLevelAboveThisBinary(t *testing.T) {
	c := newCluster(t, 1, false, nil)
	c.startAll(1, 2)
	c.propose(1, "x")
	nd := c.nodes[0]
	nd.host.SetLevel(nd.host.cfg.Levels.Max)
	c.propose(1, "y")
	nd.host.SetLevel(nd.host.cfg.Levels.Max + 1)
	for _, id := range []GroupID{1, 2} {
		if why := nd.awaitHalt(id); !strings.Contains(why, "the cluster runs at level") {
			t.Fatalf("halted: %q", why)
		}
	}
	nd.start(3, c.members())
	nd.awaitHalt(3)
}

func TestLevelOfAnEntry(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		level := rapid.Uint32Range(1, unreadable-1).Draw(t, "level")
		if got := levelOf(&raft.Log{Extensions: extensions(level)}); got != level {
			t.Fatalf("level %d comes back as %d", level, got)
		}
		ext := rapid.SliceOfN(rapid.Byte(), 1, 12).Draw(t, "extensions")
		if got := levelOf(&raft.Log{Extensions: ext}); got != unreadable && !bytes.Equal(extensions(got), ext) {
			t.Fatalf("%x is level %d, which is written %x", ext, got, extensions(got))
		}
		h := snapshotHead{rapid.Uint64().Draw(t, "index"), level}
		got, raw, err := readSnapshotHead(bytes.NewReader(h.append(nil)))
		if got != h || err != nil || !bytes.Equal(raw, h.append(nil)) {
			t.Fatalf("head %+v comes back as %+v, %x, %v", h, got, raw, err)
		}
	})
	if extensions(versions.FirstLevel) != nil {
		t.Error("entries of the first level look otherwise than those of builds that knew no levels")
	}
	if _, _, err := readSnapshotHead(bytes.NewReader([]byte{3, 0})); !errors.As(err, new(Halt)) {
		t.Errorf("a head of version 3: %v", err)
	}
	if _, _, err := readSnapshotHead(bytes.NewReader([]byte{1, 0})); err == nil || errors.As(err, new(Halt)) {
		t.Errorf("half a head: %v", err)
	}
}
