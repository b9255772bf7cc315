package simulate

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"

	"teahouse/node/coordinator"
	"teahouse/node/shard"
	"teahouse/node/table/tabletest"
	"teahouse/pkg/game"
	"teahouse/pkg/link/linkpb"
	"teahouse/pkg/mahjong/tablegame"
	"teahouse/pkg/raftgroup"
	"teahouse/pkg/token"
	"teahouse/pkg/wire/wirepb"
)

// node is one game process: its replica of the coordinator and of each shard.
type node struct {
	process
	replicas  []*replica // by group
	coord     *coordinator.Coordinator
	shards    []*shard.Shard // by group; nil for the coordinator
	announced map[uint32]*linkpb.Announce
	members   *linkpb.Members
	links     map[string]linkConn // by gateway, as this side sees them
	confirmed map[uint64]bool     // ended tables that the coordinator knows to have ended
	asked     map[uint64]bool
}

const shards = 3

// retention is how long an ended table can be read.
const retention = 4 * time.Second

func (w *world) games() map[string]game.Game {
	g, err := tablegame.New(tablegame.Config{})
	if err != nil {
		panic(err)
	}
	return map[string]game.Game{"tiny": tabletest.Game{}, "mahjong": g}
}

// boot starts the process from its disk.
func (n *node) boot() {
	w := n.w
	n.start()
	n.announced = map[uint32]*linkpb.Announce{}
	n.links = map[string]linkConn{}
	n.confirmed, n.asked = map[uint64]bool{}, map[uint64]bool{}
	n.members = nil
	n.bootCoordinator()
	n.shards = make([]*shard.Shard, shards+1)
	for id := 1; id <= shards; id++ {
		n.bootShard(game.GroupID(id))
	}
	for _, r := range n.replicas {
		r.restart()
		if w.book.broken() {
			return
		}
	}
}

func (n *node) bootCoordinator() {
	w := n.w
	r := n.replicas[0]
	c, err := coordinator.New(coordinator.Config{
		Node:    n.name,
		Propose: func(data []byte) coordinator.Future { return r.propose(data) },
		Create:  n.create,
		Push: func(gateway string, p *linkpb.Push) {
			if l := n.linkTo(gateway); l != nil && !w.fault(w.plan.hint) {
				l.push(p)
			}
		},
		Announce: func(term uint64, leading bool) { n.announce(0, term, !leading) },
		Signer:   signer{},
		Birth: func() coordinator.Birth {
			b := coordinator.Birth{Cluster: "cluster", Level: w.plan.level}
			for _, o := range w.nodes {
				b.Members = append(b.Members, &linkpb.Member{Name: o.name, Server: o.name + ".1", Weight: 1})
			}
			return b
		},
		OnView: func(v coordinator.View) {
			if v.Cluster != "" {
				n.members = v.Members
				for _, g := range w.gateways {
					if l := n.linkTo(g.name); l != nil {
						l.members(v.Members)
					}
				}
			}
		},
		LedShards: 1, Replicas: 3,
		Queues: []coordinator.Queue{{
			Name: "q", Modes: []coordinator.Mode{{Name: "m", Game: w.plan.game, Rules: w.plan.rules}},
			Hands: []uint32{uint32(w.plan.hands)}, BotsAfter: 1500 * time.Millisecond, Window: 200,
		}},
		Limits:       coordinator.Limits{PassOver: 300 * time.Millisecond, Idle: w.plan.idle},
		CreateWithin: time.Second,
		Now:          w.clock,
		Rand:         dice{w},
	})
	if err != nil {
		panic(err)
	}
	n.coord = c
	steps := c.Steps()
	r.machine, r.onState = c, c.OnState
	r.stepper = &stepper{p: &n.process, step: func() time.Duration { return steps.Step(context.Background()) }}
}

