package engine_test

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"teahouse/pkg/client/engine"
	"teahouse/pkg/game"
	"teahouse/pkg/wire"
	"teahouse/pkg/wire/vectors"
	"teahouse/pkg/wire/wirepb"
)

// TestScripts plays the scripts that clients in all languages share.
func TestScripts(t *testing.T) {
	scripts, err := vectors.ReadScripts("../../wire/vectors/client")
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range scripts {
		if slices.Contains(s.Needs, "heartbeat") {
			continue // which package client has, and plays
		}
		t.Run(s.Name, func(t *testing.T) { s.Play(t, newScripted(t, s.Start)) })
	}
}

// scripted is an Engine with what it needs of its owner: the handshake, a clock, and a user.
type scripted struct {
	t      *testing.T
	engine *engine.Engine
	did    vectors.Did
	stage  stage
	ended  bool
	wait   time.Duration // before the next connection, at least
	now    time.Duration
	timers []timer

	asked map[string]*engine.Request // by Op.As
	table *engine.Table              // at which the user sits
	idle  bool                       // he does not read
}

type stage int

const (
	offline stage = iota
	hello
	loggingIn
	online
)

type timer struct {
	at   time.Duration
	fire func()
}

func newScripted(t *testing.T, s vectors.Start) *scripted {
	return &scripted{
		t: t, asked: map[string]*engine.Request{},
		engine: engine.New(engine.Config{Name: s.Name, Token: s.Token, Device: 5, MaxEvents: cmp.Or(s.Keeps, 1024)}),
	}
}

func (c *scripted) send(e *wirepb.Envelope) { c.did.Sent = append(c.did.Sent, e) }

func (c *scripted) tell(told vectors.Told) { c.did.Told = append(c.did.Told, told) }

func (c *scripted) Connect(after time.Duration) error {
	switch {
	case c.stage != offline || c.ended:
		return errors.New("it wants no connection")
	case c.wait < after:
		return fmt.Errorf("it comes back after %v, want %v", c.wait, after)
	}
	c.stage, c.wait = hello, 0
	c.send(&wirepb.Envelope{Body: &wirepb.Envelope_Hello{Hello: &wirepb.Hello{Version: wire.Version}}})
	return nil
}

func (c *scripted) Receive(e *wirepb.Envelope) {
	switch b := e.Body.(type) {
	case *wirepb.Envelope_Bye:
		c.lost(&engine.ByeError{Bye: b.Bye})
	case *wirepb.Envelope_Welcome:
		call, err := c.engine.Login()
		if err != nil {
			c.t.Fatal(err)
		}
		c.stage = loggingIn
		c.send(&wirepb.Envelope{Body: &wirepb.Envelope_Call{Call: call}})
	case *wirepb.Envelope_Reply:
		if c.stage != loggingIn {
			c.engine.Reply(b.Reply)
			break
		}
		login, err := engine.LoggedIn("the login", b.Reply)
		if err != nil {
			c.lost(err)
			break
		}
		c.stage = online
		c.engine.Up(login)
	case *wirepb.Envelope_Push:
		c.engine.Push(b.Push)
	default:
		c.lost(errors.New("what no gateway sends"))
	}
	c.settle()
}

func (c *scripted) Lose() {
	c.lost(errors.New("cut"))
	c.settle()
}

// lost ends the connection, as package client does.
func (c *scripted) lost(err error) {
	was := c.stage
	if c.stage = offline; was == online {
		c.engine.Down(err)
	}
	wait, final := engine.ComeBack(err)
	switch {
	case final != nil:
		c.ended = true
		c.engine.End(final)
		c.tell(vectors.Told{Ended: true, Code: codeOf(final)})
	case was == online:
		c.tell(vectors.Told{Offline: true})
	}
	c.wait = wait
}

func codeOf(err error) string {
	if code := game.CodeOf(err, wirepb.Code_OK); code != wirepb.Code_OK {
		return code.String()
	}
	return ""
}

