package link

import (
	"maps"

	"teahouse/pkg/link/linkpb"
	"teahouse/pkg/planted"
)

// Route is the leader of a group, as far as known.
type Route struct {
	Node string // "" = not known now
	Term uint64 // highest term seen; never forgotten
}

// Leaders is what one node or gateway knows about the leaders of all groups, collected from the
// Announce frames of its links. It is an immutable value, so readers need no lock: keep it behind
// an atomic pointer and let one writer replace it. The zero value knows nothing.
//
// A leader with a higher term takes the route, an equal term is accepted (every new link announces
// the current leaders again), a lower one is ignored. Losing a route never lowers the term, so a
// deposed leader cannot come back.
type Leaders struct {
	routes map[uint32]Route // never modified
}

// Of is the route to the leader of group.
func (l Leaders) Of(group uint32) Route { return l.routes[group] }

// Announced returns l with node's announcement included. The flag reports whether the group's route
// changed; if not, l itself is returned.
func (l Leaders) Announced(node string, a *linkpb.Announce) (Leaders, bool) {
	old := l.routes[a.Group]
	route := Route{Node: node, Term: a.Term}
	switch {
	case a.Term < old.Term && !planted.Is(planted.LowerTerm):
		return l, false
	case a.Withdrawn && a.Term == old.Term && node != old.Node:
		return l, false // no longer its route
	case a.Withdrawn:
		route.Node = ""
	}
	return l.with(a.Group, route, old)
}

// Refused clears a route on which a call was answered with NOT_LEADER. A route that has changed
// since the call was sent stays.
func (l Leaders) Refused(group uint32, used Route) (Leaders, bool) {
	old := l.routes[group]
	if old != used || used.Node == "" {
		return l, false
	}
	return l.with(group, Route{Term: old.Term}, old)
}

// Down clears all routes to a node whose link is broken.
func (l Leaders) Down(node string) (Leaders, bool) {
	changed := false
	for group, old := range l.routes {
		if node != "" && old.Node == node {
			l, _ = l.with(group, Route{Term: old.Term}, old)
			changed = true
		}
	}
	return l, changed
}

// with is a copy of l with another route for group.
func (l Leaders) with(group uint32, route, old Route) (Leaders, bool) {
	if route == old {
		return l, false
	}
	routes := maps.Clone(l.routes)
	if routes == nil {
		routes = make(map[uint32]Route)
	}
	routes[group] = route
	return Leaders{routes: routes}, true
}
