package engine

import (
	"errors"
	"time"

	"google.golang.org/protobuf/proto"

	"teahouse/pkg/game"
	"teahouse/pkg/wire/wirepb"
)

// ErrLeft is the error of a table after Leave.
var ErrLeft = errors.New("client: table left")

// retryAttach is the pause before an attach that the gateway could not deliver is repeated.
const retryAttach = 100 * time.Millisecond

// Table is a seat at a table.
type Table struct {
	// immutable
	e     *Engine
	id    game.TableID
	order uint64 // tables are attached in the order of their first use
	owner Owner

	users    int            // see Use
	last     uint64         // number of the newest event that is in events or was received
	events   []*wirepb.Push // not received yet
	behind   bool           // something was dropped: attach again once events is empty
	attached uint64         // Engine.gen of the connection on which it is attached
	pending  uint64         // Engine.gen of the connection on which an attach is in flight
	doubtful bool           // that attach does not tell the next move's number
	seat     uint32
	next     uint64 // number of the next move
	moves    lane
	waiting  bool  // nobody runs it, as the gateway has said
	err      error // why the stream has ended
}

// Owner is woken when there is something to receive.
type Owner interface{ WakeUp() }

// Use points the seat's stream at this client, starting with the first event. If the table is in
// use already, that Table is returned; owner is for a new one.
func (e *Engine) Use(id game.TableID, owner Owner) *Table {
	t := e.tables[id]
	if t == nil {
		e.nextID++
		t = &Table{e: e, id: id, order: e.nextID, owner: owner}
		e.tables[id] = t
	}
	t.users++
	t.attach()
	return t
}

// GiveUp undoes a Use that was not waited for.
func (t *Table) GiveUp() {
	if t.users--; t.users == 0 {
		t.forget()
	}
}

func (t *Table) ID() game.TableID { return t.id }

// Owner is the first user of the table.
func (t *Table) Owner() Owner { return t.owner }

// Seat is the player's seat, from 0.
func (t *Table) Seat() int { return int(t.seat) }

// Ready reports whether the table is attached on the current connection.
func (t *Table) Ready() (bool, error) { return t.e.up && t.attached == t.e.gen, t.err }

// attach asks for the stream after the last event, unless that is in flight or done on the current
// connection.
func (t *Table) attach() {
	e := t.e
	if !e.up || e.held || t.pending == e.gen || t.attached == e.gen && !t.behind || e.tables[t.id] != t {
		return // without a connection, the next one attaches; a forgotten table is not attached
	}
	gen := e.gen
	payload, err := proto.Marshal(&wirepb.AttachRequest{LastEvent: t.last})
	if err != nil {
		t.end(err)
		return
	}
	t.pending, t.behind, t.doubtful = gen, false, false
	reply := &wirepb.AttachReply{}
	r := e.request("table.attach", t.id, payload, reply, nil, true)
	r.done = func(err error) { t.answered(gen, reply, err) }
	e.start(r)
}

// answered handles the outcome of an attach: an answer, or a broken connection.
func (t *Table) answered(gen uint64, reply *wirepb.AttachReply, err error) {
	e := t.e
	if t.pending == gen {
		t.pending = 0
	}
	switch {
	case gen != e.gen || !e.up:
		// The next connection attaches.
	case err == nil || game.CodeOf(err, wirepb.Code_OK) == wirepb.Code_RESUME_INVALID:
		// RESUME_INVALID attaches too; a snapshot will correct the last number.
		t.seat = reply.Seat
		if t.waiting { // another gateway knows nothing of that
			t.waiting = false
			e.out.Notices = append(e.out.Notices, &wirepb.Notice{Body: &wirepb.Notice_Waiting{
				Waiting: &wirepb.Waiting{Table: uint64(t.id), Over: true},
			}})
		}
		t.next = max(t.next, reply.NextNumber)
		if t.doubtful {
			t.attach()
			return
		}
		t.attached = gen
		if t.behind {
			t.wakeUp() // what was dropped since is fetched once the kept events are read
		}
		e.changed()
	case again(err):
		// Rare: the gateway has already waited for a leader, or was full.
		t.behind = t.behind || t.attached == gen // dropped events are still to be fetched
		e.out.Timers = append(e.out.Timers, Timer{retryAttach, t.attach})
	default:
		t.end(err)
	}
}

