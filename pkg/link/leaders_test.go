package link

import (
	"maps"
	"testing"

	"pgregory.net/rapid"

	"teahouse/pkg/link/linkpb"
)

func TestLeaders(t *testing.T) {
	var l Leaders
	step := func(what string, fold func() (Leaders, bool), changed bool, want Route) {
		t.Helper()
		next, did := fold()
		if did != changed || next.Of(1) != want {
			t.Fatalf("%s: %+v, changed %v; want %+v, %v", what, next.Of(1), did, want, changed)
		}
		l = next
	}
	said := func(node string, term uint64, withdrawn bool) func() (Leaders, bool) {
		return func() (Leaders, bool) {
			return l.Announced(node, &linkpb.Announce{Group: 1, Term: term, Withdrawn: withdrawn})
		}
	}
	down := func(node string) func() (Leaders, bool) { return func() (Leaders, bool) { return l.Down(node) } }
	refused := func(r Route) func() (Leaders, bool) { return func() (Leaders, bool) { return l.Refused(1, r) } }

	step("first", said("a", 3, false), true, Route{"a", 3})
	step("again", said("a", 3, false), false, Route{"a", 3})
	step("old", said("b", 2, false), false, Route{"a", 3})
	step("old withdrawal", said("a", 2, true), false, Route{"a", 3})
	step("another's withdrawal", said("b", 3, true), false, Route{"a", 3})
	step("withdrawal", said("a", 3, true), true, Route{"", 3})
	step("old after withdrawal", said("b", 2, false), false, Route{"", 3})
	step("new link", said("a", 3, false), true, Route{"a", 3})
	step("other node down", down("b"), false, Route{"a", 3})
	step("down", down("a"), true, Route{"", 3})
	step("deposed", said("b", 2, false), false, Route{"", 3})
	step("higher", said("b", 5, false), true, Route{"b", 5})
	step("refusal of an older route", refused(Route{"a", 3}), false, Route{"b", 5})
	step("refusal of an older term", refused(Route{"b", 4}), false, Route{"b", 5})
	step("refusal", refused(Route{"b", 5}), true, Route{"", 5})
	step("refusal of nobody", refused(Route{"", 5}), false, Route{"", 5})
	step("higher withdrawal", said("c", 7, true), true, Route{"", 7})
	step("below it", said("b", 6, false), false, Route{"", 7})
	step("down of nobody", down(""), false, Route{"", 7})
}

func TestLeadersProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var l Leaders
		highest := map[uint32]uint64{} // by group
		said := map[Route]bool{}       // announcements for any group
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			before, copied := l, maps.Clone(l.routes)
			node := rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "node")
			group := rapid.Uint32Range(0, 2).Draw(t, "group")
			old := l.Of(group)
			var changed bool
			switch rapid.IntRange(0, 3).Draw(t, "what") {
			case 0, 1:
				a := &linkpb.Announce{
					Group: group, Term: rapid.Uint64Range(1, 6).Draw(t, "term"), Withdrawn: rapid.Bool().Draw(t, "withdrawn"),
				}
				l, changed = l.Announced(node, a)
				if !a.Withdrawn {
					said[Route{node, a.Term}] = true
					if a.Term >= highest[group] && l.Of(group) != (Route{node, a.Term}) {
						t.Fatalf("announcement of the highest term is not the route: %+v", l.Of(group))
					}
				}
				if a.Withdrawn && l.Of(group) == (Route{node, a.Term}) {
					t.Fatal("a withdrawn route is still known")
				}
				highest[group] = max(highest[group], a.Term)
			case 2:
				l, changed = l.Down(node)
				for g := range uint32(3) {
					if l.Of(g).Node == node {
						t.Fatalf("group %d is still at the dead node", g)
					}
				}
			case 3:
				l, changed = l.Refused(group, old)
				if l.Of(group).Node != "" {
					t.Fatal("the refused route is still known")
				}
			}
			for g := range uint32(3) {
				if l.Of(g).Term != highest[g] {
					t.Fatalf("group %d remembers term %d, heard %d", g, l.Of(g).Term, highest[g])
				}
				if r := l.Of(g); r.Node != "" && !said[r] {
					t.Fatalf("group %d: nobody announced %+v", g, r)
				}
			}
			if changed == maps.Equal(l.routes, copied) {
				t.Fatalf("changed is %v: %v, %v", changed, copied, l.routes)
			}
			if !maps.Equal(before.routes, copied) {
				t.Fatal("an older value was changed")
			}
		}
	})
}
