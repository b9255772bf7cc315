package host

import (
	"teahouse/node/coordinator"
	"teahouse/node/peer"
	"teahouse/node/shard"
	"teahouse/pkg/game"
	"teahouse/pkg/link"
	"teahouse/pkg/link/linkpb"
)

// coordinatorGroup adapts the coordinator to the ingress.
type coordinatorGroup struct {
	*coordinator.Coordinator
	node *node
}

func (g coordinatorGroup) Request(from string, req *linkpb.Request, reply func(*linkpb.Response)) {
	switch req.Method {
	case link.MethodOffer:
		reply(g.node.offered(req))
		return
	case link.MethodLevel:
		g.node.level(req, reply)
		return
	case link.MethodJoin:
		if refusal := g.node.refuseJoin(from, req); refusal != nil {
			reply(refusal)
			return
		}
	}
	g.Handle(from, req, reply)
}

// SessionClosed does nothing, because tickets outlive their session.
func (g coordinatorGroup) SessionClosed(string, *linkpb.SessionClosed) {}

// shardGroup adapts a shard to the ingress.
type shardGroup struct {
	*shard.Shard
	node *node
}

func (g shardGroup) Request(from string, req *linkpb.Request, reply func(*linkpb.Response)) {
	switch req.Method {
	case link.MethodYield:
		g.node.yield(from, req, reply)
	case link.MethodOffer:
		reply(g.node.offered(req))
	case link.MethodAlign:
		g.node.alignShard(req, reply)
	default:
		g.Handle(from, req, reply)
	}
}

func (g shardGroup) SessionClosed(_ string, m *linkpb.SessionClosed) { g.Shard.SessionClosed(m) }

// local returns a group's handler on this node, for calls that need no link; nil if there is none.
func (n *node) local(group game.GroupID) peer.Handler {
	if group == game.Coordinator {
		return coordinatorGroup{n.coord, n}.Request
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if r := n.shards[group]; r != nil {
		return shardGroup{r.shard, n}.Request
	}
	return nil
}
