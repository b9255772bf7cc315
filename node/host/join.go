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

// errReplaced ends a node whose disk is no longer a member's.
var errReplaced = errors.New("another disk has taken the place of this one for good: give the node its newest data folder, or an empty one")

const (
	// stayEvery is how often a node that hears of no leader asks whether it is
	// still a member.
	stayEvery = 2 * time.Second
	// stayTimeout bounds one such question.
	stayTimeout = 5 * time.Second
	// lostAfter is how long a disk must not have answered before another one may
	// take its place: a leader's first moments, an election or a slow write are no loss.
	lostAfter = 2 * time.Second
)

// newcomer reports whether this node may start its groups only once the cluster
// has taken its disk in place of the one that it began with. A disk that has
// been a member since then must not wait: the others may need its vote.
func newcomer(birth game.Birth, server string, used bool) bool {
	return !used && !slices.ContainsFunc(birth.Voters, func(s game.Server) bool { return s.ID == server })
}

// join asks the coordinator's leader for this disk's place and waits for the
// answer.
func (n *node) join(ctx context.Context) error {
	req := &linkpb.Join{Name: n.cfg.Name, Server: string(n.server), Versions: n.versions()}
	err := n.call(ctx, game.Coordinator, link.MethodJoin, 0, req, new(linkpb.JoinReply))
	if game.CodeOf(err, wirepb.Code_OK) == wirepb.Code_SUPERSEDED {
		return fmt.Errorf("host: %s: %w", n.server, errReplaced)
	}
	return err
}

// stay makes sure that this disk is still a member's: once after the start,
// whenever the coordinator's group has no leader that talks to it, because nobody
// tells a server that it was removed, and when another process has registered under
// this node's name. If that one is the impostor, register takes the name back: it
// may have ended long ago, and everybody would go on dialing where it was.
func (n *node) stay(ctx context.Context, register func() error) error {
	tick := time.NewTicker(stayEvery)
	defer tick.Stop()
	for asked := false; ; {
		group, ok := n.raft.Group(raftgroup.Coordinator)
		displaced := n.displaced.Load()
		if !asked || displaced || ok && group.State().Leader == "" {
			timed, cancel := context.WithTimeout(ctx, stayTimeout)
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

// dismissed waits for a link to say that this node is replaced.
func (n *node) dismissed(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case err := <-n.told:
		return err
	}
}

// retired looks whether a member list, from the node's own log or from a link,
// says that its disk was replaced: then it was only thought to be dead.
func (n *node) retired(m *linkpb.Members) error {
	if slices.Contains(m.GetRetired(), string(n.server)) {
		return fmt.Errorf("host: %s: %w", n.server, errReplaced)
	}
	return nil
}

// onMembers is what a link does with a member list. A node that was paused hears
// of its end here first: while another one goes by its name, no link of either
// lives for long enough to ask.
func (n *node) onMembers(m *linkpb.Members) {
	n.heardLevel(coordinator.Level(m))
	if err := n.retired(m); err != nil {
		select {
		case n.told <- err:
		default: // once is enough
		}
	}
}

// refuseJoin is what the log cannot know: whether the old server still answers.
// One that does is not lost, and two nodes go by one name.
func (n *node) refuseJoin(from string, req *linkpb.Request) *linkpb.Response {
	m := new(linkpb.Join)
	if err := proto.Unmarshal(req.Payload, m); err != nil || m.Name != from {
		return &linkpb.Response{Code: wirepb.Code_BAD_REQUEST, Detail: "a node asks for itself"}
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

// lost reports whether another disk may take the place of the present one: that
// has left the coordinator's leader without an answer for long, or it is the one
// that asks. The others must answer: the present one ends when it is replaced, and
// without it nobody could be left to vote for the new one.
func lost(st raftgroup.Status, present, asks raftgroup.ServerID) bool {
	if present == asks {
		return true
	}
	member := slices.ContainsFunc(st.Members, func(m raftgroup.Member) bool { return m.ID == present })
	return st.Quorate() && (!member || st.Silent[present] >= lostAfter)
}

// servers are the members' Raft server ids, by name.
func servers(members *linkpb.Members) map[string]raftgroup.ServerID {
	ids := make(map[string]raftgroup.ServerID)
	for _, m := range members.GetMembers() {
		ids[m.Name] = raftgroup.ServerID(m.Server)
	}
	return ids
}
