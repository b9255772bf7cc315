package host

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/panjf2000/ants/v2"
	"google.golang.org/protobuf/proto"

	"teahouse/node/coordinator"
	"teahouse/node/shard"
	"teahouse/pkg/game"
	"teahouse/pkg/link/linkpb"
	"teahouse/pkg/panics"
	"teahouse/pkg/raftgroup"
	"teahouse/pkg/status"
	"teahouse/registry"
)

// replica is this node's replica of one shard.
type replica struct {
	shard     *shard.Shard
	group     *raftgroup.Group
	preferred string // name of the preferred leader
}

// serve runs the groups until asked ends, and then leaves in order, or until one part fails.
func (n *node) serve(asked context.Context, reg registry.Registry, self registry.Instance, links, statuses listener) error {
	ctx, stop := context.WithCancelCause(context.WithoutCancel(asked))
	defer stop(nil)
	var running sync.WaitGroup
	run := func(part func(context.Context) error) {
		running.Go(func() {
			if err := part(ctx); err != nil && ctx.Err() == nil {
				stop(err)
			}
		})
	}
	nodes, err := reg.Watch(ctx, registry.RoleNode)
	if err != nil {
		return err
	}
	run(func(ctx context.Context) error { return n.watch(ctx, nodes) })
	run(n.coord.Run)
	run(n.follow)
	run(n.balance)
	run(n.replace)
	run(n.awaitReplaced)
	run(n.space.watch)
	run(func(ctx context.Context) error { return status.Serve(ctx, statuses, n.statusMux()) })

	if newcomer(n.birth, string(n.server), n.used) {
		n.log.Warn("this disk is new: waiting until the cluster's majority puts it into the place of the one before", "server", n.server)
		joining, cancel := until(ctx, asked)
		err := n.join(joining)
		cancel()
		if err != nil {
			stop(err)
			running.Wait()
			if asked.Err() != nil {
				return nil
			}
			return context.Cause(ctx)
		}
	}
	n.in.SetGroup(game.Coordinator, coordinatorGroup{n.coord, n})
	voters := coordinatorVoters(len(n.birth.Voters))
	var members []raftgroup.Member
	for i, s := range n.birth.Voters {
		members = append(members, raftgroup.Member{ID: raftgroup.ServerID(s.ID), Voter: i < voters})
	}
	_, err = n.raft.Start(raftgroup.GroupConfig{
		ID: raftgroup.Coordinator, Machine: n.coord, Bootstrap: members, OnState: n.coord.OnState,
	})
	if err == nil {
		run(func(ctx context.Context) error { return n.in.Serve(ctx, links) })
		register := func() error { return n.registered.begin(ctx, reg, self) }
		if err = register(); err == nil {
			run(func(ctx context.Context) error { return n.keepMembership(ctx, register) })
		}
	}
	if err != nil {
		stop(err)
	} else {
		n.cfg.Ready(map[string]string{
			"link": self.LinkAddr, "raft": self.RaftAddr, "status": statuses.address,
		})
	}
	select {
	case <-asked.Done():
		n.leave()
		stop(nil)
	case <-ctx.Done():
	}
	running.Wait()
	if asked.Err() == nil {
		return context.Cause(ctx)
	}
	return nil
}

// watch follows the registry. The registry only provides the nodes' addresses; the member list decides which
// nodes are members.
func (n *node) watch(ctx context.Context, nodes <-chan registry.Snapshot) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case s, open := <-nodes:
			if !open {
				return nil
			}
			n.peers.SetTargets(n.directory.learn(s))
			n.displaced.Store(displaced(s, n.cfg.Name, n.server))
		}
	}
}

// onView passes a view to follow. It is called while an entry is being applied, so it must not block. The level
// is set at once: what this node proposes next may be of the new level, and must say so.
func (n *node) onView(v coordinator.View) {
	if v.Cluster != "" {
		n.raft.SetLevel(coordinator.Level(v.Members))
	}
	select {
	case <-n.views: // replace an older view that follow has not handled
	default:
	}
	n.views <- v
}

// follow starts the replicas that the placement assigns to this node, and sends new member lists over the
// links.
func (n *node) follow(ctx context.Context) error {
	var running sync.WaitGroup
	defer running.Wait()
	for {
		select {
		case <-ctx.Done():
			return nil
		case level := <-n.newLevel:
			n.raft.SetLevel(level)
		case v := <-n.views:
			if v.Cluster == "" {
				continue
			}
			n.mu.Lock()
			n.view = v
			n.mu.Unlock()
			if err := n.retired(v.Members); err != nil {
				return err
			}
			n.in.SetMembers(v.Members)
			for _, s := range v.Shards {
				if err := n.startShard(ctx, &running, s); err != nil {
					return err
				}
			}
		}
	}
}

