// Package route is the gateway's routing snapshot: which node executes a call.
//
//	s, changed := s.Announced(3, "node-2", 17) // node-2 leads shard 3 in term 17
//	node, ok := s.Lookup(wirepb.Scope_TABLE, table, player)
//
// A Snapshot is an immutable value: each change returns a new one and the owner swaps a
// pointer, so readers need no lock and never see half a change. The package has no clock and
// no network, keeps no links and parks no calls. Only package gateway/upstream needs it.
package route

import (
	"fmt"
	"maps"

	"teahouse/pkg/game"
	"teahouse/pkg/link/linkpb"
	"teahouse/pkg/ring"
	"teahouse/pkg/wire/wirepb"
)

// Snapshot says who executes what. The zero value knows nobody. No method changes it.
type Snapshot struct {
	leaders map[game.GroupID]leader
	number  uint64     // of the member list
	members *ring.Ring // nil = no member list yet
}

// leader is the newest that was heard of a group. The term never decreases, so that a late
// announcement of an old leader is told from a new one.
type leader struct {
	node string // empty = unknown now
	term uint64
}

// Lookup returns the node that executes a call of the scope; ok is false while it is
// unknown. Table counts for scope TABLE, player for scope SESSION.
func (s *Snapshot) Lookup(scope wirepb.Scope, table game.TableID, player game.PlayerID) (node string, ok bool) {
	switch scope {
	case wirepb.Scope_TABLE:
		return s.Leader(table.Shard())
	case wirepb.Scope_CLUSTER:
		return s.Leader(game.Coordinator)
	case wirepb.Scope_SESSION:
		if s.members != nil {
			return s.members.Owner(uint64(player))
		}
	}
	return "", false
}

// Leader returns the node that leads the group; ok is false while it is unknown.
func (s *Snapshot) Leader(group game.GroupID) (node string, ok bool) {
	l := s.leaders[group]
	return l.node, l.node != ""
}

// Heard reports whether any node has ever announced the group.
func (s *Snapshot) Heard(group game.GroupID) bool {
	_, ok := s.leaders[group]
	return ok
}

// Members is the number of the member list in force; 0 = none yet.
func (s *Snapshot) Members() uint64 { return s.number }

// Announced returns the snapshot after node has said that it leads group in term. Lower
// terms change nothing. An equal one is accepted, because every new link repeats what is
// in force.
func (s *Snapshot) Announced(group game.GroupID, node string, term uint64) (_ *Snapshot, changed bool) {
	old, heard := s.leaders[group]
	if heard && term < old.term || old == (leader{node, term}) {
		return s, false
	}
	return s.with(group, leader{node, term}), true
}

// Withdrawn returns the snapshot after node has said that it no longer leads group, having
// led it in term.
func (s *Snapshot) Withdrawn(group game.GroupID, node string, term uint64) (_ *Snapshot, changed bool) {
	old := s.leaders[group]
	if old.node != node || term < old.term {
		return s, false
	}
	return s.with(group, leader{"", term}), true
}

// NotLeader returns the snapshot after node has refused a call because it does not lead
// group. The term stays remembered.
func (s *Snapshot) NotLeader(group game.GroupID, node string) (_ *Snapshot, changed bool) {
	old := s.leaders[group]
	if old.node != node || node == "" {
		return s, false
	}
	return s.with(group, leader{"", old.term}), true
}

// Broken returns the snapshot after the link to node was lost: it leads nothing that we
// could reach. The terms stay remembered.
func (s *Snapshot) Broken(node string) (_ *Snapshot, changed bool) {
	var next *Snapshot
	for group, l := range s.leaders {
		if l.node != node {
			continue
		}
		if next == nil {
			next = s.clone()
		}
		next.leaders[group] = leader{"", l.term}
	}
	if next == nil {
		return s, false
	}
	return next, true
}

// WithMembers returns the snapshot with a newer member list; an older one changes nothing.
// The error tells that the list makes no ring.
func (s *Snapshot) WithMembers(list *linkpb.Members) (_ *Snapshot, changed bool, err error) {
	if list.Number <= s.number {
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
	next := *s
	next.number, next.members = list.Number, r
	return &next, true, nil
}

func (s *Snapshot) with(group game.GroupID, l leader) *Snapshot {
	next := s.clone()
	next.leaders[group] = l
	return next
}

// clone copies what the caller is about to change.
func (s *Snapshot) clone() *Snapshot {
	next := *s
	next.leaders = maps.Clone(s.leaders)
	if next.leaders == nil {
		next.leaders = map[game.GroupID]leader{}
	}
	return &next
}
