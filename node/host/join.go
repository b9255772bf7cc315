package host

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"

	"teahouse/node/coordinator"
	"teahouse/pkg/game"
	"teahouse/pkg/link"
	"teahouse/pkg/link/linkpb"
	"teahouse/pkg/raftgroup"
	"teahouse/pkg/wire/wirepb"
	"teahouse/registry"
)

// errReplaced ends a node whose disk was replaced by another one.
var errReplaced = errors.New("another disk has taken the place of this one for good: give the node its newest data folder, or an empty one")

const (
	// membershipEvery is how often a node that knows no leader asks whether it is still a member.
	membershipEvery = 2 * time.Second
	// membershipTimeout bounds one such call.
	membershipTimeout = 5 * time.Second
	// lostAfter is how long a disk must not have answered before another one may replace it. A new
	// leader, an election or a slow write cause shorter silences.
	lostAfter = 2 * time.Second
)

// newcomer reports whether this node's disk is new, so that it may start its groups only once the cluster
// has accepted the disk in place of the node's first one. A disk that was accepted earlier must not
// wait, because the others may need its vote.
func newcomer(birth game.Birth, server string, used bool) bool {
	return !used && !slices.ContainsFunc(birth.Voters, func(s game.Server) bool { return s.ID == server })
}

// join asks the coordinator's leader to accept this disk, and waits for the answer.
func (n *node) join(ctx context.Context) error {
	req := &linkpb.Join{Name: n.cfg.Name, Server: string(n.server), Versions: n.versions()}
	err := n.call(ctx, game.Coordinator, link.MethodJoin, 0, req, new(linkpb.JoinReply))
	if game.CodeOf(err, wirepb.Code_OK) == wirepb.Code_SUPERSEDED {
		return fmt.Errorf("host: %s: %w", n.server, errReplaced)
	}
	return err
}

// keepMembership checks that this disk is still a member's: once after the start; whenever this replica of
// the coordinator's group knows no leader, because a removed server is not notified; and when another
// process has registered under this node's name. If that process is not the member, register replaces its
// entry: it may have ended long ago, and the other nodes would keep dialing its address.
func (n *node) keepMembership(ctx context.Context, register func() error) error {
	tick := time.NewTicker(membershipEvery)
	defer tick.Stop()
	for asked := false; ; {
		group, ok := n.raft.Group(raftgroup.Coordinator)
		displaced := n.displaced.Load()
		if !asked || displaced || ok && group.State().Leader == "" {
			timed, cancel := context.WithTimeout(ctx, membershipTimeout)
			err := n.join(timed)
			switch {
			case errors.Is(err, errReplaced):
				cancel()
				return err
			case err == nil:
				asked = true
			case timed.Err() == nil:
				n.log.Warn("the cluster does not know this disk", "server", n.server, "error", err)
			}
			cancel()
			if err == nil && displaced {
				n.log.Warn("another process has registered under this node's name")
				if err := register(); err != nil {
					return err
				}
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// displaced reports whether the registry shows another server under a node's name.
func displaced(s registry.Snapshot, name string, server raftgroup.ServerID) bool {
	return slices.ContainsFunc(s.Instances, func(i registry.Instance) bool {
		return i.Name == name && i.Meta[metaServer] != string(server)
	})
}

// awaitReplaced waits until a member list from a link says that this disk was replaced.
func (n *node) awaitReplaced(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case err := <-n.replaced:
		return err
	}
}

// retired returns errReplaced if a member list, from the node's own log or from a link, says that this disk
// was replaced, although the node is alive.
func (n *node) retired(m *linkpb.Members) error {
	if slices.Contains(m.GetRetired(), string(n.server)) {
		return fmt.Errorf("host: %s: %w", n.server, errReplaced)
	}
	return nil
}

// onMembers handles a member list from a link. A node that was paused and replaced meanwhile learns it here:
// while another process uses the same name, the links of both break before a call could be answered.
func (n *node) onMembers(m *linkpb.Members) {
	n.heardLevel(coordinator.Level(m))
	if err := n.retired(m); err != nil {
		select {
		case n.replaced <- err:
		default: // one is enough
		}
	}
}

// refuseJoin checks what cannot be decided in the log: whether the old server still answers. If it does, its
// disk is not lost, and two nodes use the same name. It returns nil if the join may proceed.
func (n *node) refuseJoin(from string, req *linkpb.Request) *linkpb.Response {
	m := new(linkpb.Join)
	if err := proto.Unmarshal(req.Payload, m); err != nil || m.Name != from {
		return &linkpb.Response{Code: wirepb.Code_BAD_REQUEST, Detail: "a node can only ask for itself"}
	}
	group, ok := n.raft.Group(raftgroup.Coordinator)
	if !ok {
		return &linkpb.Response{Code: wirepb.Code_NOT_LEADER}
	}
	st := group.Status()
	if !st.Leading {
		return &linkpb.Response{Code: wirepb.Code_NOT_LEADER}
	}
	if !lost(st, servers(n.coord.View().Members)[m.Name], raftgroup.ServerID(m.Server)) {
		return &linkpb.Response{Code: wirepb.Code_UNAVAILABLE, Detail: m.Name + " still runs on another disk"}
	}
	return nil
}

// lost reports whether the disk that asks may replace the present one: the present one has not answered the
// coordinator's leader for long, or both are the same. A majority must answer, because the server on the
// present disk ends when it is replaced, and the rest must be able to elect and to accept the new one.
func lost(st raftgroup.Status, present, asks raftgroup.ServerID) bool {
	if present == asks {
		return true
	}
	member := slices.ContainsFunc(st.Members, func(m raftgroup.Member) bool { return m.ID == present })
	return st.Quorate() && (!member || st.Silent[present] >= lostAfter)
}

// servers returns the members' Raft server ids, by name.
func servers(members *linkpb.Members) map[string]raftgroup.ServerID {
	ids := make(map[string]raftgroup.ServerID)
	for _, m := range members.GetMembers() {
		ids[m.Name] = raftgroup.ServerID(m.Server)
	}
	return ids
}
