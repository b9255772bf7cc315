package route

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"teahouse/pkg/game"
	"teahouse/pkg/link"
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

func announce(group game.GroupID, term uint64) *linkpb.Announce {
	return &linkpb.Announce{Group: uint32(group), Term: term}
}

func everybody(string) bool { return true }

// A node that cannot be reached is nobody's home; all other homes stay where they are.
func TestHomesSkipWhoIsNotReached(t *testing.T) {
	s, _, err := (&Snapshot{}).WithMembers(members(1, "a", "b", "c"))
	if err != nil {
		t.Fatal(err)
	}
	moved := 0
	for player := range game.PlayerID(300) {
		home, _ := s.Lookup(wirepb.Scope_SESSION, 0, player, everybody)
		next, ok := s.Lookup(wirepb.Scope_SESSION, 0, player, func(node string) bool { return node != "b" })
		if !ok || next == "b" || home != "b" && next != home {
			t.Fatalf("player %d: home %q, without b %q", player, home, next)
		}
		if next != home {
			moved++
		}
	}
	if moved == 0 {
		t.Error("nobody lived at b")
	}
	if node, ok := s.Lookup(wirepb.Scope_SESSION, 0, 7, func(string) bool { return false }); ok {
		t.Errorf("no node is reachable, but got %q", node)
	}
}

func TestZeroSnapshotKnowsNobody(t *testing.T) {
	s := &Snapshot{}
	for _, scope := range []wirepb.Scope{wirepb.Scope_SCOPE_UNSPECIFIED, wirepb.Scope_TABLE, wirepb.Scope_CLUSTER, wirepb.Scope_SESSION} {
		if node, ok := s.Lookup(scope, game.MakeTableID(1, 1), 7, everybody); ok {
			t.Errorf("%v goes to %q", scope, node)
		}
	}
}

func TestLookupByScope(t *testing.T) {
	s := &Snapshot{}
	s, _ = s.Announced("c", announce(game.Coordinator, 1))
	s, _ = s.Announced("t", announce(2, 1))
	s, _, err := s.WithMembers(members(1, "m"))
	if err != nil {
		t.Fatal(err)
	}
	for scope, want := range map[wirepb.Scope]string{
		wirepb.Scope_CLUSTER: "c", wirepb.Scope_TABLE: "t", wirepb.Scope_SESSION: "m",
	} {
		if node, ok := s.Lookup(scope, game.MakeTableID(2, 9), 7, everybody); !ok || node != want {
			t.Errorf("%v goes to %q, %v; want %q", scope, node, ok, want)
		}
	}
	if _, ok := s.Lookup(wirepb.Scope_TABLE, game.MakeTableID(3, 9), 7, everybody); ok {
		t.Error("a shard that nobody announced has a leader")
	}
}

func TestEqualTermComesBackAfterABrokenLink(t *testing.T) {
	s, _ := (&Snapshot{}).Announced("a", announce(1, 5))
	s, changed := s.Down("a")
	if s.Leader(1).Node != "" || !changed {
		t.Fatal("the route survived its link")
	}
	if s, changed = s.Announced("b", announce(1, 4)); changed {
		t.Fatal("a lower term was accepted")
	}
	s, changed = s.Announced("a", announce(1, 5))
	if s.Leader(1).Node != "a" || !changed {
		t.Fatalf("the equal term was not accepted: %v %v", s.Leader(1), changed)
	}
}

func TestMemberListsOnlyGoForward(t *testing.T) {
	s, _, _ := (&Snapshot{}).WithMembers(members(3, "a"))
	for name, list := range map[string]*linkpb.Members{"older": members(2, "b"), "equal": members(3, "b"), "empty": members(4)} {
		if same, changed, err := s.WithMembers(list); changed || err != nil || same != s {
			t.Errorf("%s list: changed %v, %v", name, changed, err)
		}
	}
	if same, changed, err := s.WithMembers(members(4, "b", "b")); changed || err == nil || same != s {
		t.Errorf("a list with a member twice: changed %v, %v", changed, err)
	}
}

