package coordinator

import (
	"slices"

	"google.golang.org/protobuf/proto"

	"teahouse/node/coordinator/coordpb"
	"teahouse/pkg/game"
	"teahouse/pkg/link/linkpb"
	"teahouse/pkg/versions"
	"teahouse/pkg/wire/wirepb"
)

// maxGames bounds what a node's binary may say that it plays.
const maxGames = 64

// soundVersions refuses what must not come into the log.
func soundVersions(v *linkpb.Versions) error {
	switch {
	case v == nil:
		return nil
	case versions.Unknown(v) != "":
		return game.Errorf(wirepb.Code_UNAVAILABLE, "this leader does not know all that is said of versions")
	case !(versions.Range{Min: v.GetMinLevel(), Max: v.GetMaxLevel()}).Valid() || len(v.GetGames()) > maxGames:
		return game.Errorf(wirepb.Code_BAD_REQUEST, "no valid versions")
	}
	for _, g := range v.GetGames() {
		if len(g.GetName()) > maxServer {
			return game.Errorf(wirepb.Code_BAD_REQUEST, "a name that is too long")
		}
	}
	return nil
}

// report notes what the binary of a member knows.
func (s *state) report(i int, v *linkpb.Versions, e *effects) {
	if v == nil || proto.Equal(s.members.GetMembers()[i].GetVersions(), v) {
		return
	}
	next := proto.CloneOf(s.members) // views share the old list
	next.Number++
	next.Members[i].Versions = proto.CloneOf(v)
	s.members, e.viewed = next, true
}

// Level is that of a member list.
func Level(m *linkpb.Members) uint32 { return max(versions.FirstLevel, m.GetLevel()) }

// raise raises the cluster's level. A member that has not said that it can blocks it,
// unless it is named: it may be away for good, and halts if it comes back as it was.
func (s *state) raise(l *coordpb.Level, e *effects) result {
	if l.GetLevel() <= Level(s.members) {
		return result{} // asked before, and never lowered
	}
	for _, name := range l.GetWithout() {
		if !slices.ContainsFunc(s.members.GetMembers(), func(m *linkpb.Member) bool { return m.GetName() == name }) {
			return result{code: wirepb.Code_BAD_REQUEST}
		}
	}
	if len(Unable(s.members, l.GetLevel(), l.GetWithout())) > 0 {
		return result{code: wirepb.Code_UNAVAILABLE}
	}
	next := proto.CloneOf(s.members)
	next.Number++
	next.Level = l.GetLevel()
	s.members, e.viewed = next, true
	return result{}
}

// Unable are the members that have not said that they can run at a level, but for those
// named.
func Unable(list *linkpb.Members, level uint32, without []string) (members []*linkpb.Member) {
	for _, m := range list.GetMembers() {
		v := m.GetVersions()
		can := v != nil && versions.Range{Min: v.GetMinLevel(), Max: v.GetMaxLevel()}.Holds(level)
		if !can && !slices.Contains(without, m.GetName()) {
			members = append(members, m)
		}
	}
	return members
}

// gameVersion is what a new table of this mode is played in: the highest that every
// member plays. Who has said nothing plays the first one.
func (s *state) gameVersion(played *coordpb.Mode) uint32 {
	version := max(1, played.GetVersion())
	for _, m := range s.members.GetMembers() {
		version = min(version, max(1, plays(m, played.GetGame())))
	}
	return version
}

// playable reports whether every member knows the game of a mode.
func (s *state) playable(played *coordpb.Mode) bool {
	return !slices.ContainsFunc(s.members.GetMembers(), func(m *linkpb.Member) bool {
		return m.GetVersions() != nil && plays(m, played.GetGame()) == 0
	})
}

// plays is the newest version of a game that a member plays; 0 = none, or it has not said.
func plays(m *linkpb.Member, name string) uint32 {
	for _, g := range m.GetVersions().GetGames() {
		if g.GetName() == name {
			return g.GetNewest()
		}
	}
	return 0
}

// Raise puts a higher level of the cluster into the log. Leader only; done is called
// exactly once, from any goroutine, with OK, BAD_REQUEST (nobody by a name) or UNAVAILABLE (see
// Unable).
func (c *Coordinator) Raise(level uint32, without []string, done func(*linkpb.Response)) {
	r := request{reply: done, command: &coordpb.Command{Body: &coordpb.Command_Level{
		Level: &coordpb.Level{Level: level, Without: without},
	}}}
	if code := c.in.put(r); code != wirepb.Code_OK {
		r.refuse(code)
	}
}
