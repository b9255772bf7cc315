package simulate

import (
	"net"
	"time"

	"teahouse/gateway/session"
	"teahouse/gateway/upstream"
	"teahouse/pkg/game"
	"teahouse/pkg/link/linkpb"
	"teahouse/pkg/wire"
	"teahouse/pkg/wire/wirepb"
)

// gateway is one edge process.
type gateway struct {
	process
	hub        *session.Hub
	dispatcher *upstream.Dispatcher
	links      []*glink // by node
	conns      []*conn  // open on this side
	swept      time.Time
	retiring   bool // its clients know that it is going away
}

func (g *gateway) boot() {
	g.start()
	g.retiring = false
	hub, err := session.NewHub(session.Config{
		Gateway: g.name, Verifier: verifier{}, Now: g.w.clock, Rand: dice{g.w}, SweepEvery: sweepEvery,
		Limits: wire.Limits{Heartbeat: 2 * time.Second, Idle: 5 * time.Second},
	}, g)
	if err != nil {
		panic(err)
	}
	g.hub = hub
	g.dispatcher = upstream.NewDispatcher(g, 100, g.w.plan.timeout)
	g.conns = nil
	g.links = nil
	for _, n := range g.w.nodes {
		l := newLink(g, n)
		g.links = append(g.links, l)
		l.dial()
	}
	g.swept = g.w.clock()
	g.after(sweepEvery, g.sweep)
}

const sweepEvery = 250 * time.Millisecond

func (g *gateway) sweep() {
	g.dispatcher.Expire(g.w.clock())
	for _, group := range g.dispatcher.Waiting(g.w.clock()) {
		g.hub.Waiting(group)
	}
	g.hub.Sweep(g.swept)
	g.swept = g.w.clock()
	g.settle()
	g.after(sweepEvery, g.sweep)
}

// Conn implements upstream.Links.
func (g *gateway) Conn(node string) upstream.Conn {
	for _, l := range g.links {
		if l.node.name == node && l.up {
			return linkConn{l, l.gen}
		}
	}
	return nil
}

// Call implements session.Upstream.
func (g *gateway) Call(req *linkpb.Request, scope wirepb.Scope, done func(*linkpb.Response)) {
	g.dispatcher.Call(g.w.clock(), req, scope, done)
	g.dispatcher.Answer()()
}

// SessionClosed implements session.Upstream.
func (g *gateway) SessionClosed(m *linkpb.SessionClosed) {
	id := game.TableID(m.Table)
	for _, l := range g.links {
		if l.up && l.node.name == g.dispatcher.Leader(id) {
			gen := l.gen
			l.toNode.deliver(&l.node.process, func() {
				if gen == l.gen && id.Shard() >= 1 && id.Shard() <= shards {
					l.node.shards[id.Shard()].SessionClosed(m)
					l.node.replicas[id.Shard()].stepper.soon()
				}
			})
		}
	}
}

func (g *gateway) announced(node string, a *linkpb.Announce) {
	led := g.dispatcher.Announced(node, a)
	g.dispatcher.Answer()()
	if led {
		g.hub.Led(game.GroupID(a.Group))
	}
	g.settle()
}

// settle answers what has finished, and writes pending output to clients.
func (g *gateway) settle() {
	g.dispatcher.Answer()()
	for _, c := range g.conns {
		c.steps.Flush()
	}
}

// conn is one client connection.
type conn struct {
	gate   *gateway
	dev    *device
	steps  *session.Steps
	toGate wireEnd
	toDev  wireEnd
	closed bool              // on the gateway's side
	left   bool              // on the client's side
	waits  map[uint64]bool   // tables of which the client was told that nobody runs them
	watch  map[uint64]*watch // what the client may get from each table
	opened map[uint64]attach // the client's attaches in flight, by call
	called map[uint64]string // methods of the client's calls in flight
}

func (g *gateway) accept(d *device) *conn {
	c := &conn{
		gate: g, dev: d, toGate: wireEnd{w: g.w}, toDev: wireEnd{w: g.w},
		watch: map[uint64]*watch{}, opened: map[uint64]attach{}, called: map[uint64]string{},
		waits: map[uint64]bool{},
	}
	c.steps = g.hub.Steps(socket{c})
	g.conns = append(g.conns, c)
	return c
}

// socket is the gateway's end as net.Conn.
type socket struct{ c *conn }

func (s socket) Write(b []byte) (int, error) {
	c := s.c
	if c.closed {
		return 0, net.ErrClosed
	}
	rest := b
	for len(rest) > 0 {
		body, more, err := wire.Split(rest, 1<<20)
		if err != nil {
			c.gate.w.book.violate("a gateway wrote no whole frame: %v", err)
			return 0, err
		}
		rest = more
		e, err := wire.ParseEnvelope(append([]byte(nil), body...))
		if err != nil {
			c.gate.w.book.violate("a gateway wrote no envelope: %v", err)
			return 0, err
		}
		c.gate.w.tracef("%s to %s: %v", c.gate.name, c.dev.name, shown{e})
		c.gate.w.book.frame(c, e)
		c.toDev.deliver(&c.dev.process, func() { c.dev.receive(c, e) })
	}
	return len(b), nil
}

// Close is called when the gateway will send no more.
func (s socket) Close() error {
	c := s.c
	if !c.closed {
		c.closed = true
		c.toDev.deliver(&c.dev.process, func() { c.dev.lost(c, errBroken) })
		c.gate.after(0, func() { c.gate.gone(c) })
	}
	return nil
}

func (s socket) Read([]byte) (int, error)         { return 0, net.ErrClosed }
func (s socket) LocalAddr() net.Addr              { return nil }
func (s socket) RemoteAddr() net.Addr             { return nil }
func (s socket) SetDeadline(time.Time) error      { return nil }
func (s socket) SetReadDeadline(time.Time) error  { return nil }
func (s socket) SetWriteDeadline(time.Time) error { return nil }

// gone ends the session of a closed connection.
func (g *gateway) gone(c *conn) {
	for i, o := range g.conns {
		if o == c {
			g.conns = append(g.conns[:i:i], g.conns[i+1:]...)
			c.closed = true
			c.steps.Close()
			g.settle()
			return
		}
	}
}
