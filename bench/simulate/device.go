package simulate

import (
	"errors"
	"time"

	"google.golang.org/protobuf/proto"

	"teahouse/pkg/client/engine"
	"teahouse/pkg/game"
	"teahouse/pkg/wire"
	"teahouse/pkg/wire/wirepb"
)

var (
	errBroken = errors.New("connection broken")
	errSilent = errors.New("the gateway is silent")
)

// device is one program of a player, with its knowledge. A player who takes another device leaves
// the old one running.
type device struct {
	process
	player   *player
	engine   *engine.Engine
	conn     *conn
	state    stage
	going    *departure // to another gateway; nil = it is content with its own
	login    *wirepb.Call
	failures int
	heard    time.Duration
	since    time.Duration // when it came online
	epoch    uint64        // of its newest login
	dead     bool

	busyUntil time.Duration // it reads nothing before then

	table   *engine.Table
	joining bool
	prompt  uint64       // newest one, 0 = answered or closed
	best    []byte       // a legal answer to it, if the game can be followed
	view    *engine.View // of table
	left    bool
	seen    *seen
}

// stage is the progress of a connection.
type stage int

const (
	offline stage = iota
	hello
	loggingIn
	online
)

// connect tries a gateway after a pause that grows with the failures.
func (d *device) connect(wait time.Duration) {
	w := d.w
	span := min(20*time.Millisecond<<min(d.failures, 6), 500*time.Millisecond)
	d.failures++
	d.after(wait+w.between(0, span), func() {
		if d.conn != nil || d.dead {
			return
		}
		g := w.gateways[w.rand.IntN(len(w.gateways))]
		if !g.up || g.paused {
			d.connect(0)
			return
		}
		c := g.accept(d)
		d.conn, d.state, d.heard = c, hello, w.now
		d.send(&wirepb.Envelope{Body: &wirepb.Envelope_Hello{Hello: &wirepb.Hello{Version: wire.Version}}})
		d.after(time.Second, func() { d.beat(c) })
	})
}

// beat keeps the connection alive, and gives up on a silent one.
func (d *device) beat(c *conn) {
	if d.conn != c {
		return
	}
	if d.w.now-d.heard > 5*time.Second {
		d.abandon(d.w.between(0, time.Second))
		d.lost(c, errSilent)
		return
	}
	if d.state != hello {
		d.send(&wirepb.Envelope{Body: &wirepb.Envelope_Ping{Ping: &wirepb.Ping{}}})
	}
	d.after(time.Second, func() { d.beat(c) })
}

// abandon leaves the connection; the gateway notices after a while.
func (d *device) abandon(after time.Duration) { d.drop(d.conn, after) }

func (d *device) send(e *wirepb.Envelope) { d.sendTo(d.conn, e) }

func (d *device) sendTo(c *conn, e *wirepb.Envelope) {
	body, err := proto.Marshal(e)
	if err != nil {
		panic(err)
	}
	c.toGate.deliver(&c.gate.process, func() {
		if c.closed || c.left && d.w.fault(2) {
			return
		}
		d.w.tracef("%s to %s: %v", d.name, c.gate.name, shown{e})
		call := e.GetCall()
		if call != nil {
			c.called[call.Id] = call.Method
		}
		if call.GetMethod() == "table.attach" {
			m := &wirepb.AttachRequest{}
			if proto.Unmarshal(call.Payload, m) == nil {
				c.opened[call.Id] = attach{call.Table, m.LastEvent}
			}
		}
		c.steps.Frame(body)
		c.gate.settle()
	})
}

// receive handles a gateway's message.
func (d *device) receive(c *conn, e *wirepb.Envelope) {
	if d.going != nil && d.going.conn == c {
		d.departing(c, e)
		return
	}
	if d.conn != c {
		return
	}
	d.heard = d.w.now
	switch b := e.Body.(type) {
	case *wirepb.Envelope_Ping:
		d.send(&wirepb.Envelope{Body: &wirepb.Envelope_Pong{Pong: &wirepb.Pong{Nonce: b.Ping.Nonce}}})
	case *wirepb.Envelope_Bye:
		d.lost(c, &engine.ByeError{Bye: b.Bye})
	case *wirepb.Envelope_Welcome:
		call, err := d.engine.Login()
		if err != nil {
			panic(err)
		}
		d.login, d.state = call, loggingIn
		d.send(&wirepb.Envelope{Body: &wirepb.Envelope_Call{Call: call}})
	case *wirepb.Envelope_Reply:
		if d.state == loggingIn {
			d.loggedIn(c, b.Reply)
			return
		}
		d.engine.Reply(b.Reply)
	case *wirepb.Envelope_Push:
		d.engine.Push(b.Push)
	case *wirepb.Envelope_GoingAway:
		d.depart(c, time.Duration(b.GoingAway.InMs)*time.Millisecond)
	}
	d.flush()
}

func (d *device) loggedIn(c *conn, r *wirepb.Reply) {
	login, err := engine.LoggedIn(d.login.Method, r)
	if err != nil {
		d.abandon(0)
		d.lost(c, err)
		return
	}
	d.loggedOn(c, login)
}

// loggedOn goes on over a connection that has its login.
func (d *device) loggedOn(c *conn, login *wirepb.LoginReply) {
	d.state, d.failures, d.since = online, 0, d.w.now
	d.epoch = login.Epoch
	d.w.tracef("%s is player %d, epoch %d, at %s, ticket %d, table %v",
		d.name, login.Player, login.Epoch, c.gate.name, login.Ticket, game.TableID(login.Table))
	d.player.know(d, login)
	d.engine.Up(login)
	d.flush()
}

// lost ends a connection for the device.
func (d *device) lost(c *conn, err error) {
	if d.going != nil {
		var offline bool
		if offline, err = d.lostOne(c, err); !offline {
			return
		}
	} else if d.conn != c {
		return
	}
	was := d.state
	d.conn, d.state = nil, offline
	if was == online {
		d.engine.Down(err)
	}
	wait, final := engine.ComeBack(err)
	d.w.tracef("%s lost its connection: %v", d.name, err)
	if final != nil {
		d.dead = true
		d.engine.End(final)
		d.flush()
		d.player.deviceDied(d)
		return
	}
	d.flush()
	d.connect(wait)
}

// flush carries out the engine's output.
func (d *device) flush() {
	for {
		out := d.engine.Take()
		if len(out.Calls) == 0 && len(out.Timers) == 0 && len(out.Done) == 0 {
			break
		}
		for _, call := range out.Calls {
			d.send(&wirepb.Envelope{Body: &wirepb.Envelope_Call{Call: call}})
		}
		for _, t := range out.Timers {
			d.after(t.After, func() {
				t.Fire()
				d.flush()
			})
		}
		for _, done := range out.Done {
			done()
		}
	}
	d.think()
}
