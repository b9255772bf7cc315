package host

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	"teahouse/pkg/game"
	"teahouse/pkg/link"
	"teahouse/pkg/link/linkpb"
	"teahouse/pkg/raftgroup"
	"teahouse/pkg/wire/wirepb"
	"teahouse/registry"
)

// Bounds for leaving. Together with closing everything afterwards it takes less than five seconds.
const (
	// leaveWithin bounds the transfer of all leaderships.
	leaveWithin = 3 * time.Second
	// offerTimeout bounds one cluster.offer call.
	offerTimeout = 300 * time.Millisecond
	// handOverTimeout bounds one attempt to transfer one group to one node.
	handOverTimeout = time.Second
	// handOverPause is the longest wait for one group's new leader before the next group is
	// transferred too. One group after another costs each group's players the least, because the
	// elections do not wait for each other.
	handOverPause = 100 * time.Millisecond
	// leaveRounds is how often the node checks again which groups it leads: a leadership may come
	// back if the new leader dies.
	leaveRounds = 3
	// deregisterTimeout bounds the deregistration.
	deregisterTimeout = 500 * time.Millisecond
	// stalledTooLong is how long the log store must have been without finishing a write to make this
	// node unfit to lead.
	stalledTooLong = 100 * time.Millisecond
)

// leave transfers the leadership of each group that this node leads, the coordinator's last, because the
// shards' outboxes need the coordinator. It withdraws its announcement for groups that no node takes. Then it
// deregisters. The node stays a member.
func (n *node) leave() {
	n.leaving.Store(true)
	began := time.Now()
	ctx, cancel := context.WithTimeout(context.Background(), leaveWithin)
	defer cancel()
	given := make(map[string]int)
	for range leaveRounds {
		if shards, coordinator := n.led(); len(shards)+len(coordinator) == 0 {
			break
		} else if n.giveAll(ctx, shards, given)+n.giveAll(ctx, coordinator, given) == 0 {
			break
		}
	}
	shards, coordinator := n.led()
	for _, group := range append(shards, coordinator...) {
		st := group.State()
		n.log.Warn("nobody takes this leadership", "group", group.ID(), "term", st.Term)
		n.announce(game.GroupID(group.ID()), st.Term, false)
	}
	n.log.Info("leaving", "given", given, "after", time.Since(began))
	if !n.displaced.Load() { // otherwise the entry belongs to another process
		n.registered.end()
	}
}

// led returns the groups that this node leads.
func (n *node) led() (shards, coordinator []*raftgroup.Group) {
	for _, r := range n.replicas() {
		if r.group.State().Leading {
			shards = append(shards, r.group)
		}
	}
	if group, ok := n.raft.Group(raftgroup.Coordinator); ok && group.State().Leading {
		coordinator = append(coordinator, group)
	}
	return shards, coordinator
}

// giveAll transfers the leaderships of groups and returns how many it has transferred; given counts the
// leaderships that each node has received.
func (n *node) giveAll(ctx context.Context, groups []*raftgroup.Group, given map[string]int) (count int) {
	var mu sync.Mutex // guards given and count
	var running sync.WaitGroup
	for _, group := range groups {
		done := make(chan struct{})
		running.Go(func() {
			defer close(done)
			mu.Lock()
			load := maps.Clone(given)
			mu.Unlock()
			for _, t := range n.targets(ctx, group, load) {
				if n.give(ctx, group, t) {
					mu.Lock()
					given[t.name]++
					count++
					mu.Unlock()
					return
				}
			}
		})
		pause := time.NewTimer(handOverPause)
		select {
		case <-done:
		case <-pause.C:
		}
		pause.Stop()
	}
	running.Wait()
	return count
}

// target is a node that may receive a leadership.
type target struct {
	name      string
	server    raftgroup.ServerID
	ready     bool   // it has answered that it could serve at once
	preferred bool   // it is the group's preferred leader
	given     int    // leaderships that it has received from this node
	matched   uint64 // index up to which its log matches
}

// targets returns the voters that answer and are not leaving themselves, the best first.
func (n *node) targets(ctx context.Context, group *raftgroup.Group, load map[string]int) []target {
	st := group.Status()
	var preferred string
	n.mu.Lock()
	if r := n.shards[game.GroupID(group.ID())]; r != nil {
		preferred = r.preferred
	}
	n.mu.Unlock()
	var all []target
	for name, server := range servers(n.currentView().Members) {
		matched, answers := st.Matched[server]
		if server == n.server || !answers || !votes(st, server) {
			continue
		}
		all = append(all, target{name: name, server: server, preferred: name == preferred, given: load[name], matched: matched})
	}
	offers := make([]error, len(all))
	var asking sync.WaitGroup
	for i, t := range all {
		asking.Go(func() { offers[i] = n.offer(ctx, t.name, game.GroupID(group.ID())) })
	}
	asking.Wait()
	fit := all[:0]
	for i, t := range all {
		if game.CodeOf(offers[i], wirepb.Code_OK) == wirepb.Code_SHUTTING_DOWN {
			continue
		}
		if t.ready = offers[i] == nil; !t.ready {
			n.log.Info("not a good leader now", "group", group.ID(), "node", t.name, "error", offers[i])
		}
		fit = append(fit, t)
	}
	slices.SortFunc(fit, better)
	return fit
}

