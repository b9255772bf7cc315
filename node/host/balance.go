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
	// balanceEvery is how often a node looks whether it should lead.
	balanceEvery = 500 * time.Millisecond
	// balanceLooks is how many looks in a row must find this node ready: the
	// gateways need a moment to find one that has just started, and a failed
	// attempt is not repeated at once.
	balanceLooks = 4
	// yieldTimeout bounds one request for a leadership.
	yieldTimeout = 2 * time.Second
	// levelWithin is how many entries a replica may be behind and still count
	// as level.
	levelWithin = 64
)

// balance asks for the leaderships that this node has by preference. The one
// who wants to lead asks, because only it knows how much of its log it has
// applied: a node that has just come back has the whole log on its disk, and
// would let everybody wait while it replays that.
func (n *node) balance(ctx context.Context) error {
	tick := time.NewTicker(balanceEvery)
	defer tick.Stop()
	looks := make(map[*replica]int)
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
				looks[r] = 0
				continue
			}
			if looks[r]++; looks[r] >= balanceLooks {
				looks[r] = 0
				ctx, cancel := context.WithTimeout(ctx, yieldTimeout)
				err := n.call(ctx, game.GroupID(st.ID), link.MethodYield, 0, &linkpb.Yield{Gateways: n.in.Gateways()}, new(linkpb.YieldReply))
				cancel()
				n.log.Info("leadership asked for", "shard", st.ID, "error", err)
			}
		}
	}
}

// level reports whether a replica has applied about all there is.
func level(st raftgroup.Status) bool {
	return st.Commit > 0 && st.Commit+levelWithin >= st.LastIndex && st.Applied+levelWithin >= st.Commit
}

// votes reports whether a server may lead.
func votes(st raftgroup.Status, server raftgroup.ServerID) bool {
	return slices.Contains(st.Members, raftgroup.Member{ID: server, Voter: true})
}

// yield gives a leadership to the node that asks for it, if it may have it.
func (n *node) yield(from string, req *linkpb.Request, reply func(*linkpb.Response)) {
	group := game.GroupID(req.Group)
	m := new(linkpb.Yield)
	if err := proto.Unmarshal(req.Payload, m); err != nil {
		reply(&linkpb.Response{Code: wirepb.Code_BAD_REQUEST, Detail: err.Error()})
		return
	}
	if n.leaving.Load() { // it gives everything away, to whom it asks itself
		reply(&linkpb.Response{Code: wirepb.Code_UNAVAILABLE, Detail: "this node leaves"})
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
	if matched, heard := st.Matched[to]; !heard || r.preferred != from || !votes(st, to) || matched+levelWithin < st.LastIndex {
		reply(&linkpb.Response{Code: wirepb.Code_BAD_REQUEST, Detail: "not for " + from})
		return
	}
	// While the registry is away nobody hears of a node's new address: its players
	// would sit behind a gateway that cannot reach their tables.
	if far := missing(n.in.Gateways(), m.Gateways); far != "" {
		reply(&linkpb.Response{Code: wirepb.Code_UNAVAILABLE, Detail: far + " is not linked to " + from})
		return
	}
	err := n.pool.Submit(func() {
		ctx, cancel := context.WithTimeout(context.Background(), yieldTimeout)
		defer cancel()
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

// missing is one of mine that is not among theirs, or "".
func missing(mine, theirs []string) string {
	for _, name := range mine {
		if !slices.Contains(theirs, name) {
			return name
		}
	}
	return ""
}