// push accepts exactly the next event, or a snapshot.
func (t *Table) push(p *wirepb.Push) {
	e := t.e
	switch {
	case t.behind:
		return // will come again after the attach
	case p.Kind == wirepb.Push_EVENT && p.Number <= t.last:
		e.stats.Duplicates++
		return
	case p.Kind == wirepb.Push_EVENT && p.Number > t.last+1 && t.pending == e.gen:
		return // from the stream before the attach in flight
	case p.Kind == wirepb.Push_EVENT && p.Number > t.last+1:
		e.stats.Gaps++
		t.behind = true
	case p.Kind != wirepb.Push_EVENT && p.Kind != wirepb.Push_SNAPSHOT:
		return
	case len(t.events) >= e.cfg.MaxEvents:
		e.stats.Overflows++
		t.behind = true
	default:
		t.events = append(t.events, p)
		t.last = p.Number
	}
	t.wakeUp()
}

// Receive removes the oldest event; nil if there is none now.
func (t *Table) Receive() (*wirepb.Push, error) {
	if len(t.events) > 0 {
		p := t.events[0]
		t.events[0] = nil
		t.events = t.events[1:]
		if len(t.events) == 0 {
			t.events = nil
		}
		return p, nil
	}
	switch {
	case t.err != nil:
		return nil, t.err
	case t.e.err != nil:
		return nil, t.e.err
	case t.behind:
		t.attach()
	}
	return nil, nil
}

// Move sends a move, or a switch of auto-play, under the seat's next number until its answer is
// definite. Moves of one Table wait for each other. done gets the number it was sent under, 0 if it
// never was, and whether the error is an answer of the cluster.
func (t *Table) Move(req *wirepb.MoveRequest, done func(number uint64, answered bool, err error)) *Request {
	e := t.e
	req = proto.CloneOf(req)
	var payload []byte
	r := e.request("table.move", t.id, nil, &wirepb.MoveReply{}, nil, false)
	r.lane = &t.moves
	r.ready = t.Ready
	r.payload = func() (_ []byte, err error) {
		if payload == nil {
			req.Number = t.next
			payload, err = proto.Marshal(req)
		}
		return payload, err
	}
	r.doubt = t.doubt
	r.done = func(err error) {
		switch {
		case err == nil:
			t.next = max(t.next, req.Number+1)
		case r.replied && numberIsWrong(game.CodeOf(err, wirepb.Code_OK)), !r.replied && t.err == nil && e.err == nil:
			t.doubt()
		}
		e.later(func() { done(req.Number, r.replied, err) })
	}
	return e.start(r)
}

// numberIsWrong reports whether a refusal means that this client's count of its moves differs from
// the table's.
func numberIsWrong(code wirepb.Code) bool {
	return code == wirepb.Code_NUMBER_REUSED || code == wirepb.Code_ALREADY_DECIDED || code == wirepb.Code_NUMBER_GAP
}

// doubt is called when it is unknown whether a move counts: the next one waits until the table has
// told its number again.
func (t *Table) doubt() {
	t.attached = 0
	t.doubtful = t.pending == t.e.gen // that attach may have been answered before the move arrived
	t.attach()
}

// Leave confirms to an ended table that nothing more is needed of it, and forgets it.
func (t *Table) Leave(done func(error)) *Request {
	r := t.e.request("table.leave", t.id, nil, &wirepb.LeaveReply{}, nil, false)
	r.done = func(err error) {
		t.end(ErrLeft)
		if game.CodeOf(err, wirepb.Code_OK) == wirepb.Code_TABLE_GONE {
			err = nil // already forgotten, as was asked
		}
		t.e.later(func() { done(err) })
	}
	return t.e.start(r)
}

// End forgets the table; its remaining users get err.
func (t *Table) End(err error) { t.end(err) }

// end closes the stream and forgets the table and the binding to it.
func (t *Table) end(err error) {
	if t.err == nil {
		t.err = err
	}
	t.forget()
	if t.e.queue.table == t.id {
		t.e.queue.table = 0
	}
	t.wakeUp()
	t.e.changed()
}

// forget lets the next Use start afresh.
func (t *Table) forget() {
	if t.e.tables[t.id] == t {
		delete(t.e.tables, t.id)
	}
}

// wakeUp wakes the receiver.
func (t *Table) wakeUp() { t.e.later(t.owner.WakeUp) }
