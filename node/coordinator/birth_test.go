package coordinator

import (
	"fmt"
	"slices"
	"testing"

	"google.golang.org/protobuf/proto"

	"teahouse/node/coordinator/coordpb"
	"teahouse/pkg/link/linkpb"
	"teahouse/pkg/wire/wirepb"
)

func TestBirthHappensOnce(t *testing.T) {
	w := newWorld(t, nil)
	before := w.bytes()
	e := w.do(0, birthOf("other-1"))
	if e.viewed || string(before) != string(w.bytes()) {
		t.Error("a second birth changed the cluster")
	}
	v := w.view()
	if v.Cluster != "c1" || v.Members.Number != 1 || len(v.Members.Members) != 3 || len(v.Shards) != 6 {
		t.Errorf("view: %+v", v)
	}
}

func TestBirthRefusesNonsense(t *testing.T) {
	twice := members("a", "b")
	twice[1].Server = twice[0].Server
	for name, b := range map[string]*coordpb.Birth{
		"no members":      {Cluster: "c", LedShards: 2, Replicas: 3},
		"no cluster":      {Members: members("a"), LedShards: 2, Replicas: 3},
		"name twice":      {Cluster: "c", Members: members("a", "a"), LedShards: 2, Replicas: 3},
		"server twice":    {Cluster: "c", Members: twice, LedShards: 2, Replicas: 3},
		"no shards":       {Cluster: "c", Members: members("a"), Replicas: 3},
		"too many shards": {Cluster: "c", Members: members("a"), LedShards: 9, Replicas: 3},
		"no replicas":     {Cluster: "c", Members: members("a"), LedShards: 2},
		"nil member":      {Cluster: "c", Members: []*linkpb.Member{nil}, LedShards: 2, Replicas: 3},
		"nothing":         nil,
	} {
		s := newState()
		e := s.apply(&coordpb.Batch{Commands: []*coordpb.Command{{Body: &coordpb.Command_Birth{Birth: b}}}})
		if e.results[0].code != wirepb.Code_BAD_REQUEST || s.cluster != "" || e.viewed {
			t.Errorf("%s: %+v", name, e.results[0])
		}
	}
}

// A cluster begins at the level that its birth names; one that names none writes no field that a binary of the
// first level does not know.
func TestLevelAtBirth(t *testing.T) {
	for _, level := range []uint32{0, 1, 2} {
		s := newStepped(t, func(c *Config) {
			c.Birth = func() Birth {
				return Birth{Cluster: "c1", Members: members("node-1", "node-2", "node-3"), Level: level}
			}
		})
		s.lead(true)
		b := &coordpb.Batch{}
		if err := proto.Unmarshal(s.proposed[0].data, b); err != nil {
			t.Fatal(err)
		}
		if got := b.GetCommands()[0].GetBirth().GetLevel(); got != level && level != 1 || got != 0 && level == 1 {
			t.Errorf("born at level %d, the entry says %d", level, got)
		}
		s.settle()
		if got := Level(s.c.View().Members); got != max(1, level) {
			t.Errorf("born at level %d, runs at %d", level, got)
		}
	}
}

func TestCommandsBeforeTheBirth(t *testing.T) {
	s := newState()
	e := s.apply(&coordpb.Batch{Commands: []*coordpb.Command{guest("a"), tookOver(nil), guest("b"), {}}})
	for i, want := range []wirepb.Code{wirepb.Code_UNAVAILABLE, wirepb.Code_OK, wirepb.Code_UNAVAILABLE, wirepb.Code_UNAVAILABLE} {
		if e.results[i].code != want {
			t.Errorf("command %d: %v, want %v", i, e.results[i].code, want)
		}
	}
}

func TestPlacement(t *testing.T) {
	for _, nodes := range []int{1, 2, 3, 5, 12} {
		for _, led := range []int{1, 2, 8} {
			var names []string
			for i := range nodes {
				names = append(names, fmt.Sprintf("node-%d", i))
			}
			shards, err := placeShards(members(names...), led, 3)
			if err != nil {
				t.Fatal(err)
			}
			leads, keeps := map[string]int{}, map[string]int{}
			for i, sh := range shards {
				if int(sh.id) != i+1 {
					t.Errorf("shard %d at place %d", sh.id, i)
				}
				if len(sh.replicas) != min(3, nodes) {
					t.Errorf("%d nodes, %d led: shard %d has replicas %v", nodes, led, sh.id, sh.replicas)
				}
				leads[sh.replicas[0]]++
				for _, r := range sh.replicas {
					keeps[r]++
				}
				if sorted := slices.Sorted(slices.Values(sh.replicas)); len(slices.Compact(sorted)) != len(sh.replicas) {
					t.Errorf("shard %d has a replica twice: %v", sh.id, sh.replicas)
				}
			}
			for _, n := range names {
				bound := maxReplicate
				if led*3 == maxReplicate { // all members are full, so the ring has no choice
					bound++
				}
				if leads[n] != led || keeps[n] > bound {
					t.Errorf("%d nodes: %s leads %d and keeps %d", nodes, n, leads[n], keeps[n])
				}
			}
		}
	}
}

func TestPlacementDoesNotDependOnOrder(t *testing.T) {
	a, b := members("a", "b", "c", "d"), members("d", "b", "a", "c")
	for i := range a {
		a[i].Zone = string(a[i].Name[0] % 2)
	}
	for i := range b {
		b[i].Zone = string(b[i].Name[0] % 2)
	}
	var states [2]*state
	for i, m := range [][]*linkpb.Member{a, b} {
		states[i] = newState()
		states[i].apply(&coordpb.Batch{Commands: []*coordpb.Command{{Body: &coordpb.Command_Birth{Birth: &coordpb.Birth{
			Cluster: "c", Members: m, LedShards: 2, Replicas: 3,
		}}}}})
	}
	if string(states[0].bytes()) != string(states[1].bytes()) {
		t.Error("the order of the proposal shows in the state")
	}
}

func TestUnsoundSettingsChangeNothing(t *testing.T) {
	w := newWorld(t, nil)
	before := w.bytes()
	for name, edit := range map[string]func(*coordpb.Settings){
		"no seats":       func(s *coordpb.Settings) { s.Seats = 0 },
		"too many seats": func(s *coordpb.Settings) { s.Seats = 1 << 30 },
		"queue twice":    func(s *coordpb.Settings) { s.Queues = append(s.Queues, s.Queues[0]) },
		"no mode":        func(s *coordpb.Settings) { s.Queues[0].Modes = nil },
	} {
		if r := w.one(tookOver(edit)); r.code != wirepb.Code_BAD_REQUEST || string(before) != string(w.bytes()) {
			t.Errorf("%s: %v", name, r.code)
		}
	}
}
