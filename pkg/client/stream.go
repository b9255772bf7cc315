package client

import (
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"

	"teahouse/pkg/game"
	"teahouse/pkg/wire/wirepb"
)

// attach asks for the stream from the last event on, unless that is under way or done on the
// present connection.
func (t *Table) attach() {
	c := t.c
	c.mu.Lock()
	if c.conn == nil || t.pending == c.gen || t.attached == c.gen && !t.behind || c.tables[t.id] != t {
		c.mu.Unlock()
		return // without a connection, the next one attaches; a forgotten table does not
	}
	gen := c.gen
	t.pending, t.behind = gen, false
	payload, err := proto.Marshal(&wirepb.AttachRequest{LastEvent: t.last})
	if err != nil {
		t.endLocked(err)
	}
	c.mu.Unlock()
	if err == nil {
		c.send("table.attach", t.id, payload, func(r *wirepb.Reply, err error) { t.answered(gen, r, err) })
	}
}

// answered handles the reply to attach, or that there will be none.
func (t *Table) answered(gen uint64, r *wirepb.Reply, err error) {
	reply := &wirepb.AttachReply{}
	if err == nil {
		err = decode("table.attach", r, reply)
	}
	c := t.c
	c.mu.Lock()
	defer c.mu.Unlock()
	if t.pending == gen {
		t.pending = 0
	}
	switch {
	case gen != c.gen || c.conn == nil:
		// The next connection attaches.
	case err == nil || game.CodeOf(err, wirepb.Code_OK) == wirepb.Code_RESUME_INVALID:
		// RESUME_INVALID attaches too; a snapshot sets the last number right.
		t.attached = gen
		t.seat = reply.Seat
		t.next = max(t.next, reply.NextNumber)
		c.changedLocked()
	case again(err):
		// Rare: the gateway has waited for a leader already, or was full.
		t.stopRetryLocked()
		t.retry = time.AfterFunc(retryAttach, t.attach)
	default:
		t.endLocked(err)
	}
}

// retryAttach is the pause before an attach that the gateway could not deliver is repeated.
const retryAttach = 100 * time.Millisecond

// push takes what the table says, exactly the next event or a snapshot.
func (t *Table) push(p *wirepb.Push) {
	c := t.c
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case t.behind:
		return // comes again after the attach
	case p.Kind == wirepb.Push_EVENT && p.Number <= t.last:
		c.stats.duplicates.Add(1)
		return
	case p.Kind == wirepb.Push_EVENT && p.Number > t.last+1 && t.pending == c.gen:
		return // of the stream before the attach that is under way
	case p.Kind == wirepb.Push_EVENT && p.Number > t.last+1:
		c.stats.gaps.Add(1)
		t.behind = true
	case p.Kind != wirepb.Push_EVENT && p.Kind != wirepb.Push_SNAPSHOT:
		return
	case len(t.events) >= c.cfg.MaxEvents:
		c.stats.overflows.Add(1)
		t.behind = true
	default:
		t.events = append(t.events, p)
		t.last = p.Number
	}
	t.wakeUp()
}

// take removes the oldest waiting event; nil if there is none.
func (t *Table) take() (*wirepb.Push, error) {
	c := t.c
	c.mu.Lock()
	if len(t.events) > 0 {
		p := t.events[0]
		t.events[0] = nil
		t.events = t.events[1:]
		if len(t.events) == 0 {
			t.events = nil
		}
		c.mu.Unlock()
		return p, nil
	}
	err := t.err
	if err == nil {
		err = c.err
	}
	behind := t.behind
	c.mu.Unlock()
	if behind && err == nil {
		t.attach()
	}
	return nil, err
}

// endLocked says that nothing more will come, and forgets the table and the binding to it. The
// caller holds c.mu.
func (t *Table) endLocked(err error) {
	if t.err == nil {
		t.err = err
	}
	t.forgetLocked()
	if t.c.queue.table == t.id {
		t.c.queue.table = 0
	}
	t.wakeUp()
	t.c.changedLocked()
}

// forgetLocked lets the next Attach begin anew. The caller holds c.mu.
func (t *Table) forgetLocked() {
	t.stopRetryLocked()
	if t.c.tables[t.id] == t {
		delete(t.c.tables, t.id)
	}
}

func (t *Table) stopRetryLocked() {
	if t.retry != nil {
		t.retry.Stop()
	}
}

// wakeUp makes Receive look again.
func (t *Table) wakeUp() {
	select {
	case t.wake <- struct{}{}:
	default:
	}
}

func decodeEvent(p *wirepb.Push) (Event, error) {
	e := Event{Number: p.Number}
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
