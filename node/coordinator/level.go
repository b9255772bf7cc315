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

// levelChoices is the cluster's level from which on the log says what players may choose, and tables know their
// queue.
const levelChoices = 2

// maxGames bounds the games that a node may report.
const maxGames = 64

// checkVersions returns an error for versions that must not go into the log.
func checkVersions(v *linkpb.Versions) error {
	switch {
	case v == nil:
		return nil
	case versions.Unknown(v) != "":
		return game.Errorf(wirepb.Code_UNAVAILABLE, "this leader does not know all fields of the versions")
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

// report records the versions that a member's binary knows.
func (s *state) report(i int, v *linkpb.Versions, e *effects) {
	if v == nil || proto.Equal(s.members.GetMembers()[i].GetVersions(), v) {
		return
	}
	next := proto.CloneOf(s.members) // views share the old list
	next.Number++
	next.Members[i].Versions = proto.CloneOf(v)
	s.members, e.viewed = next, true
}

// Level returns the cluster's level according to a member list.
func Level(m *linkpb.Members) uint32 { return max(versions.FirstLevel, m.GetLevel()) }

// raise raises the cluster's level. Every member must have reported that it knows the new level, unless
// it is named in Without: such a node may be gone for good, and it halts if it comes back with the
// old binary.
func (s *state) raise(l *coordpb.Level, e *effects) result {
	if l.GetLevel() <= Level(s.members) {
		return result{} // a repetition, or a lower level: it is never lowered
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

// Unable returns the members that have not reported that they can run at a level, except those named
// in without.
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

// gameVersion returns the game's version for a new table of this mode: the highest that every member
// plays. A member that has not reported its versions counts as version 1.
func (s *state) gameVersion(played *coordpb.Mode) uint32 {
	version := max(1, played.GetVersion())
	for _, m := range s.members.GetMembers() {
		version = min(version, max(1, plays(m, played.GetGame())))
	}
	return version
}

// playable reports whether every member knows a game.
func (s *state) playable(name string) bool {
	return !slices.ContainsFunc(s.members.GetMembers(), func(m *linkpb.Member) bool {
		return m.GetVersions() != nil && plays(m, name) == 0
	})
}

// plays returns the newest version of a game that a member plays; 0 = none, or not reported.
func plays(m *linkpb.Member, name string) uint32 {
	for _, g := range m.GetVersions().GetGames() {
		if g.GetName() == name {
			return g.GetNewest()
		}
	}
	return 0
}

// Raise puts a higher level of the cluster into the log. Leader only; done is called exactly once, from
// any goroutine, with OK, BAD_REQUEST (a name in without is not a member's) or UNAVAILABLE (see Unable).
func (c *Coordinator) Raise(level uint32, without []string, done func(*linkpb.Response)) {
	r := request{reply: done, command: &coordpb.Command{Body: &coordpb.Command_Level{
		Level: &coordpb.Level{Level: level, Without: without},
	}}}
	if code := c.in.put(r); code != wirepb.Code_OK {
		r.refuse(code)
	}
}
