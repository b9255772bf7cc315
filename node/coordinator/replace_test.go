package coordinator

import (
	"bytes"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"teahouse/node/coordinator/coordpb"
	"teahouse/pkg/game"
	"teahouse/pkg/link"
	"teahouse/pkg/link/linkpb"
	"teahouse/pkg/wire/wirepb"
)

func replace(name, server string) *coordpb.Command {
	return &coordpb.Command{Body: &coordpb.Command_Replace{Replace: &coordpb.Replace{Name: name, Server: server}}}
}

func replaced(server string, group game.GroupID) *coordpb.Command {
	return &coordpb.Command{Body: &coordpb.Command_Replaced{Replaced: &coordpb.Replaced{Server: server, Group: uint32(group)}}}
}

// TestReplace goes through one replacement and everything that may happen meanwhile.
func TestReplace(t *testing.T) {
	w := newWorld(t, nil)
	number := w.members.GetNumber()
	for _, step := range []struct {
		name, server string
		want         game.Code
	}{
		{"node-9", "node-9.disk", wirepb.Code_NOT_FOUND},
		{"node-2", "node-2.disk", wirepb.Code_OK}, // already the current disk
		{"node-2", "node-3.disk", wirepb.Code_BAD_REQUEST},
		{"node-2", "", wirepb.Code_BAD_REQUEST},
		{"node-2", "node-2.new", wirepb.Code_OK},
		{"node-2", "node-2.new", wirepb.Code_OK},
		{"node-2", "node-2.disk", wirepb.Code_SUPERSEDED},
		{"node-3", "node-3.new", wirepb.Code_UNAVAILABLE}, // one at a time
		{"node-2", "node-2.newer", wirepb.Code_OK},        // the new disk was lost too
		{"node-2", "node-2.new", wirepb.Code_SUPERSEDED},
	} {
		if got := w.one(replace(step.name, step.server)).code; got != step.want {
			t.Fatalf("%s on %q: %v, want %v", step.name, step.server, got, step.want)
		}
	}
	v := w.view()
	if got := v.Members.Number; got != number+2 {
		t.Errorf("member list %d, want %d", got, number+2)
	}
	if got := v.Members.Members[1]; got.Name != "node-2" || got.Server != "node-2.newer" {
		t.Errorf("member %v", got)
	}
	if want := []string{"node-2.disk", "node-2.new"}; !slices.Equal(v.Members.Retired, want) {
		t.Errorf("retired %v, want %v", v.Members.Retired, want)
	}
	if r := v.Replacing; r == nil || r.Node != "node-2" || r.Server != "node-2.newer" || len(r.Groups) != 7 || r.Groups[0] != game.Coordinator {
		t.Fatalf("replacing %+v", r)
	}
	w.do(0, replaced("node-2.new", 0), replaced("node-2.newer", 99))
	if got := len(w.view().Replacing.Groups); got != 7 {
		t.Errorf("%d groups left after answers that say nothing", got)
	}
	for _, group := range v.Replacing.Groups {
		if !w.do(0, replaced("node-2.newer", group)).viewed {
			t.Errorf("group %d is done and nobody is told", group)
		}
		if w.do(0, replaced("node-2.newer", group)).viewed {
			t.Errorf("group %d is done twice", group)
		}
	}
	if r := w.view().Replacing; r != nil {
		t.Errorf("still replacing %+v", r)
	}
	if got := w.one(replace("node-3", "node-3.new")).code; got != wirepb.Code_OK {
		t.Errorf("the next one: %v", got)
	}
	if len(v.Replacing.Groups) != 7 || v.Members.Members[1].Server != "node-2.newer" {
		t.Error("a view was edited")
	}
}

// TestReplaceProperties checks the rules under requests in any order, on a replica that is also restored
// from its snapshots.
func TestReplaceProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, twin := newState(), newState()
		names := []string{"a", "b", "c", "d", "e"}
		do := func(c *coordpb.Command) result {
			b := &coordpb.Batch{Commands: []*coordpb.Command{c}}
			twin.apply(b)
			return s.apply(b).results[0]
		}
		do(birthOf(names...))
		do(tookOver(nil))
		disks := []string{"a.disk", "b.disk", "c.disk", "d.disk", "e.disk", "1", "2", "3", "4", "5", "6"}
		gone := make(map[string]bool)
		for range rapid.IntRange(1, 60).Draw(t, "commands") {
			before, under := s.members, s.replacing
			switch rapid.IntRange(0, 3).Draw(t, "kind") {
			case 0:
				do(replace(rapid.SampledFrom(append(names, "x")).Draw(t, "name"), rapid.SampledFrom(disks).Draw(t, "disk")))
			case 1, 2:
				do(replaced(rapid.SampledFrom(disks).Draw(t, "disk"), game.GroupID(rapid.IntRange(0, 11).Draw(t, "group"))))
			case 3:
				var err error
				if twin, err = restore(twin.bytes()); err != nil {
					t.Fatal(err)
				}
			}
			changed := 0
			for i, m := range s.members.Members {
				old := before.Members[i]
				if old.Name != m.Name {
					t.Fatalf("%s became %s", old.Name, m.Name)
				}
				if old.Server == m.Server {
					continue
				}
				changed++
				gone[old.Server] = true
				if under != nil && under.name != m.Name {
					t.Fatalf("%s was replaced while %s was", m.Name, under.name)
				}
			}
			if changed > 1 || s.members.Number != before.Number+uint64(changed) {
				t.Fatalf("%d servers changed from list %d to %d", changed, before.Number, s.members.Number)
			}
			servers := make(map[string]bool)
			for _, m := range s.members.Members {
				if gone[m.Server] || servers[m.Server] {
					t.Fatalf("%s is back, or twice: %v", m.Server, s.members)
				}
				servers[m.Server] = true
			}
			if r := s.replacing; r != nil && (!servers[r.server] || len(r.groups) == 0 || !slices.IsSorted(r.groups)) {
				t.Fatalf("replacing %+v", r)
			}
			if !bytes.Equal(s.bytes(), twin.bytes()) {
				t.Fatal("the twin differs")
			}
		}
		if r := s.replacing; r != nil {
			for _, id := range r.groups {
				do(replaced(r.server, id))
			}
			if s.replacing != nil {
				t.Fatalf("never done: %+v", s.replacing)
			}
		}
	})
}

// TestRetiredIsBounded: beyond the bound, the oldest id is forgotten.
func TestRetiredIsBounded(t *testing.T) {
	w := newWorld(t, nil)
	for i := range maxRetired + 10 {
		w.one(replace("node-1", "disk-"+string(rune('A'+i%26))+string(rune(0x4e00+i))))
	}
	if len(w.members.Retired) != maxRetired || slices.Contains(w.members.Retired, "node-1.disk") {
		t.Errorf("%d are remembered", len(w.members.Retired))
	}
}

// TestJoinRequest: a node's request becomes the right command.
func TestJoinRequest(t *testing.T) {
	c, err := read("node-2", requestOf(link.MethodJoin, nil, &linkpb.Join{Name: "node-2", Server: "s"}))
	if err != nil || c.GetReplace().GetName() != "node-2" || c.GetReplace().GetServer() != "s" {
		t.Errorf("%v, %v", c, err)
	}
	long := string(bytes.Repeat([]byte{'x'}, maxServer+1))
	for _, m := range []*linkpb.Join{{Name: long}, {Server: long}} {
		if _, err := read("node-2", requestOf(link.MethodJoin, nil, m)); game.CodeOf(err, wirepb.Code_OK) != wirepb.Code_BAD_REQUEST {
			t.Errorf("too long: %v", err)
		}
	}
}
