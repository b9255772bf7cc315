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
	// replaceEvery is how often the coordinator's leader looks whether a group
	// has its members.
	replaceEvery = 100 * time.Millisecond
	// alignTimeout bounds one step of a group.
	alignTimeout = 5 * time.Second
)

// replace brings the groups of a node that lost its disk back to their full
// number: the coordinator's own, then each shard of that node. What is to be
// done stands in the coordinator's log and what is done shows in the groups' own
// configurations, so whoever leads next goes on from there.
func (n *node) replace(ctx context.Context) error {
	tick := time.NewTicker(replaceEvery)
	defer tick.Stop()
	said := make(map[game.GroupID]string) // a node may stay away for long: each reason once
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
				n.log.Info("a group has not taken the new disk yet", "group", group, "server", v.Replacing.Server, "error", err)
			}
			if done {
				n.log.Info("the new disk is a member", "group", group, "server", v.Replacing.Server)
				n.coord.Replaced(v.Replacing.Server, group, func(*linkpb.Response) {}) // the next look sees whether it counted
			}
			if !done && group == game.Coordinator {
				break // the new disk learns of its shards from there
			}
		}
	}
}

// servesCoordinator reports whether this node leads the coordinator and has
// applied all that was committed before: nothing is done by an older list.
func (n *node) servesCoordinator() bool {
	group, ok := n.raft.Group(raftgroup.Coordinator)
	n.mu.Lock()
	defer n.mu.Unlock()
	return ok && n.servingSince[game.Coordinator] != 0 && group.State().Leading
}

// aligned has a group's leader take one step, and reports whether none is left.
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

// align takes one step of a group that this node leads.
func (n *node) align(ctx context.Context, id game.GroupID) (*linkpb.AlignReply, error) {
	group, ok := n.raft.Group(raftgroup.GroupID(id))
	if !ok {
		return nil, raftgroup.ErrNotLeader
	}
	change, err := group.Align(ctx, placed(n.coord.View(), id))
	if err != nil {
		return nil, err
	}
	if change.Changes() {
		n.log.Info("members changed", "group", id, "change", change)
	}
	return &linkpb.AlignReply{Done: change.Kind == raftgroup.NoChange, Waiting: change.Why}, nil
}

// placed are the members that a group should have.
func placed(v coordinator.View, id game.GroupID) (members []raftgroup.Member) {
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

// alignShard answers the coordinator's leader. A member list that is older than
// the caller's is not acted upon.
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
