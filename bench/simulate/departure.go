package simulate

import (
	"fmt"
	"time"

	"teahouse/pkg/client/engine"
	"teahouse/pkg/wire"
	"teahouse/pkg/wire/wirepb"
)

// departure is a device's change to another gateway because its own is going away, as package client
// makes it.
type departure struct {
	conn  *conn        // the new one
	login *wirepb.Call // nil = it has not been sent
	lost  error        // why the old connection has ended since then
}

// retire ends a gateway as planned: its clients are told, and it ends a while later.
func (w *world) retire(g *gateway, in, back time.Duration) {
	w.tracef("%s is going away", g.name)
	g.retiring = true
	g.hub.Warn(in)
	g.settle()
	g.after(in, func() {
		if g.retiring {
			w.killGateway(g)
			w.after(back, func() { w.bootGateway(g) })
		}
	})
}

// depart looks for another gateway at some moment before its own ends.
func (d *device) depart(c *conn, in time.Duration) {
	w := d.w
	d.after(w.between(0, in*3/4), func() {
		g := w.gateways[w.rand.IntN(len(w.gateways))]
		if d.conn != c || d.state != online || d.going != nil || d.dead || g == c.gate || !g.up || g.paused {
			return
		}
		gone := &departure{conn: g.accept(d)}
		d.going = gone
		d.sendTo(gone.conn, &wirepb.Envelope{Body: &wirepb.Envelope_Hello{Hello: &wirepb.Hello{Version: wire.Version}}})
		d.after(5*time.Second, func() {
			if d.going == gone {
				d.drop(gone.conn, 0)
				d.lost(gone.conn, errSilent)
			}
		})
	})
}

// departing handles a message over the new connection, while the old one is still in use.
func (d *device) departing(c *conn, e *wirepb.Envelope) {
	g := d.going
	switch b := e.Body.(type) {
	case *wirepb.Envelope_Ping:
		d.sendTo(c, &wirepb.Envelope{Body: &wirepb.Envelope_Pong{Pong: &wirepb.Pong{Nonce: b.Ping.Nonce}}})
	case *wirepb.Envelope_GoingAway:
		d.depart(c, time.Duration(b.GoingAway.InMs)*time.Millisecond)
	case *wirepb.Envelope_Bye:
		d.lost(c, &engine.ByeError{Bye: b.Bye})
	case *wirepb.Envelope_Welcome:
		d.engine.Hold()
		d.flush()
		d.resumeOnceQuiet(g, d.w.now+time.Second)
	case *wirepb.Envelope_Reply:
		login, err := engine.LoggedIn(g.login.Method, b.Reply)
		if err != nil {
			d.drop(c, 0)
			d.lost(c, err)
			return
		}
		if g.lost == nil && !d.engine.Quiet() {
			d.w.book.violate("%s departs with a call in doubt", d.name)
		}
		d.w.book.departed++
		d.drop(d.conn, d.w.between(0, 100*time.Millisecond))
		d.going, d.conn = nil, c
		d.loggedOn(c, login)
		d.after(time.Second, func() { d.beat(c) })
	}
}

// resumeOnceQuiet sends the login once nothing is unanswered, or gives up.
func (d *device) resumeOnceQuiet(g *departure, until time.Duration) {
	switch {
	case d.going != g || g.login != nil:
	case d.engine.Quiet():
		call, err := d.engine.Login()
		if err != nil {
			panic(err)
		}
		g.login = call
		d.sendTo(g.conn, &wirepb.Envelope{Body: &wirepb.Envelope_Call{Call: call}})
	case d.w.now > until:
		d.drop(g.conn, 0)
		d.lost(g.conn, errBroken)
	default:
		d.after(3*time.Millisecond, func() { d.resumeOnceQuiet(g, until) })
	}
}

// lostOne takes the end of one of two connections. It reports whether the device is without any, and
// why.
func (d *device) lostOne(c *conn, err error) (offline bool, why error) {
	g := d.going
	switch {
	case c == g.conn && g.lost == nil: // the old one is still there
		d.going = nil
		d.engine.Release()
		d.flush()
		return false, nil
	case c == g.conn:
		d.going = nil
		return true, fmt.Errorf("between two gateways: %v", g.lost)
	case c == d.conn && g.login != nil: // perhaps because of that
		g.lost = err
		return false, nil
	case c == d.conn:
		d.drop(g.conn, 0)
		d.going = nil
		return true, err
	}
	return false, nil
}

// drop leaves a connection; its gateway notices after a while.
func (d *device) drop(c *conn, after time.Duration) {
	c.left = true
	c.gate.after(after, func() { c.gate.gone(c) })
}
