package coordinator

import (
	"slices"

	"google.golang.org/protobuf/proto"

	"teahouse/node/coordinator/coordpb"
	"teahouse/pkg/game"
	"teahouse/pkg/link/linkpb"
	"teahouse/pkg/wire/wirepb"
)

// maxRetired bounds the server ids that are remembered as replaced; the oldest is forgotten. A forgotten
// server is not a member of any group either, so it cannot vote; its node only gets a less clear
// reason.
const maxRetired = 1024

// replacement is a node whose new disk is not yet a member of all its groups.
type replacement struct {
	name   string
	server string
	groups []game.GroupID // still to be joined, by id, so the coordinator's comes first
}

// replace lets a node's new disk replace its previous one. One node at a time: until all its groups are
// complete again, another loss could cost a majority.
func (s *state) replace(r *coordpb.Replace, e *effects) result {
	list := s.members.GetMembers()
	i := slices.IndexFunc(list, func(m *linkpb.Member) bool { return m.GetName() == r.GetName() })
	switch {
	case i < 0:
		return result{code: wirepb.Code_NOT_FOUND}
	case list[i].GetServer() == r.GetServer(): // a repetition
		s.report(i, r.GetVersions(), e)
		return result{}
	case slices.Contains(s.members.GetRetired(), r.GetServer()):
		return result{code: wirepb.Code_SUPERSEDED}
	case r.GetServer() == "" || slices.ContainsFunc(list, func(m *linkpb.Member) bool { return m.GetServer() == r.GetServer() }):
		return result{code: wirepb.Code_BAD_REQUEST}
	case s.replacing != nil && s.replacing.name != r.GetName():
		return result{code: wirepb.Code_UNAVAILABLE}
	}
	next := proto.CloneOf(s.members) // views share the old list
	next.Number++
	next.Members[i].Server, next.Members[i].Versions = r.GetServer(), proto.CloneOf(r.GetVersions())
	next.Retired = append(next.Retired, list[i].GetServer())
	next.Retired = next.Retired[max(0, len(next.Retired)-maxRetired):]
	s.members = next
	// The coordinator's group first: the node learns from its log which shards it keeps.
	s.replacing = &replacement{name: r.GetName(), server: r.GetServer(), groups: []game.GroupID{game.Coordinator}}
	for _, sh := range s.shards {
		if slices.Contains(sh.replicas, r.GetName()) {
			s.replacing.groups = append(s.replacing.groups, sh.id)
		}
	}
	e.viewed = true
	return result{}
}

// replaced records that the new disk is a member of one more group.
func (s *state) replaced(r *coordpb.Replaced, e *effects) result {
	if s.replacing == nil || s.replacing.server != r.GetServer() {
		return result{}
	}
	left := slices.Clone(s.replacing.groups) // views share the old list
	left = slices.DeleteFunc(left, func(id game.GroupID) bool { return id == game.GroupID(r.GetGroup()) })
	if len(left) == len(s.replacing.groups) {
		return result{}
	}
	if len(left) == 0 {
		s.replacing = nil
	} else {
		s.replacing = &replacement{name: s.replacing.name, server: s.replacing.server, groups: left}
	}
	e.viewed = true
	return result{}
}

// view returns the replacement as the rest of the node sees it.
func (r *replacement) view() *Replacement {
	if r == nil {
		return nil
	}
	return &Replacement{Node: r.name, Server: r.server, Groups: r.groups}
}

func (r *replacement) message() *coordpb.Replacement {
	if r == nil {
		return nil
	}
	m := &coordpb.Replacement{Name: r.name, Server: r.server}
	for _, id := range r.groups {
		m.Groups = append(m.Groups, uint32(id))
	}
	return m
}

func restoreReplacement(m *coordpb.Replacement) *replacement {
	if m == nil {
		return nil
	}
	r := &replacement{name: m.GetName(), server: m.GetServer()}
	for _, id := range m.GetGroups() {
		r.groups = append(r.groups, game.GroupID(id))
	}
	return r
}

// Replaced puts into the log that the node's new disk is a member of a group.
// Leader only; done is called exactly once, from any goroutine.
func (c *Coordinator) Replaced(server string, group game.GroupID, done func(*linkpb.Response)) {
	r := request{reply: done, command: &coordpb.Command{Body: &coordpb.Command_Replaced{
		Replaced: &coordpb.Replaced{Server: server, Group: uint32(group)},
	}}}
	if code := c.in.put(r); code != wirepb.Code_OK {
		r.refuse(code)
	}
}
