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

// Bounds of a node's leaving. With what Run closes afterwards it stays below five seconds.
const (
	// leaveWithin bounds the giving away of all leaderships.
	leaveWithin = 3 * time.Second
	// offerTimeout bounds the question whether another node would lead.
	offerTimeout = 300 * time.Millisecond
	// handOverTimeout bounds one attempt to give one group to one node.
	handOverTimeout = time.Second
	// handOverPause is after how long the next group is given away although the one
	// before has not got its new leader. One after another costs each group's players the
	// least: the elections do not wait for each other.
	handOverPause = 100 * time.Millisecond
	// leaveRounds is how often everything is looked at again: a leadership may come back, from
	// a voter that died.
	leaveRounds = 3
	// deregisterTimeout bounds the last word to the registry.
	deregisterTimeout = 500 * time.Millisecond
	// stalledTooLong is since when the log store must not have finished a write to make
	// this node unfit to lead.
	stalledTooLong = 100 * time.Millisecond
)

// leave steps aside: each group that this node leads gets another leader, the coordinator
// last, because the shards' outboxes need it; what nobody takes is withdrawn. Then the
// registry is told. The node stays a member.
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
	if !n.displaced.Load() { // else the entry is another process's
		n.registered.end()
	}
}

// led are the groups that this node leads.
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

// giveAll gives groups away and returns how many; given counts the leaderships that each
// node has got.
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

// target is who may get a leadership.
type target struct {
	name      string
	server    raftgroup.ServerID
	ready     bool // has said that it would serve at once
	preferred bool
	given     int    // leaderships that it has got from this node
	matched   uint64 // how far its log agrees
}

// targets are the voters that answer and do not leave themselves, the best first.
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

// better orders targets. Who leads by preference comes first, because it would ask for its
// place soon; the others in turns.
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

// offer asks a node whether it would serve a group at once.
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

// offered answers such a question. Only the node itself knows how much of the group's log it
// has applied, and which gateways it could serve.
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
		return &linkpb.Response{Code: wirepb.Code_SHUTTING_DOWN, Detail: "this node leaves as well"}
	case !votes(st, n.server):
		return no("no vote")
	case !level(st):
		return no("behind")
	case n.disk.StalledFor() > stalledTooLong:
		return no("its log store is stalled")
	case far != "":
		return no(far + " is not linked")
	}
	return &linkpb.Response{}
}

// give makes a node the leader of a group, and reports whether it is: raft says so, and it
// serves. Who leads instead of it has the group as well.
func (n *node) give(ctx context.Context, group *raftgroup.Group, to target) bool {
	if !group.State().Leading {
		return true // the voters have decided otherwise meanwhile
	}
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

// registered is this node's entry in the registry. A node that ends in order takes it away.
type registered struct {
	mu    sync.Mutex
	entry registry.Registration
	ended bool
}

// begin registers, also in the place of an earlier entry.
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

// end deregisters. A registry that is away forgets the node by itself.
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

// until returns a context that ends with ctx, and when the node is asked to leave.
func until(ctx, asked context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(asked, func() { cancel(errLeft) })
	return ctx, func() { stop(); cancel(nil) }
}

var errLeft = errors.New("the node was asked to leave")
