// Package route is the gateway's routing snapshot: which node executes a call.
//
//	s, changed := s.Announced("node-2", announce) // node-2 leads shard 3 in term 17
//	node, ok := s.Lookup(wirepb.Scope_TABLE, table, player, reachable)
//
// A Snapshot is an immutable value: each change returns a new one and the owner swaps a pointer, so
// readers need no lock and never see half a change. The package has no clock and no network, keeps
// no links and parks no calls. Only package gateway/upstream needs it.
package route

import (
	"fmt"
	"slices"

	"teahouse/pkg/game"
	"teahouse/pkg/link"
	"teahouse/pkg/link/linkpb"
	"teahouse/pkg/ring"
	"teahouse/pkg/wire/wirepb"
)

// Snapshot says which node executes what. The zero value knows no node. No method changes it.
type Snapshot struct {
	leaders link.Leaders
	number  uint64     // of the member list; 0 = none yet
	members *ring.Ring // of that list, nil = none yet
	shards  uint32     // highest shard id in the list
}

// Lookup returns the node that executes a call of the scope; ok is false while it is unknown. Table
// is used for scope TABLE, player and reachable for scope SESSION: a member that cannot be reached
// is skipped at once, because what its services know is in the database.
func (s *Snapshot) Lookup(
	scope wirepb.Scope, table game.TableID, player game.PlayerID, reachable func(node string) bool,
) (node string, ok bool) {
	switch scope {
	case wirepb.Scope_TABLE:
		node = s.Leader(table.Shard()).Node
	case wirepb.Scope_CLUSTER:
		node = s.Leader(game.Coordinator).Node
	case wirepb.Scope_SESSION:
		if s.members != nil {
			return s.members.OwnerAmong(uint64(player), reachable)
		}
	}
	return node, node != ""
}

// Unheard reports whether a table's shard is beyond the highest one in the member list: its id is
// made up, or the list is old. It is no use waiting for its leader.
func (s *Snapshot) Unheard(table game.TableID) bool {
	return s.members != nil && table.Shard() > game.GroupID(s.shards)
}

// Leader is what is known about the group's leader.
func (s *Snapshot) Leader(group game.GroupID) link.Route { return s.leaders.Of(uint32(group)) }

// Missing says why some call would find no way; nothing means that every group's leader is known
// and reachable.
func (s *Snapshot) Missing(reachable func(node string) bool) (reasons []string) {
	if s.members == nil {
		return []string{"no member list yet"}
	}
	for group := range game.GroupID(s.shards) + 1 {
		switch node := s.Leader(group).Node; {
		case node == "":
			reasons = append(reasons, fmt.Sprintf("no leader of group %d is known", group))
		case !reachable(node):
			reasons = append(reasons, fmt.Sprintf("no link to %s, which leads group %d", node, group))
		}
	}
	return reasons
}

// Shards is the highest shard id in the member list; 0 = no list yet.
func (s *Snapshot) Shards() game.GroupID { return game.GroupID(s.shards) }

// Members is the number of the member list in force; 0 = none yet.
func (s *Snapshot) Members() uint64 { return s.number }

// MayBeMember reports whether a node is in the member list; without a list everyone may be.
func (s *Snapshot) MayBeMember(node string) bool {
	return s.members == nil || slices.ContainsFunc(s.members.Members(), func(m ring.Member) bool { return m.Name == node })
}

// Announced returns the snapshot after node has announced something about a group.
func (s *Snapshot) Announced(node string, a *linkpb.Announce) (_ *Snapshot, changed bool) {
	leaders, changed := s.leaders.Announced(node, a)
	return s.with(leaders, changed)
}

// Refused returns the snapshot after a call that took the route was answered with NOT_LEADER.
func (s *Snapshot) Refused(group game.GroupID, used link.Route) (_ *Snapshot, changed bool) {
	leaders, changed := s.leaders.Refused(uint32(group), used)
	return s.with(leaders, changed)
}

// Down returns the snapshot after the link to node was lost: it leads nothing that we can reach.
func (s *Snapshot) Down(node string) (_ *Snapshot, changed bool) {
	leaders, changed := s.leaders.Down(node)
	return s.with(leaders, changed)
}

// WithMembers returns the snapshot with a newer member list; an older one, or one without members,
// changes nothing. It returns an error if no ring can be made of the list.
func (s *Snapshot) WithMembers(list *linkpb.Members) (_ *Snapshot, changed bool, err error) {
	if list.Number <= s.number || len(list.Members) == 0 {
		return s, false, nil
	}
	members := make([]ring.Member, 0, len(list.Members))
	for _, m := range list.Members {
		members = append(members, ring.Member{Name: m.Name, Weight: int(m.Weight), Zone: m.Zone})
	}
	r, err := ring.New(members)
	if err != nil {
		return s, false, fmt.Errorf("route: member list %d: %w", list.Number, err)
	}
	return &Snapshot{leaders: s.leaders, number: list.Number, members: r, shards: list.Shards}, true, nil
}

func (s *Snapshot) with(leaders link.Leaders, changed bool) (*Snapshot, bool) {
	if !changed {
		return s, false
	}
	next := *s
	next.leaders = leaders
	return &next, true
}
