package host

import (
	"slices"
	"testing"

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
		{"a-1", false, false}, // begins the cluster
		{"a-1", true, false},
		{"a-2", false, true},
		{"a-2", true, false}, // was let in before; its vote may be needed
	} {
		if got := newcomer(birth, test.server, test.used); got != test.want {
			t.Errorf("%+v: %v", test, got)
		}
	}
}

func TestLost(t *testing.T) {
	st := raftgroup.Status{
		State:   raftgroup.State{Leading: true, Leader: "a-1"},
		Matched: map[raftgroup.ServerID]uint64{"b-1": 7},
	}
	for _, test := range []struct {
		present, asks raftgroup.ServerID
		want          bool
	}{
		{"b-1", "b-1", true},
		{"b-1", "b-2", false}, // it still answers: two nodes go by one name
		{"a-1", "a-2", false}, // so does the leader itself
		{"c-1", "c-2", true},
		{"", "d-1", true}, // no such member; the log says so
	} {
		if got := lost(st, test.present, test.asks); got != test.want {
			t.Errorf("%+v: %v", test, got)
		}
	}
}

// TestPlaced: the member list says who should be in a group, and the roles do not
// depend on which disk a node has.
func TestPlaced(t *testing.T) {
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
		if got := placed(v, id); !slices.Equal(got, want) {
			t.Errorf("group %d: %v, want %v", id, got, want)
		}
	}
}
