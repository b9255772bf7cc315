package simulate

import (
	"slices"
	"time"

	"teahouse/gateway/upstream"
	"teahouse/pkg/link"
	"teahouse/pkg/link/linkpb"
	"teahouse/pkg/wire/wirepb"
)

// wireEnd is one direction of a connection: what is sent arrives in order, or never.
type wireEnd struct {
	w    *world
	last time.Duration // when the newest message arrives
}

// deliver makes f happen in this life of the process, after everything sent before.
func (e *wireEnd) deliver(to *process, f func()) {
	e.last = max(e.last, e.w.now+e.w.delay())
	to.after(e.last-e.w.now, f)
}

// glink is the connection of a gateway to a node, over all its lives.
type glink struct {
	gate *gateway
	node *node
	gen  uint64 // counts its breaks
	up   bool
	// of the current life
	toNode, toGate wireEnd
	nextID         uint64
	open           map[uint64]func(*linkpb.Response, error)
}

func newLink(g *gateway, n *node) *glink { return &glink{gate: g, node: n} }

// dial keeps trying.
func (l *glink) dial() {
	w := l.gate.w
	l.gate.after(w.between(time.Millisecond, 80*time.Millisecond), func() {
		if l.up {
			return
		}
		if !l.node.up || l.node.paused || w.isCut(l.gate.name, l.node.name) {
			l.dial()
			return
		}
		l.up = true
		l.toNode, l.toGate = wireEnd{w: w}, wireEnd{w: w}
		l.open = map[uint64]func(*linkpb.Response, error){}
		w.tracef("link %s-%s up", l.gate.name, l.node.name)
		l.gate.dispatcher.LinkUp()
		l.gate.settle()
		l.node.linked(l)
	})
}

// lose breaks the connection. What was in flight to the gateway is lost; what was in flight to the
// node may wait in its buffers, and is read whenever the node gets to it.
func (l *glink) lose() {
	if !l.up {
		return
	}
	w := l.gate.w
	l.up = false
	w.tracef("link %s-%s broken", l.gate.name, l.node.name)
	ended := linkConn{l, l.gen}
	l.gen++
	l.node.after(w.between(0, 300*time.Millisecond), func() { l.node.unlinked(ended) })
	open := l.open
	l.open = nil
	life := l.gate.life
	w.after(w.between(0, 20*time.Millisecond), func() {
		l.gate.act(life, func() {
			var ids []uint64
			for id := range open {
				ids = append(ids, id)
			}
			slices.Sort(ids)
			w.rand.Shuffle(len(ids), func(i, j int) { ids[i], ids[j] = ids[j], ids[i] })
			for _, id := range ids {
				open[id](nil, link.ErrBroken)
			}
			l.gate.dispatcher.LinkDown(l.node.name)
			l.gate.settle()
			l.dial()
		})
	})
}

// linkConn is one life of a link, as upstream.Conn.
type linkConn struct {
	l   *glink
	gen uint64
}

var _ upstream.Conn = linkConn{}

func (c linkConn) Go(req *linkpb.Request, done func(*linkpb.Response, error)) (id uint64, err error) {
	l, w := c.l, c.l.gate.w
	if !l.up || c.gen != l.gen {
		return 0, link.ErrClosed
	}
	l.nextID++
	id = l.nextID
	l.open[id] = done
	copied := &linkpb.Request{
		Method: req.Method, Table: req.Table, Player: req.Player, Epoch: req.Epoch, Session: req.Session, Payload: req.Payload,
		LagMs: req.LagMs,
	}
	from := l.gate.name
	read := false
	l.toNode.deliver(&l.node.process, func() {
		if c.gen != l.gen && !w.fault(w.plan.zombie) {
			return // it broke before this arrived
		}
		read = true
		l.node.request(from, copied, func(r *linkpb.Response) { l.respond(c.gen, id, r) })
	})
	if w.fault(w.plan.repeat) {
		// A copy that was delayed somewhere; its answer is ignored.
		w.after(w.between(0, 3*time.Second), func() {
			if l.node.up && !l.node.paused && (read || c.gen == l.gen) {
				w.tracef("%s gets a late copy of %s of player %d", l.node.name, copied.Method, copied.Player)
				l.node.request(from, copied, func(*linkpb.Response) {})
			}
		})
	}
	return id, nil
}

func (c linkConn) Forget(id uint64) bool {
	if c.gen != c.l.gen || c.l.open[id] == nil {
		return false
	}
	delete(c.l.open, id)
	return true
}

// respond returns an answer if the link is still the one that it was asked on.
func (l *glink) respond(gen, id uint64, r *linkpb.Response) {
	l.tell(gen, func() {
		if done := l.open[id]; done != nil {
			delete(l.open, id)
			done(r, nil)
			l.gate.settle()
		}
	})
}

func (l *glink) tell(gen uint64, f func()) {
	if !l.up || gen != l.gen {
		return
	}
	l.toGate.deliver(&l.gate.process, func() {
		if gen == l.gen {
			f()
		}
	})
}

func (l *glink) push(p *linkpb.Push) {
	l.tell(l.gen, func() {
		l.gate.hub.Push(p)
		l.gate.settle()
	})
}

func (l *glink) announce(a *linkpb.Announce) {
	l.tell(l.gen, func() { l.gate.announced(l.node.name, a) })
}

func (l *glink) members(m *linkpb.Members) {
	l.tell(l.gen, func() {
		if changed, err := l.gate.dispatcher.Members(m); err == nil && changed {
			l.gate.hub.Members()
		}
		l.gate.settle()
	})
}

func notLeader() *linkpb.Response { return &linkpb.Response{Code: wirepb.Code_NOT_LEADER} }
