package client

import (
	"context"
	"errors"
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"

	"teahouse/pkg/game"
	"teahouse/pkg/wire/wirepb"
)

// Event is one thing that a table told this seat.
type Event struct {
	// Number counts the events of the seat's stream. For a View it is the number of the last
	// event that the view contains. The event of a prompt names the prompt by it.
	Number uint64
	// Event or View is set: what happened, or, after a time away that was too long for the
	// single events, all that the seat may know now.
	Event *wirepb.TableEvent
	View  *wirepb.TableView
}

// Table is a seat at a table. Its methods may be called from any goroutine, Receive from one
// at a time.
type Table struct {
	// immutable
	c  *Client
	id game.TableID

	wake chan struct{} // one token: look again, Receive
	turn chan struct{} // one token: the right to have a move on its way

	// guarded by Client.mu
	users    int            // Attach calls that wait or were successful
	last     uint64         // number of the last event that is in events or was received
	events   []*wirepb.Push // wait for Receive
	behind   bool           // events was full: attach again once it is empty
	attached uint64         // Client.gen of the connection that it is attached on
	pending  uint64         // Client.gen of the connection on which an attach is open
	seat     uint32
	next     uint64      // number of the next move
	retry    *time.Timer // attaches again after a failure; nil = there was none
	err      error       // why there will be no more
}

// ErrLeft is returned after Leave.
var ErrLeft = errors.New("client: table left")

// Attach points the seat's stream at this client and returns when the table has answered.
// The stream begins with the first event. Attaching again returns the same Table.
func (c *Client) Attach(ctx context.Context, id game.TableID) (*Table, error) {
	c.mu.Lock()
	t := c.tables[id]
	if t == nil {
		t = &Table{c: c, id: id, wake: make(chan struct{}, 1), turn: make(chan struct{}, 1)}
		c.tables[id] = t
	}
	t.users++
	c.mu.Unlock()
	t.attach()
	if err := t.ready(ctx); err != nil {
		c.mu.Lock()
		defer c.mu.Unlock()
		if t.users--; t.users == 0 {
			t.forgetLocked()
		}
		return nil, err
	}
	return t, nil
}

// ID is the table's.
func (t *Table) ID() game.TableID { return t.id }

// Seat is the player's, from 0.
func (t *Table) Seat() int {
	t.c.mu.Lock()
	defer t.c.mu.Unlock()
	return int(t.seat)
}

// Receive returns the next event, in order, each once. The errors are those of ctx, of the
// client's end, a definite refusal of the table, which carries a code, and ErrLeft.
func (t *Table) Receive(ctx context.Context) (Event, error) {
	for {
		p, err := t.take()
		if err != nil {
			return Event{}, err
		}
		if p != nil {
			return decodeEvent(p)
		}
		select {
		case <-t.wake:
		case <-ctx.Done():
			return Event{}, ctx.Err()
		}
	}
}

// Move answers a prompt and returns the move's number once it is acknowledged. It is sent
// again, under the same number, until the answer is definite. A refusal is an error that
// carries the code, and uses up no number. Moves of one Table wait for each other.
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

// Leave confirms that nothing more is needed of an ended table, and forgets it.
func (t *Table) Leave(ctx context.Context) error {
	err := t.c.Repeat(ctx, "table.leave", t.id, &wirepb.LeaveRequest{}, &wirepb.LeaveReply{})
	t.c.mu.Lock()
	defer t.c.mu.Unlock()
	t.endLocked(ErrLeft)
	if game.CodeOf(err, wirepb.Code_OK) == wirepb.Code_TABLE_GONE {
		return nil // forgotten already: that is what was asked for
	}
	return err
}

func (t *Table) move(ctx context.Context, req *wirepb.MoveRequest) (number uint64, err error) {
	select {
	case t.turn <- struct{}{}:
		defer func() { <-t.turn }()
	case <-ctx.Done():
		return 0, ctx.Err()
	}
	if err := t.ready(ctx); err != nil {
		return 0, err
	}
	t.c.mu.Lock()
	req.Number = t.next
	t.c.mu.Unlock()
	payload, err := proto.Marshal(req)
	if err != nil {
		return 0, fmt.Errorf("client: move: %w", err)
	}

	began := time.Now()
	for try := 0; ; try++ {
		err = t.c.callNow(ctx, "table.move", t.id, payload, &wirepb.MoveReply{})
		if !again(err) {
			break
		}
		if err = t.c.pause(ctx, try); err != nil {
			break
		}
		if err := t.ready(ctx); err != nil {
			return 0, err // the next connection attaches, or there is none
		}
	}
	code := game.CodeOf(err, wirepb.Code_OK)
	if err != nil && code == wirepb.Code_OK {
		t.doubt()
		return 0, err // no answer at all
	}
	if hook := t.c.cfg.Hooks.MoveAnswered; hook != nil {
		hook(t.id, req.Number, code, time.Since(began))
	}
	if err != nil {
		return 0, err
	}
	t.c.mu.Lock()
	t.next = max(t.next, req.Number+1)
	t.c.mu.Unlock()
	return req.Number, nil
}

// doubt is called when a move was given up without an answer: it may count or not, so the next
// one waits until the table has told the number again.
func (t *Table) doubt() {
	t.c.mu.Lock()
	t.attached = 0
	t.c.mu.Unlock()
	t.attach()
}

// ready waits until the table is attached on the present connection.
func (t *Table) ready(ctx context.Context) error {
	var err error
	wait := t.c.await(ctx, func() bool {
		err = t.err
		return err != nil || t.c.conn != nil && t.attached == t.c.gen
	})
	if wait != nil {
		return wait
	}
	return err
}