// startShard starts this node's replica of a shard, unless it has none or the replica runs already.
func (n *node) startShard(ctx context.Context, running *sync.WaitGroup, s coordinator.Shard) error {
	n.mu.Lock()
	_, runs := n.shards[s.ID]
	n.mu.Unlock()
	if runs || !slices.Contains(s.Replicas, n.cfg.Name) {
		return nil
	}
	// Only the servers of the birth record bootstrap a group. A disk that came later is not among them
	// and waits to be added.
	var members []raftgroup.Member
	for _, name := range s.Replicas {
		i := slices.IndexFunc(n.birth.Voters, func(s game.Server) bool { return s.Name == name })
		if i < 0 {
			return fmt.Errorf("host: shard %d is on %s, with which the cluster was not born", s.ID, name)
		}
		members = append(members, raftgroup.Member{ID: raftgroup.ServerID(n.birth.Voters[i].ID), Voter: true})
	}
	tables, err := n.cfg.tables()
	if err != nil {
		return err
	}
	sh, err := shard.New(shard.Config{
		Group: s.ID, Cluster: n.birth.Cluster, Node: n.cfg.Name, Games: n.games, DefaultQueue: tables,
		Results: n.store, Unsettled: n.cfg.Unsettled, Ended: n.ended, Pool: pool{n.pool},
		Push:     func(gateway string, p *linkpb.Push) { n.in.Push(gateway, p) },
		Announce: func(term uint64, withdrawn bool) { n.announce(s.ID, term, !withdrawn) },
		Refuse:   n.space.refuse,
		Level:    n.raft.Level,
		Logger:   n.cfg.Logger,
	})
	if err != nil {
		return err
	}
	group, err := n.raft.Start(raftgroup.GroupConfig{
		ID: raftgroup.GroupID(s.ID), Machine: sh, Bootstrap: members,
		OnState: func(st raftgroup.State) { sh.OnState(st.Leading, st.Term) },
	})
	if err != nil {
		return err
	}
	running.Go(func() { sh.Run(ctx, proposer{group}) })
	n.mu.Lock()
	n.shards[s.ID] = &replica{shard: sh, group: group, preferred: s.Replicas[0]}
	n.mu.Unlock()
	n.in.SetGroup(s.ID, shardGroup{sh, n})
	return nil
}

// call sends a request to a group's leader and decodes the answer.
func (n *node) call(ctx context.Context, group game.GroupID, method string, table uint64, req, resp proto.Message) error {
	payload, err := proto.Marshal(req)
	if err != nil {
		return err
	}
	r, err := n.peers.Call(ctx, group, &linkpb.Request{Method: method, Table: table, Group: uint32(group), Payload: payload})
	if err != nil {
		return err
	}
	if err := refusal(method, r); err != nil {
		return err
	}
	return proto.Unmarshal(r.Payload, resp)
}

// newPool makes a pool that refuses jobs beyond its size. If somebody waits for a job, its submitter must turn a
// panic into a failure of the job; any other panic ends only the job and is logged.
func (n *node) newPool(size int) (*ants.Pool, error) {
	return ants.NewPool(size, ants.WithNonblocking(true), ants.WithPanicHandler(func(value any) {
		n.log.Error("a job panicked", "with", panics.Describe(value))
	}))
}

// pool adapts the worker pool to the shards.
type pool struct{ submitter }

type submitter interface{ Submit(func()) error }

func (p pool) Go(f func()) error { return p.Submit(f) }

// proposer adapts a Raft group to a shard's log.
type proposer struct{ group *raftgroup.Group }

func (p proposer) Propose(data []byte) shard.Future { return p.group.Propose(data) }

// serving records that this node has started, or stopped, to serve a group as its leader.
func (n *node) serving(group game.GroupID, leading bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if leading {
		n.servingSince[group] = time.Now().UnixMicro()
	} else {
		delete(n.servingSince, group)
	}
}

func (n *node) currentView() coordinator.View {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.view
}

// replicas returns this node's replicas of shards, by id.
func (n *node) replicas() []*replica {
	n.mu.Lock()
	defer n.mu.Unlock()
	var all []*replica
	for _, id := range slices.Sorted(maps.Keys(n.shards)) {
		all = append(all, n.shards[id])
	}
	return all
}
