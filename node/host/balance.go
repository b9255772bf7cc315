package host

import (
	"context"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"

	"teahouse/pkg/game"
	"teahouse/pkg/link"
	"teahouse/pkg/link/linkpb"
	"teahouse/pkg/raftgroup"
	"teahouse/pkg/wire/wirepb"
)

const (
	// balanceEvery is how often a node checks whether it should lead.
	balanceEvery = 500 * time.Millisecond
	// balanceChecks is how many checks in a row must find this node ready before it asks: gateways
	// need a moment to find a node that has just started, and a failed attempt must not be repeated
	// at once.
	balanceChecks = 4
	// yieldTimeout bounds one request for a leadership.
	yieldTimeout = 2 * time.Second
	// maxLag is how many entries a replica may be behind and still count as up to date.
	maxLag = 64
)

// balance asks for the leaderships that this node has by preference. The node that wants to lead asks,
// because only it knows how much of its log it has applied: a node that has just restarted has the whole
// log on its disk, and its players would have to wait while it replays the log.
func (n *node) balance(ctx context.Context) error {
	tick := time.NewTicker(balanceEvery)
	defer tick.Stop()
	checks := make(map[*replica]int)
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		for _, r := range n.replicas() {
			if r.preferred != n.cfg.Name || n.leaving.Load() {
				continue
			}
			st := r.group.Status()
			if st.Leading || st.Leader == "" || !level(st) || !votes(st, n.server) {
				checks[r] = 0
				continue
			}
			if checks[r]++; checks[r] >= balanceChecks {
				checks[r] = 0
				ctx, cancel := context.WithTimeout(ctx, yieldTimeout)
				err := n.call(ctx, game.GroupID(st.ID), link.MethodYield, 0, &linkpb.Yield{Gateways: n.in.Gateways()}, new(linkpb.YieldReply))
				cancel()
				n.log.Info("leadership asked for", "shard", st.ID, "error", err)
			}
		}
	}
}

// level reports whether a replica is up to date: it has applied nearly all entries.
func level(st raftgroup.Status) bool {
	return st.Commit > 0 && st.Commit+maxLag >= st.LastIndex && st.Applied+maxLag >= st.Commit
}

// votes reports whether a server is a voter, and so may lead.
func votes(st raftgroup.Status, server raftgroup.ServerID) bool {
	return slices.Contains(st.Members, raftgroup.Member{ID: server, Voter: true})
}

// yield transfers a leadership to the node that asks for it, if that is the preferred leader and ready.
func (n *node) yield(from string, req *linkpb.Request, reply func(*linkpb.Response)) {
	group := game.GroupID(req.Group)
	m := new(linkpb.Yield)
	if err := proto.Unmarshal(req.Payload, m); err != nil {
		reply(&linkpb.Response{Code: wirepb.Code_BAD_REQUEST, Detail: err.Error()})
		return
	}
	if n.leaving.Load() { // leave transfers all leaderships, and chooses the targets itself
		reply(&linkpb.Response{Code: wirepb.Code_UNAVAILABLE, Detail: "this node is leaving"})
		return
	}
	n.mu.Lock()
	r := n.shards[group]
	n.mu.Unlock()
	if r == nil || !r.shard.Status().Leading {
		reply(&linkpb.Response{Code: wirepb.Code_NOT_LEADER})
		return
	}
	st, to := r.group.Status(), servers(n.currentView().Members)[r.preferred]
	if matched, heard := st.Matched[to]; !heard || r.preferred != from || !votes(st, to) || matched+maxLag < st.LastIndex {
		reply(&linkpb.Response{Code: wirepb.Code_BAD_REQUEST, Detail: "not for " + from})
		return
	}
	// While the registry is down, gateways do not learn a node's new address, and could not reach the
	// tables on it.
	if far := missing(n.in.Gateways(), m.Gateways); far != "" {
		reply(&linkpb.Response{Code: wirepb.Code_UNAVAILABLE, Detail: far + " is not linked to " + from})
		return
	}
	err := n.pool.Submit(func() {
		ctx, cancel := context.WithTimeout(context.Background(), yieldTimeout)
		defer cancel()
		n.moving(group, r.group.State().Term)
		if err := r.group.Transfer(ctx, to); err != nil {
			n.log.Warn("leadership not given back", "shard", group, "to", from, "error", err)
		}
	})
	if err != nil {
		reply(&linkpb.Response{Code: wirepb.Code_BUSY, Detail: err.Error()})
		return
	}
	reply(&linkpb.Response{})
}

// missing returns one of mine that is not among theirs, or "".
func missing(mine, theirs []string) string {
	for _, name := range mine {
		if !slices.Contains(theirs, name) {
			return name
		}
	}
	return ""
}