func (n *node) bootShard(id game.GroupID) {
	w := n.w
	r := n.replicas[id]
	s, err := shard.New(shard.Config{
		Group: id, Cluster: "cluster", Node: n.name, Games: w.book.games,
		Results: w.db, Pool: pool{n, r},
		Ended: n.ended,
		Push: func(gateway string, p *linkpb.Push) {
			if l := n.linkTo(gateway); l != nil {
				l.push(p)
			}
		},
		Announce: func(term uint64, withdrawn bool) { n.announce(id, term, withdrawn) },
		Refuse: func() string {
			if w.fault(w.plan.refuse) {
				return "drawn"
			}
			return ""
		},
		Now: w.clock, DefaultQueue: shard.QueueConfig{Intermission: 100 * time.Millisecond, Reserve: 60 * time.Millisecond},
		AttachWait: 1500 * time.Millisecond, AutoDelay: 80 * time.Millisecond, Retention: retention,
		DetachAfter: time.Second, Unsettled: w.plan.unsettled, SettleAtOnce: 2,
		RetryMin: 20 * time.Millisecond, RetryMax: 200 * time.Millisecond,
	})
	if err != nil {
		panic(err)
	}
	n.shards[id] = s
	steps := s.Steps(shardLog{r})
	r.machine = s
	r.onState = func(st raftgroup.State) { s.OnState(st.Leading, st.Term) }
	r.stepper = &stepper{p: &n.process, step: func() time.Duration { return steps.Step(context.Background()) }}
}

type shardLog struct{ r *replica }

func (l shardLog) Propose(data []byte) shard.Future { return l.r.propose(data) }

// pool runs jobs a little later.
type pool struct {
	n *node
	r *replica
}

func (p pool) Go(f func()) error {
	w := p.n.w
	if w.fault(w.plan.busy) {
		return errors.New("full")
	}
	p.n.after(w.between(0, 5*time.Millisecond), func() {
		f()
		p.r.stepper.soon()
	})
	return nil
}

// linked is the node's side of a new link: it first sends who leads and who is a member. A link
// that it replaces ends first.
func (n *node) linked(l *glink) {
	if old, ok := n.links[l.gate.name]; ok {
		n.unlinked(old)
	}
	n.links[l.gate.name] = linkConn{l, l.gen}
	for id := range uint32(shards + 1) {
		if a := n.announced[id]; a != nil {
			l.announce(a)
		}
	}
	if n.members != nil {
		l.members(n.members)
	}
}

// unlinked tells the shards that the link to a gateway is lost, unless another one has replaced it.
func (n *node) unlinked(ended linkConn) {
	gateway := ended.l.gate.name
	if n.links[gateway] != ended {
		return
	}
	delete(n.links, gateway)
	for _, s := range n.shards[1:] {
		s.GatewayDown(gateway)
	}
	n.wakeAll()
}

// linkTo is the link to a gateway, nil if there is none.
func (n *node) linkTo(gateway string) *glink {
	if c, ok := n.links[gateway]; ok && c.gen == c.l.gen {
		return c.l
	}
	return nil
}

func (n *node) wakeAll() {
	for _, r := range n.replicas {
		r.stepper.soon()
	}
}

func (n *node) announce(id game.GroupID, term uint64, withdrawn bool) {
	a := &linkpb.Announce{Group: uint32(id), Term: term, Withdrawn: withdrawn}
	if old := n.announced[a.Group]; old != nil && a.Term < old.Term {
		return
	}
	delete(n.announced, a.Group)
	if !withdrawn {
		n.announced[a.Group] = a
	}
	for _, g := range n.w.gateways {
		if l := n.linkTo(g.name); l != nil {
			l.announce(a)
		}
	}
}

// request passes a request to its handler.
func (n *node) request(from string, req *linkpb.Request, reply func(*linkpb.Response)) {
	switch {
	case req.Method == "cluster.ended", strings.HasPrefix(req.Method, "auth."), strings.HasPrefix(req.Method, "queue."):
		n.coord.Handle(from, req, reply)
		n.replicas[0].stepper.soon()
	default:
		id := game.TableID(req.Table).Shard()
		if id < 1 || id > shards {
			reply(notLeader())
			return
		}
		n.shards[id].Handle(from, req, reply)
		n.replicas[id].stepper.soon()
	}
}