func (c *scripted) Do(o *vectors.Op, request proto.Message) {
	answer := func(err error) { c.tell(vectors.Told{Answer: o.As, Code: codeOf(err)}) }
	switch {
	case o.Join != nil:
		c.asked[o.As] = c.engine.Join(request.(*wirepb.JoinRequest), func(ticket uint64, err error) {
			c.tell(vectors.Told{Answer: o.As, Ticket: ticket, Code: codeOf(err)})
		})
	case o.Cancel != nil:
		c.asked[o.As] = c.engine.CancelTicket(request.(*wirepb.CancelRequest).Ticket, answer)
	case o.Sit != nil:
		c.table = c.engine.Use(game.TableID(o.Table), reader{c})
	case o.Move != nil:
		c.asked[o.As] = c.table.Move(request.(*wirepb.MoveRequest), func(number uint64, _ bool, err error) {
			c.tell(vectors.Told{Answer: o.As, Number: number, Code: codeOf(err)})
		})
	case o.Leave != nil:
		c.asked[o.As] = c.table.Leave(answer)
	case o.Call != nil:
		payload, err := proto.Marshal(request)
		if err != nil {
			c.t.Fatal(err)
		}
		call := c.engine.Call
		if o.Call.Repeat {
			call = c.engine.Repeat
		}
		c.asked[o.As] = call(o.Call.Method, 0, payload, nil, answer)
	case o.GiveUp != "":
		c.asked[o.GiveUp].Cancel()
	case o.Read != nil:
		c.idle = !*o.Read
		c.read()
	}
	c.settle()
}

// reader is woken when there is something to read, and reads only then.
type reader struct{ c *scripted }

func (r reader) WakeUp() { r.c.read() }

// read takes what can be read now.
func (c *scripted) read() {
	for c.table != nil && !c.idle {
		p, err := c.table.Receive()
		switch {
		case err != nil:
			if c.engine.Err() == nil && !errors.Is(err, engine.ErrLeft) {
				c.tell(vectors.Told{Over: uint64(c.table.ID()), Code: codeOf(err)})
			}
			c.table = nil
			return
		case p == nil:
			return
		}
		c.did.Events = append(c.did.Events, vectors.Event{Number: p.Number, Snapshot: p.Kind == wirepb.Push_SNAPSHOT})
	}
}

// settle carries out what the Engine wants.
func (c *scripted) settle() {
	for {
		out := c.engine.Take()
		if len(out.Calls) == 0 && len(out.Timers) == 0 && len(out.Done) == 0 {
			return
		}
		for _, call := range out.Calls {
			c.send(&wirepb.Envelope{Body: &wirepb.Envelope_Call{Call: call}})
		}
		for _, t := range out.Timers {
			c.timers = append(c.timers, timer{c.now + t.After, t.Fire})
		}
		for _, done := range out.Done {
			done()
		}
	}
}

func (c *scripted) Pass(d time.Duration) {
	end := c.now + d
	for {
		i := -1
		for j, t := range c.timers {
			if t.at <= end && (i < 0 || t.at < c.timers[i].at) {
				i = j
			}
		}
		if i < 0 {
			break
		}
		next := c.timers[i]
		c.timers = slices.Delete(c.timers, i, i+1)
		c.now = next.at
		next.fire()
		c.settle()
	}
	c.now = end
}

func (c *scripted) Did() vectors.Did {
	did := c.did
	c.did = vectors.Did{}
	return did
}

func (c *scripted) Now() vectors.Now {
	now := vectors.Now{
		Online: c.engine.Online(), Table: uint64(c.engine.Bound()), Ticket: c.engine.Ticket(), Unqueued: c.engine.Unqueued(),
	}
	if c.table != nil {
		now.Seat = uint64(c.table.Seat())
		now.Attached, _ = c.table.Ready()
	}
	return now
}
