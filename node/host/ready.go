package host

import (
	"fmt"

	"teahouse/pkg/game"
	"teahouse/pkg/raftgroup"
)

const (
	// readyBehind is how many entries a replica may have unapplied and still be ready: as many as one append
	// request carries.
	readyBehind = 64
	// readyStall is how long a write of the log may take, in milliseconds.
	readyStall = 250
)

// missing says why this node could not serve a move now; an empty list means that it could.
func (n *node) missing() []string {
	leader := ""
	if n.peers != nil {
		leader = n.peers.Leader(game.Coordinator)
	}
	linked := leader == n.cfg.Name || leader != "" && n.peers.Linked(leader)
	return unready(n.status(), n.leaving.Load(), leader, linked)
}

// unready says why a node with this status is not ready. leader is the node that has announced that it leads
// the coordinator, "" = none is known, and linked reports whether this node has a link to it.
func unready(s Status, leaving bool, leader string, linked bool) (reasons []string) {
	say := func(format string, args ...any) { reasons = append(reasons, fmt.Sprintf(format, args...)) }
	if leaving {
		say("leaving")
	}
	if s.Groups == 0 {
		say("not joined: the member list is not known yet")
	}
	switch {
	case leader == "":
		say("no leader of the coordinator is known")
	case !linked:
		say("no link to %s, which leads the coordinator", leader)
	}
	if s.Disk.StalledMS > readyStall {
		say("the log has not finished a write for %d ms", s.Disk.StalledMS)
	}
	joined := false
	for _, g := range s.Replicas {
		joined = joined || g.Group == uint32(raftgroup.Coordinator)
		if g.Leader == "" {
			say("group %d has no leader", g.Group)
		}
		if g.Applied+readyBehind < g.Last {
			say("group %d is replaying: %d of %d entries applied", g.Group, g.Applied, g.Last)
		}
		if g.Leading && !g.Serving {
			say("group %d: the take-over is not applied yet", g.Group)
		}
	}
	if !joined && s.Groups > 0 {
		say("not joined: the coordinator's group does not run here")
	}
	return reasons
}
