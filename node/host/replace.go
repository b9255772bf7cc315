package host

import (
	"context"
	"errors"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"

	"teahouse/node/coordinator"
	"teahouse/pkg/game"
	"teahouse/pkg/link"
	"teahouse/pkg/link/linkpb"
	"teahouse/pkg/panics"
	"teahouse/pkg/raftgroup"
	"teahouse/pkg/wire/wirepb"
)

const (
	// replaceEvery is how often the coordinator's leader checks whether groups must be changed.
	replaceEvery = 100 * time.Millisecond
	// alignTimeout bounds one step of a group.
	alignTimeout = 5 * time.Second
)

// replace makes a node's new disk a member of its groups: the coordinator's first, then each shard of that
// node. What is still to be done is in the coordinator's log, and what was done is in the groups' own
// configurations, so the next leader can continue.
func (n *node) replace(ctx context.Context) error {
	tick := time.NewTicker(replaceEvery)
	defer tick.Stop()
	said := make(map[game.GroupID]string) // log each reason once: a node may be away for long
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		v := n.coord.View()
		if v.Replacing == nil || !n.servesCoordinator() {
			continue
		}
		for _, group := range v.Replacing.Groups {
			done, err := n.aligned(ctx, group, v)
			if err != nil && said[group] != err.Error() {
				said[group] = err.Error()
				n.log.Info("the new disk is not a member of a group yet", "group", group, "server", v.Replacing.Server, "error", err)
			}
			if done {
				n.log.Info("the new disk is a member", "group", group, "server", v.Replacing.Server)
				n.coord.Replaced(v.Replacing.Server, group, func(*linkpb.Response) {}) // the outcome shows in the next view
			}
			if !done && group == game.Coordinator {
				break // the new disk learns from the coordinator's log which shards it keeps
			}
		}
	}
}

// servesCoordinator reports whether this node leads the coordinator and has applied all earlier entries, so
// that its member list is not an old one.
func (n *node) servesCoordinator() bool {
	group, ok := n.raft.Group(raftgroup.Coordinator)
	n.mu.Lock()
	defer n.mu.Unlock()
	return ok && n.servingSince[game.Coordinator] != 0 && group.State().Leading
}

// aligned makes a group's leader take one step, and reports whether none is left.
func (n *node) aligned(ctx context.Context, group game.GroupID, v coordinator.View) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, alignTimeout)
	defer cancel()
	reply := new(linkpb.AlignReply)
	var err error
	if group == game.Coordinator {
		reply, err = n.align(ctx, group)
	} else {
		err = n.call(ctx, group, link.MethodAlign, 0, &linkpb.Align{Members: v.Members.GetNumber()}, reply)
	}
	if err == nil && reply.Waiting != "" {
		err = errors.New(reply.Waiting)
	}
	return err == nil && reply.Done, err
}

// align takes one step towards the wanted members in a group that this node leads.
func (n *node) align(ctx context.Context, id game.GroupID) (*linkpb.AlignReply, error) {
	group, ok := n.raft.Group(raftgroup.GroupID(id))
	if !ok {
		return nil, raftgroup.ErrNotLeader
	}
	change, err := group.Align(ctx, wantedMembers(n.coord.View(), id))
	if err != nil {
		return nil, err
	}
	if change.Changes() {
		n.log.Info("members changed", "group", id, "change", change)
	}
	return &linkpb.AlignReply{Done: change.Kind == raftgroup.NoChange, Waiting: change.Why}, nil
}

// wantedMembers returns the members that a group should have.
func wantedMembers(v coordinator.View, id game.GroupID) (members []raftgroup.Member) {
	if id == game.Coordinator {
		list := v.Members.GetMembers()
		voters := coordinatorVoters(len(list))
		for i, m := range list {
			members = append(members, raftgroup.Member{ID: raftgroup.ServerID(m.Server), Voter: i < voters})
		}
		return members
	}
	ids := servers(v.Members)
	i := slices.IndexFunc(v.Shards, func(s coordinator.Shard) bool { return s.ID == id })
	for _, name := range v.Shards[i].Replicas {
		members = append(members, raftgroup.Member{ID: ids[name], Voter: true})
	}
	return members
}

// alignShard handles cluster.align for a shard. It refuses to act on a member list that is older than the
// caller's.
func (n *node) alignShard(req *linkpb.Request, reply func(*linkpb.Response)) {
	m := new(linkpb.Align)
	if err := proto.Unmarshal(req.Payload, m); err != nil {
		reply(&linkpb.Response{Code: wirepb.Code_BAD_REQUEST, Detail: err.Error()})
		return
	}
	if n.coord.View().Members.GetNumber() < m.Members {
		reply(&linkpb.Response{Code: wirepb.Code_BUSY, Detail: "an older member list"})
		return
	}
	err := n.pool.Submit(func() {
		ctx, cancel := context.WithTimeout(context.Background(), alignTimeout)
		defer cancel()
		var out *linkpb.AlignReply
		err := panics.Try(func() (err error) {
			out, err = n.align(ctx, game.GroupID(req.Group))
			return err
		})
		switch {
		case errors.Is(err, raftgroup.ErrNotLeader), errors.Is(err, raftgroup.ErrStopped):
			reply(&linkpb.Response{Code: wirepb.Code_NOT_LEADER})
		case err != nil:
			reply(&linkpb.Response{Code: wirepb.Code_UNAVAILABLE, Detail: err.Error()})
		default:
			payload, err := proto.Marshal(out)
			if err != nil {
				reply(&linkpb.Response{Code: wirepb.Code_INTERNAL, Detail: err.Error()})
				return
			}
			reply(&linkpb.Response{Payload: payload})
		}
	})
	if err != nil {
		reply(&linkpb.Response{Code: wirepb.Code_BUSY, Detail: err.Error()})
	}
}