// better orders targets: those that are ready first, then the preferred leader, because it would soon ask for
// the leadership; the others by the fewest leaderships received, so that they share.
func better(a, b target) int {
	truth := func(b bool) int {
		if b {
			return 1
		}
		return 0
	}
	return cmp.Or(
		truth(b.ready)-truth(a.ready),
		truth(b.preferred)-truth(a.preferred),
		a.given-b.given,
		cmp.Compare(b.matched, a.matched),
		cmp.Compare(a.name, b.name),
	)
}

// offer asks a node whether it could serve a group at once; nil means yes.
func (n *node) offer(ctx context.Context, to string, group game.GroupID) error {
	payload, err := proto.Marshal(&linkpb.Yield{Gateways: n.in.Gateways()})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, offerTimeout)
	defer cancel()
	r, err := n.peers.Ask(ctx, to, &linkpb.Request{Method: link.MethodOffer, Group: uint32(group), Payload: payload})
	if err != nil {
		return err
	}
	return refusal(link.MethodOffer, r)
}

// offered handles cluster.offer. Only the node itself knows how much of the group's log it has applied and to
// which gateways it has links.
func (n *node) offered(req *linkpb.Request) *linkpb.Response {
	m := new(linkpb.Yield)
	if err := proto.Unmarshal(req.Payload, m); err != nil {
		return &linkpb.Response{Code: wirepb.Code_BAD_REQUEST, Detail: err.Error()}
	}
	no := func(why string) *linkpb.Response {
		return &linkpb.Response{Code: wirepb.Code_UNAVAILABLE, Detail: why}
	}
	group, ok := n.raft.Group(raftgroup.GroupID(req.Group))
	if !ok {
		return no("no such group here")
	}
	switch st, far := group.Status(), missing(m.Gateways, n.in.Gateways()); {
	case n.leaving.Load():
		return &linkpb.Response{Code: wirepb.Code_SHUTTING_DOWN, Detail: "this node is leaving as well"}
	case !votes(st, n.server):
		return no("it is not a voter")
	case !level(st):
		return no("it has not applied all entries yet")
	case n.disk.StalledFor() > stalledTooLong:
		return no("its log store is stalled")
	case far != "":
		return no("it has no link to " + far)
	}
	return &linkpb.Response{}
}

// give transfers the leadership of a group to a node and waits until the node serves. It reports whether this
// node no longer leads the group, even if another node than the target leads it.
func (n *node) give(ctx context.Context, group *raftgroup.Group, to target) bool {
	st := group.State()
	if !st.Leading {
		return true // another node has been elected meanwhile
	}
	n.moving(game.GroupID(group.ID()), st.Term)
	ctx, cancel := context.WithTimeout(ctx, handOverTimeout)
	defer cancel()
	began := time.Now()
	err := group.Transfer(ctx, to.server)
	took := time.Since(began)
	if err == nil {
		err = n.peers.Await(ctx, game.GroupID(group.ID()), to.name)
	}
	said := "leadership given"
	if err != nil {
		said = "leadership not given"
	}
	n.log.Info(said, "group", group.ID(), "to", to.name, "ready", to.ready, "elected_after", took, "serves_after", time.Since(began), "error", err)
	return !group.State().Leading
}

// registered is this node's entry in the registry, which the node removes when it leaves.
type registered struct {
	mu    sync.Mutex
	entry registry.Registration
	ended bool
}

// begin registers the node, or registers it again; after end it has no effect.
func (r *registered) begin(ctx context.Context, reg registry.Registry, self registry.Instance) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ended {
		return nil
	}
	entry, err := reg.Register(ctx, self)
	if err == nil {
		r.entry = entry
	}
	return err
}

// end deregisters the node, for good. If the registry is down, the entry will expire by itself.
func (r *registered) end() {
	ctx, cancel := context.WithTimeout(context.Background(), deregisterTimeout)
	defer cancel()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ended = true
	if r.entry != nil {
		_ = r.entry.Close(ctx)
	}
}

// until returns a context that ends with ctx or with asked, whichever ends first.
func until(ctx, asked context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(asked, func() { cancel(errLeft) })
	return ctx, func() { stop(); cancel(nil) }
}

var errLeft = errors.New("the node was asked to leave")
