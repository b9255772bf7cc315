package host

import (
	"slices"
	"testing"
	"time"

	"teahouse/node/coordinator"
	"teahouse/pkg/game"
	"teahouse/pkg/link/linkpb"
	"teahouse/pkg/raftgroup"
)

func TestNewcomer(t *testing.T) {
	birth := game.Birth{Voters: []game.Server{{Name: "a", ID: "a-1"}}}
	for _, test := range []struct {
		server string
		used   bool
		want   bool
	}{
		{"a-1", false, false}, // starts the cluster
		{"a-1", true, false},
		{"a-2", false, true},
		{"a-2", true, false}, // was accepted before; its vote may be needed
	} {
		if got := newcomer(birth, test.server, test.used); got != test.want {
			t.Errorf("%+v: %v", test, got)
		}
	}
}

// TestLost: a living server is not replaced, even if it is silent for a moment.
func TestLost(t *testing.T) {
	member := func(id raftgroup.ServerID) raftgroup.Member { return raftgroup.Member{ID: id, Voter: true} }
	st := raftgroup.Status{
		State:   raftgroup.State{Leading: true, Leader: "a-1"},
		Members: []raftgroup.Member{member("a-1"), member("b-1"), member("c-1"), member("d-1")},
		Matched: map[raftgroup.ServerID]uint64{"b-1": 7, "d-1": 7},
		Silent:  map[raftgroup.ServerID]time.Duration{"b-1": time.Millisecond, "c-1": lostAfter, "d-1": lostAfter / 2},
	}
	young, alone := st, st
	young.Silent = nil // nobody has answered in this term
	alone.Matched = nil
	for _, test := range []struct {
		name          string
		st            raftgroup.Status
		present, asks raftgroup.ServerID
		want          bool
	}{
		{"it is the present one", st, "b-1", "b-1", true},
		{"that answers, so two nodes go by one name", st, "b-1", "b-2", false},
		{"the leader itself", st, "a-1", "a-2", false},
		{"silent for long", st, "c-1", "c-2", true},
		{"silent for a moment", st, "d-1", "d-2", false},
		{"in a leader's first moment", young, "c-1", "c-2", false},
		{"while the others do not answer either", alone, "c-1", "c-2", false},
		{"no such member, as the log will say", st, "", "e-1", true},
		{"not in the group yet, so it has nothing to lose", st, "e-1", "e-2", true},
	} {
		if got := lost(test.st, test.present, test.asks); got != test.want {
			t.Errorf("%s: %v", test.name, got)
		}
	}
}

func TestDisplaced(t *testing.T) {
	s := snapshot("a", "b") // on a-disk and b-disk
	for _, test := range []struct {
		name   string
		server raftgroup.ServerID
		want   bool
	}{{"a", "a-disk", false}, {"a", "a-other", true}, {"c", "c-disk", false}} {
		if got := displaced(s, test.name, test.server); got != test.want {
			t.Errorf("%+v: %v", test, got)
		}
	}
}

// TestWantedMembers: the member list says which servers should be in a group, and their roles do not depend
// on the nodes' disks.
func TestWantedMembers(t *testing.T) {
	v := coordinator.View{Members: &linkpb.Members{}, Shards: []coordinator.Shard{
		{ID: 1, Replicas: []string{"b", "c", "d"}}, {ID: 2, Replicas: []string{"e", "a", "b"}},
	}}
	for _, name := range []string{"a", "b", "c", "d", "e"} {
		v.Members.Members = append(v.Members.Members, &linkpb.Member{Name: name, Server: name + "-1"})
	}
	v.Members.Members[1].Server = "b-2"
	for id, want := range map[game.GroupID][]raftgroup.Member{
		0: {{ID: "a-1", Voter: true}, {ID: "b-2", Voter: true}, {ID: "c-1", Voter: true}, {ID: "d-1"}, {ID: "e-1"}},
		1: {{ID: "b-2", Voter: true}, {ID: "c-1", Voter: true}, {ID: "d-1", Voter: true}},
		2: {{ID: "e-1", Voter: true}, {ID: "a-1", Voter: true}, {ID: "b-2", Voter: true}},
	} {
		if got := wantedMembers(v, id); !slices.Equal(got, want) {
			t.Errorf("group %d: %v, want %v", id, got, want)
		}
	}
}
