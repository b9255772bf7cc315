package route

import (
	"maps"
	"testing"

	"pgregory.net/rapid"

	"teahouse/pkg/game"
	"teahouse/pkg/link/linkpb"
	"teahouse/pkg/wire/wirepb"
)

func members(number uint64, names ...string) *linkpb.Members {
	m := &linkpb.Members{Number: number}
	for _, n := range names {
		m.Members = append(m.Members, &linkpb.Member{Name: n})
	}
	return m
}

func TestZeroSnapshotKnowsNobody(t *testing.T) {
	s := &Snapshot{}
	for _, scope := range []wirepb.Scope{wirepb.Scope_SCOPE_UNSPECIFIED, wirepb.Scope_TABLE, wirepb.Scope_CLUSTER, wirepb.Scope_SESSION} {
		if node, ok := s.Lookup(scope, game.MakeTableID(1, 1), 7); ok {
			t.Errorf("%v goes to %q", scope, node)
		}
	}
}

func TestLookupByScope(t *testing.T) {
	s := &Snapshot{}
	s, _ = s.Announced(game.Coordinator, "c", 1)
	s, _ = s.Announced(2, "t", 1)
	s, _, err := s.WithMembers(members(1, "m"))
	if err != nil {
		t.Fatal(err)
	}
	for scope, want := range map[wirepb.Scope]string{
		wirepb.Scope_CLUSTER: "c", wirepb.Scope_TABLE: "t", wirepb.Scope_SESSION: "m",
	} {
		if node, ok := s.Lookup(scope, game.MakeTableID(2, 9), 7); !ok || node != want {
			t.Errorf("%v goes to %q, %v; want %q", scope, node, ok, want)
		}
	}
	if _, ok := s.Lookup(wirepb.Scope_TABLE, game.MakeTableID(3, 9), 7); ok {
		t.Error("a shard that nobody announced has a leader")
	}
}

func TestEqualTermComesBackAfterABrokenLink(t *testing.T) {
	s, _ := (&Snapshot{}).Announced(1, "a", 5)
	s, changed := s.Broken("a")
	if _, ok := s.Leader(1); ok || !changed {
		t.Fatal("the route survived its link")
	}
	if s, changed = s.Announced(1, "b", 4); changed {
		t.Fatal("a lower term was accepted")
	}
	s, changed = s.Announced(1, "a", 5)
	if node, ok := s.Leader(1); !ok || node != "a" || !changed {
		t.Fatalf("the equal term was not accepted: %q %v", node, changed)
	}
}

func TestMemberListsOnlyGoForward(t *testing.T) {
	s, _, _ := (&Snapshot{}).WithMembers(members(3, "a"))
	if _, changed, err := s.WithMembers(members(2, "b")); changed || err != nil {
		t.Fatalf("an older list: changed %v, %v", changed, err)
	}
	if same, changed, err := s.WithMembers(members(4, "b", "b")); changed || err == nil || same != s {
		t.Fatalf("a list with a member twice: changed %v, %v", changed, err)
	}
}

// TestAnyHistory drives a snapshot with random changes and compares it with the plain rule:
// per group the highest term counts, and the node that said it, until that is taken back.
func TestAnyHistory(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := &Snapshot{}
		terms := map[game.GroupID]uint64{}
		nodes := map[game.GroupID]string{}
		groups := rapid.Uint32Range(0, 3)
		names := rapid.SampledFrom([]string{"a", "b", "c"})
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			group := game.GroupID(groups.Draw(t, "group"))
			node := names.Draw(t, "node")
			term := rapid.Uint64Range(1, 6).Draw(t, "term")
			before, frozen := s, maps.Clone(s.leaders)
			var changed bool
			switch rapid.IntRange(0, 3).Draw(t, "kind") {
			case 0:
				s, changed = s.Announced(group, node, term)
				if term >= terms[group] {
					terms[group], nodes[group] = term, node
				}
			case 1:
				s, changed = s.Withdrawn(group, node, term)
				if nodes[group] == node && term >= terms[group] {
					terms[group] = term
					delete(nodes, group)
				}
			case 2:
				s, changed = s.NotLeader(group, node)
				if nodes[group] == node {
					delete(nodes, group)
				}
			case 3:
				s, changed = s.Broken(node)
				maps.DeleteFunc(nodes, func(_ game.GroupID, n string) bool { return n == node })
			}
			if !maps.Equal(before.leaders, frozen) {
				t.Fatal("an old snapshot was edited")
			}
			if changed == (s == before) {
				t.Fatalf("changed is %v, new snapshot is %v", changed, s != before)
			}
			for g := game.GroupID(0); g <= 3; g++ {
				got, ok := s.Leader(g)
				if want, known := nodes[g]; ok != known || got != want {
					t.Fatalf("group %d: leader %q %v, want %q %v", g, got, ok, want, known)
				}
				if s.leaders[g].term != terms[g] {
					t.Fatalf("group %d: term %d, want %d", g, s.leaders[g].term, terms[g])
				}
			}
		}
	})
}
