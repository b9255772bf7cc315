package client

import (
	"context"
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"

	"teahouse/pkg/client/engine"
	"teahouse/pkg/game"
	"teahouse/pkg/wire/wirepb"
)

// Event is one message from a table to this seat.
type Event struct {
	// Number counts the events of the seat's stream. For a View it is the number of the last event
	// that the view contains. A prompt is identified by its event's number.
	Number uint64
	// Event or View is set: what happened or, after too long an absence for single events, all that
	// the seat may know now.
	Event *wirepb.TableEvent
	View  *wirepb.TableView
	// At is when it happened, by this client's clock (Config.Now), right to half of a round trip
	// even if the event comes late, after a resume: a prompt's time is over at At + its limit_ms. Of
	// a View it is when that was made. While the gateway's clock is not known it is the time of
	// arrival, and it is never later than that.
	At time.Time
}

// Table is a seat at a table. Its methods may be called from any goroutine, Receive from one
// at a time.
type Table struct {
	// immutable
	c    *Client
	id   game.TableID
	seat *engine.Table // guarded by Client.mu

	wake chan struct{} // one token: there may be something to receive
	view *engine.View  // owned by who calls Receive; nil before the first event, or without Config.Games
}

// ErrLeft is returned after Leave.
var ErrLeft = engine.ErrLeft

// Attach points the seat's stream at this client and returns when the table has answered. The
// stream starts with the first event. Attaching again returns the same Table.
func (c *Client) Attach(ctx context.Context, id game.TableID) (*Table, error) {
	fresh := &Table{c: c, id: id, wake: make(chan struct{}, 1)}
	c.mu.Lock()
	seat := c.engine.Use(id, owner{fresh})
	t := seat.Owner().(owner).t
	t.seat = seat
	c.unlock()
	if err := t.ready(ctx); err != nil {
		c.mu.Lock()
		defer c.unlock()
		t.seat.GiveUp()
		return nil, err
	}
	return t, nil
}

func (t *Table) ID() game.TableID { return t.id }

// Seat is the player's seat, from 0.
func (t *Table) Seat() int {
	t.c.mu.Lock()
	defer t.c.mu.Unlock()
	return t.seat.Seat()
}

// Receive returns the next event, in order, each once. Errors: that of ctx, the client's end, a
// definite refusal by the table (which carries a code), and ErrLeft.
func (t *Table) Receive(ctx context.Context) (Event, error) {
	for {
		t.c.mu.Lock()
		p, err := t.seat.Receive()
		t.c.unlock()
		if err != nil {
			return Event{}, err
		}
		if p != nil {
			e, err := decodeEvent(p, t.c.cfg.Now())
			if err == nil {
				err = t.keep(e)
			}
			return e, err
		}
		select {
		case <-t.wake:
		case <-ctx.Done():
			return Event{}, ctx.Err()
		}
	}
}

// keep brings the view up to date.
func (t *Table) keep(e Event) error {
	if t.c.cfg.Games == nil {
		return nil
	}
	if t.view == nil {
		t.view = engine.NewView(t.Seat(), t.c.cfg.Games)
	}
	if e.View != nil {
		return t.view.Snapshot(e.View)
	}
	return t.view.Told(e.Event)
}

// View is what the seat may know of the hand, as of the event that was received last. It belongs to
// the goroutine that calls Receive. Before the first event, and without Config.Games, it is nil.
func (t *Table) View() *engine.View { return t.view }

// Move answers a prompt and returns the move's number once it is acknowledged. It is resent under
// the same number until the answer is definite. A refusal is an error that carries the code, and
// uses up no number. Moves of one Table wait for each other.
func (t *Table) Move(ctx context.Context, prompt uint64, move []byte) (number uint64, err error) {
	return t.move(ctx, &wirepb.MoveRequest{Prompt: prompt, Move: move})
}

// AutoPlay turns auto-play on or off; otherwise it is like Move.
func (t *Table) AutoPlay(ctx context.Context, on bool) (number uint64, err error) {
	mode := wirepb.AutoPlay_AUTO_OFF
	if on {
		mode = wirepb.AutoPlay_AUTO_ON
	}
	return t.move(ctx, &wirepb.MoveRequest{AutoPlay: mode})
}

// Contribute adds a nonce of 1 to 32 bytes to the hand that the table has committed to, once per
// hand; NOT_OFFERED means that it is too late. Otherwise it is like Move.
func (t *Table) Contribute(ctx context.Context, hand uint32, nonce []byte) (number uint64, err error) {
	return t.move(ctx, &wirepb.MoveRequest{Hand: hand, Nonce: nonce})
}

// Ready says that this seat needs no more of the pause before a hand, once per hand; NOT_OFFERED means that
// there is no such pause. Otherwise it is like Move.
func (t *Table) Ready(ctx context.Context, hand uint32) (number uint64, err error) {
	return t.move(ctx, &wirepb.MoveRequest{Ready: hand})
}

// Leave confirms to an ended table that nothing more is needed of it, and forgets it.
func (t *Table) Leave(ctx context.Context) error {
	err, waited := wait(ctx, t.c, func(done func(error)) *engine.Request { return t.seat.Leave(done) })
	if waited == nil {
		return err
	}
	t.c.mu.Lock()
	defer t.c.unlock()
	t.seat.End(ErrLeft)
	return waited
}

func (t *Table) move(ctx context.Context, req *wirepb.MoveRequest) (number uint64, err error) {
	if err := t.ready(ctx); err != nil {
		return 0, err
	}
	type moved struct {
		number   uint64
		answered bool
		err      error
	}
	began := time.Now()
	m, err := wait(ctx, t.c, func(done func(moved)) *engine.Request {
		return t.seat.Move(req, func(number uint64, answered bool, err error) { done(moved{number, answered, err}) })
	})
	switch {
	case err != nil:
		return 0, err
	case m.answered && t.c.cfg.Hooks.MoveAnswered != nil:
		t.c.cfg.Hooks.MoveAnswered(t.id, m.number, game.CodeOf(m.err, wirepb.Code_OK), time.Since(began))
	}
	if m.err != nil {
		return 0, m.err
	}
	return m.number, nil
}

// ready waits until the table is attached on the current connection.
func (t *Table) ready(ctx context.Context) error {
	var err error
	wait := t.c.await(ctx, func() (ok bool) {
		ok, err = t.seat.Ready()
		return ok || err != nil
	})
	if wait != nil {
		return wait
	}
	return err
}

// owner makes a Table an engine.Owner.
type owner struct{ t *Table }

// WakeUp wakes Receive.
func (o owner) WakeUp() {
	select {
	case o.t.wake <- struct{}{}:
	default:
	}
}

func decodeEvent(p *wirepb.Push, now time.Time) (Event, error) {
	// As a distance from now, so that it is told by the monotonic clock too.
	e := Event{Number: p.Number, At: now.Add(time.UnixMilli(int64(p.TimeMs)).Sub(now))}
	var m proto.Message
	if p.Kind == wirepb.Push_SNAPSHOT {
		e.View = &wirepb.TableView{}
		m = e.View
	} else {
		e.Event = &wirepb.TableEvent{}
		m = e.Event
	}
	if err := proto.Unmarshal(p.Payload, m); err != nil {
		return Event{}, fmt.Errorf("client: event %d: %w", p.Number, err)
	}
	return e, nil
}