// TestAnyHistory drives a snapshot with random changes and checks every snapshot on the way: terms
// never fall, nothing is edited in place, members and leaders do not affect each other, and
// "changed" is right.
func TestAnyHistory(t *testing.T) {
	groups := []game.GroupID{0, 1, 2}
	routes := func(s *Snapshot) []link.Route {
		var out []link.Route
		for _, g := range groups {
			out = append(out, s.Leader(g))
		}
		return out
	}
	rapid.Check(t, func(t *rapid.T) {
		s := &Snapshot{}
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			before, frozen := s, routes(s)
			group := rapid.SampledFrom(groups).Draw(t, "group")
			node := rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "node")
			term := rapid.Uint64Range(1, 6).Draw(t, "term")
			var changed bool
			switch rapid.SampledFrom([]string{"announce", "withdraw", "refuse", "down", "members"}).Draw(t, "what") {
			case "announce":
				s, changed = s.Announced(node, announce(group, term))
				if got := s.Leader(group); term >= frozen[group].Term && got != (link.Route{Node: node, Term: term}) {
					t.Fatalf("announced %s %d, route is %v", node, term, got)
				}
			case "withdraw":
				s, changed = s.Announced(node, &linkpb.Announce{Group: uint32(group), Term: term, Withdrawn: true})
				if got := s.Leader(group); got.Node == node && got.Term <= term {
					t.Fatalf("withdrawn by %s %d, route is %v", node, term, got)
				}
			case "refuse":
				s, changed = s.Refused(group, link.Route{Node: node, Term: term})
			case "down":
				s, changed = s.Down(node)
				if slices.ContainsFunc(routes(s), func(r link.Route) bool { return r.Node == node }) {
					t.Fatalf("%s is down, but routes are %v", node, routes(s))
				}
			case "members":
				s, changed, _ = s.WithMembers(members(term, "a", "b", "c"))
				if !slices.Equal(routes(s), frozen) {
					t.Fatalf("a member list changed the leaders to %v", routes(s))
				}
			}
			if !slices.Equal(routes(before), frozen) {
				t.Fatal("an old snapshot was edited")
			}
			if changed == (s == before) {
				t.Fatalf("changed is %v, another snapshot is %v", changed, s != before)
			}
			if s.Members() < before.Members() {
				t.Fatalf("member list went from %d to %d", before.Members(), s.Members())
			}
			for i, r := range routes(s) {
				if r.Term < frozen[i].Term {
					t.Fatalf("group %d fell from term %d to %d", groups[i], frozen[i].Term, r.Term)
				}
			}
		}
	})
}

func TestUnheardShard(t *testing.T) {
	var none Snapshot
	if none.Unheard(game.MakeTableID(9, 1)) {
		t.Error("without a member list every shard may exist")
	}
	list := members(1, "a")
	list.Shards = 6
	s, _, err := none.WithMembers(list)
	if err != nil {
		t.Fatal(err)
	}
	for shard, want := range map[game.GroupID]bool{1: false, 6: false, 7: true} {
		if got := s.Unheard(game.MakeTableID(shard, 1)); got != want {
			t.Errorf("shard %d of 6: unheard %v", shard, got)
		}
	}
	s, _ = s.Announced("a", &linkpb.Announce{Group: 2, Term: 1})
	if !s.Unheard(game.MakeTableID(7, 1)) {
		t.Error("an announcement dropped the member list")
	}
}

// A snapshot lacks something until every group's leader is known and reachable.
func TestMissing(t *testing.T) {
	all := func(string) bool { return true }
	s := &Snapshot{}
	if len(s.Missing(all)) != 1 {
		t.Errorf("%q without members", s.Missing(all))
	}
	s, _, err := s.WithMembers(&linkpb.Members{Number: 1, Shards: 1, Members: []*linkpb.Member{{Name: "n1", Weight: 1}}})
	if err != nil {
		t.Fatal(err)
	}
	if got := s.Missing(all); len(got) != 2 {
		t.Errorf("%q without leaders", got)
	}
	s, _ = s.Announced("n1", &linkpb.Announce{Group: 0, Term: 1})
	s, _ = s.Announced("n1", &linkpb.Announce{Group: 1, Term: 1})
	if got := s.Missing(all); len(got) != 0 {
		t.Errorf("%q", got)
	}
	if got := s.Missing(func(string) bool { return false }); len(got) != 2 {
		t.Errorf("%q without links", got)
	}
}