// call has the leader of a group execute a request of this node; after a while it gives up with an
// error.
func (n *node) call(id game.GroupID, req *linkpb.Request, within time.Duration, done func(*linkpb.Response, error)) {
	w := n.w
	end := w.now + within
	answered := false
	finish := func(r *linkpb.Response, err error) {
		if !answered {
			answered = true
			done(r, err)
		}
	}
	n.after(within, func() { finish(nil, context.DeadlineExceeded) })
	var try func()
	try = func() {
		if answered || w.now >= end {
			return
		}
		var believers []*node
		for _, o := range w.nodes {
			if o.up && o.announced[uint32(id)] != nil && !w.isCut(n.name, o.name) {
				believers = append(believers, o)
			}
		}
		n.after(w.between(20*time.Millisecond, 250*time.Millisecond), try)
		if len(believers) == 0 {
			return
		}
		o := believers[w.rand.IntN(len(believers))]
		deliver := func(answer func(*linkpb.Response)) {
			o.after(w.delay(), func() { o.request(n.name, proto.CloneOf(req), answer) })
		}
		if w.fault(w.plan.repeat) {
			o.after(w.between(0, 2*time.Second), func() {
				w.tracef("%s gets a late copy of %s of table %v", o.name, req.Method, game.TableID(req.Table))
				o.request(n.name, proto.CloneOf(req), func(*linkpb.Response) {})
			})
		}
		if w.fault(w.plan.drop) {
			return
		}
		deliver(func(r *linkpb.Response) {
			if w.fault(w.plan.drop) || w.isCut(n.name, o.name) {
				return
			}
			n.after(w.delay(), func() {
				switch r.Code {
				case wirepb.Code_NOT_LEADER, wirepb.Code_OUTCOME_UNKNOWN, wirepb.Code_BUSY:
				case wirepb.Code_OK:
					finish(r, nil)
				default:
					finish(nil, fmt.Errorf("%v %s", r.Code, r.Detail))
				}
			})
		})
	}
	if w.fault(w.plan.hold) {
		n.after(w.between(0, within), try)
		return
	}
	try()
}

func (n *node) create(_ context.Context, t *linkpb.CreateTable, done func(*linkpb.CreateTableReply, error)) {
	payload, err := proto.Marshal(t)
	if err != nil {
		panic(err)
	}
	req := &linkpb.Request{Method: "cluster.create", Table: t.Table, Payload: payload}
	n.call(game.TableID(t.Table).Shard(), req, time.Second, func(r *linkpb.Response, err error) {
		m := &linkpb.CreateTableReply{}
		if err == nil {
			err = proto.Unmarshal(r.Payload, m)
		}
		done(m, err)
		n.replicas[0].stepper.soon()
	})
}

var errNotYet = errors.New("not confirmed yet")

// ended cannot wait for an answer here: it asks, and knows the answer when it is called again.
func (n *node) ended(_ context.Context, t *linkpb.TableEnded) error {
	if n.confirmed[t.Table] {
		return nil
	}
	if n.asked[t.Table] {
		return errNotYet
	}
	n.asked[t.Table] = true
	payload, err := proto.Marshal(t)
	if err != nil {
		panic(err)
	}
	req := &linkpb.Request{Method: "cluster.ended", Table: t.Table, Payload: payload}
	n.call(game.Coordinator, req, time.Second, func(_ *linkpb.Response, err error) {
		n.asked[t.Table] = false
		n.confirmed[t.Table] = err == nil
	})
	return errNotYet
}

// signer and verifier: a token is the player's number.
type signer struct{}

func (signer) Sign(c token.Claims, _ time.Time) (string, error) { return fmt.Sprint(c.Player), nil }

type verifier struct{}

func (verifier) Verify(text string, _ time.Time) (c token.Claims, err error) {
	_, err = fmt.Sscan(text, &c.Player)
	return c, err
}

// dice provides the seed's randomness as random bytes.
type dice struct{ w *world }

func (d dice) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(d.w.rand.Uint32())
	}
	return len(p), nil
}
