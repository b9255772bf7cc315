package host

import (
	"context"
	"fmt"

	"teahouse/node/account"
	"teahouse/node/archive"
	"teahouse/node/coordinator"
	"teahouse/node/ingress"
	"teahouse/node/peer"
	"teahouse/pkg/game"
	"teahouse/pkg/link"
	"teahouse/pkg/link/linkpb"
	"teahouse/pkg/raftgroup"
	"teahouse/pkg/wire"
	"teahouse/pkg/wire/wirepb"
)

// connect makes the ingress, the links to the other nodes, and the coordinator's replica.
func (n *node) connect(cfg link.Config) error {
	accounts, err := account.New(account.Config{Results: n.store, Pool: n.lookup, Logger: n.cfg.Logger})
	if err != nil {
		return err
	}
	archives, err := archive.New(archive.Config{Results: n.store, Cluster: n.birth.Cluster, Pool: n.lookup, Logger: n.cfg.Logger})
	if err != nil {
		return err
	}
	n.in, err = ingress.New(ingress.Config{
		Link: cfg, Methods: wire.NewMethods(),
		Services: map[string]ingress.Handler{
			"account.profile": accounts.Profile,
			"account.hands":   accounts.Hands,
			"archive.hand":    archives.Hand,
		},
		OnPeer: n.onPeer,
	})
	if err != nil {
		return err
	}
	n.peers, err = peer.New(peer.Config{Link: cfg, Local: n.local, Lost: n.lost, Members: n.onMembers})
	if err != nil {
		return err
	}
	queues, err := n.queues(coordinator.DefaultQueues())
	if err != nil {
		return err
	}
	n.coord, err = coordinator.New(coordinator.Config{
		Node: n.cfg.Name,
		Propose: func(data []byte) coordinator.Future {
			group, ok := n.raft.Group(raftgroup.Coordinator)
			if !ok {
				return failed{raftgroup.ErrNotLeader}
			}
			return group.Propose(data)
		},
		Create:   n.create,
		Push:     func(gateway string, p *linkpb.Push) { n.in.Push(gateway, p) },
		Announce: func(term uint64, leading bool) { n.announce(game.Coordinator, term, leading) },
		Signer:   n.signer,
		Birth:    n.firstMembers,
		Queues:   queues,
		OnView:   n.onView,
		Logger:   n.cfg.Logger,
	})
	return err
}

// firstMembers returns what the coordinator's leader proposes for a cluster that has no members yet.
func (n *node) firstMembers() coordinator.Birth {
	b := coordinator.Birth{Cluster: n.birth.Cluster, Level: birthLevel(n.birth)}
	for _, s := range n.birth.Voters {
		b.Members = append(b.Members, &linkpb.Member{Name: s.Name, Server: s.ID, Weight: 1, Zone: s.Zone})
	}
	return b
}

// create sends one item of the coordinator's outbox to its shard. The coordinator has only one in flight to
// each shard, so they arrive in order.
func (n *node) create(ctx context.Context, table *linkpb.CreateTable, done func(*linkpb.CreateTableReply, error)) {
	go func() { // ends with ctx
		reply := new(linkpb.CreateTableReply)
		err := n.call(ctx, game.TableID(table.Table).Shard(), link.MethodCreate, table.Table, table, reply)
		done(reply, err)
	}()
}

// ended sends one item of a shard's outbox to the coordinator.
func (n *node) ended(ctx context.Context, m *linkpb.TableEnded) error {
	return n.call(ctx, game.Coordinator, link.MethodEnded, m.Table, m, new(linkpb.TableEndedReply))
}

// lost is called when the link to another node has broken. If the node also refuses a new connection, its
// process is dead, and the groups that it led need not wait for their timeouts.
func (n *node) lost(l link.Loss) {
	n.losses.add(Loss{Node: l.Name, AtUS: l.At.UnixMicro(), Refused: l.Refused})
	n.log.Warn("link to a node broke", "peer", l.Name, "refused", l.Refused)
	if !l.Refused {
		return
	}
	for _, m := range n.currentView().Members.GetMembers() {
		if m.Name == l.Name {
			n.raft.PeerLost(raftgroup.ServerID(m.Server))
		}
	}
}

// onPeer tells the shards about a lost gateway: its seats may have to be detached.
func (n *node) onPeer(name, role string, up bool) {
	if role != link.RoleGateway || up {
		return
	}
	for _, r := range n.replicas() {
		r.shard.GatewayDown(name)
	}
}

// failed is the Future of a proposal that could not be made.
type failed struct{ err error }

func (f failed) Done() <-chan struct{} {
	done := make(chan struct{})
	close(done)
	return done
}

func (f failed) Result() (any, uint64, uint64, error) { return nil, 0, 0, f.err }

// refusal turns a response that is not OK into an error.
func refusal(method string, r *linkpb.Response) error {
	if r.Code == wirepb.Code_OK {
		return nil
	}
	return fmt.Errorf("%s: %w", method, game.Errorf(r.Code, "%s", r.Detail))
}
