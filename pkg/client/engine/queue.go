package engine

import (
	"google.golang.org/protobuf/proto"

	"teahouse/pkg/game"
	"teahouse/pkg/wire"
	"teahouse/pkg/wire/wirepb"
)

// queue is what the client knows about its place in a queue.
type queue struct {
	next   uint64           // number of the next queue command of this login
	table  game.TableID     // bound to, or 0
	ticket uint64           // held, or 0
	lost   bool             // the ticket is gone, and no table came of it
	news   *wirepb.Progress // of the ticket or of one before; nil = none yet
	lane   lane
}

// loggedIn starts the numbering of the new epoch and takes over the cluster's state.
func (q *queue) loggedIn(l *wirepb.LoginReply) {
	q.next = 1
	q.table = game.TableID(l.Table)
	q.lost = q.lost || q.ticket != 0 && l.Ticket != q.ticket && l.Table == 0
	q.ticket = l.Ticket
}

// Join asks for a place in a queue; see client.Client.Join. done gets the ticket.
func (e *Engine) Join(req *wirepb.JoinRequest, done func(ticket uint64, err error)) *Request {
	req = proto.CloneOf(req)
	reply := &wirepb.JoinReply{}
	before := e.queue.table
	e.queue.lost = false
	build := func(n uint64) proto.Message {
		req.Number = n
		return req
	}
	return e.queueCommand("queue.join", build, reply, func(doubt bool, err error) {
		code := game.CodeOf(err, wirepb.Code_OK)
		if err != nil && code == wirepb.Code_OK {
			e.later(func() { done(0, err) })
			return
		}
		switch code {
		case wirepb.Code_OK, wirepb.Code_ALREADY_QUEUED:
			// A queued player is bound to no table. A different table means that this ticket's
			// match has been announced already; none at all, that a resume reported the previous
			// one gone.
			if e.queue.table == before || e.queue.table == 0 {
				e.queue.table = 0
				e.queue.ticket, e.queue.lost = reply.Ticket, false
			}
		case wirepb.Code_AT_TABLE:
			e.bound(game.TableID(reply.Table))
		}
		if doubt && (code == wirepb.Code_ALREADY_QUEUED || code == wirepb.Code_AT_TABLE) {
			err = nil
		}
		e.later(func() { done(reply.Ticket, err) })
	})
}

// CancelTicket gives the ticket back. AT_TABLE means that it had already matched: see Bound.
func (e *Engine) CancelTicket(ticket uint64, done func(error)) *Request {
	reply := &wirepb.CancelReply{}
	build := func(n uint64) proto.Message { return &wirepb.CancelRequest{Number: n, Ticket: ticket} }
	return e.queueCommand("queue.cancel", build, reply, func(doubt bool, err error) {
		code := game.CodeOf(err, wirepb.Code_OK)
		switch {
		case code == wirepb.Code_AT_TABLE:
			e.bound(game.TableID(reply.Table))
		case err == nil || code == wirepb.Code_NO_TICKET:
			e.queue.ticket = 0
		}
		if doubt && code == wirepb.Code_NO_TICKET {
			err = nil
		}
		e.later(func() { done(err) })
	})
}

// queueCommand sends a numbered command until the answer is definite: under the same number within
// one login, renumbered after a resume. Doubt means that an attempt under an earlier login may have
// had an effect that this answer does not show.
//
// One command is in flight at a time. The cluster remembers only a player's last one, so if one
// overtook another, the slower would be refused as old, whether done or not.
func (e *Engine) queueCommand(method string, build func(number uint64) proto.Message, reply proto.Message, done func(doubt bool, err error)) *Request {
	var gen, number uint64
	var doubt, open bool // open: an attempt under number may have taken effect
	r := e.request(method, 0, nil, reply, nil, false)
	r.lane = &e.queue.lane
	r.payload = func() ([]byte, error) {
		if gen != e.gen {
			gen, number = e.gen, e.queue.next
			e.queue.next++
			doubt, open = doubt || open, false
		}
		return proto.Marshal(build(number))
	}
	r.open = func(err error) { open = open || wire.SendAgain(game.CodeOf(err, wirepb.Code_OK)) }
	r.done = func(err error) { done(doubt, err) }
	return e.start(r)
}

// notice takes a hint.
func (e *Engine) notice(p *wirepb.Push) {
	n := &wirepb.Notice{}
	if proto.Unmarshal(p.Payload, n) != nil {
		return
	}
	switch b := n.Body.(type) {
	case *wirepb.Notice_Matched:
		e.bound(game.TableID(b.Matched.Table))
	case *wirepb.Notice_Progress:
		if e.queue.ticket != 0 && b.Progress.GetTicket() == e.queue.ticket {
			e.queue.news = b.Progress
			e.changed()
		}
	case *wirepb.Notice_Unqueued:
		if b.Unqueued.Ticket == e.queue.ticket && e.queue.table == 0 {
			e.queue.ticket, e.queue.lost = 0, true
			e.changed()
		}
	case *wirepb.Notice_Waiting:
		if t := e.tables[game.TableID(b.Waiting.Table)]; t != nil && t.waiting == b.Waiting.Over {
			t.waiting = !b.Waiting.Over
			e.out.Notices = append(e.out.Notices, n)
		}
	case *wirepb.Notice_Moving:
		if e.tables[game.TableID(b.Moving.Table)] != nil {
			e.out.Notices = append(e.out.Notices, n)
		}
	case *wirepb.Notice_Detached:
		// Our own attach is in flight and will get its own answer.
		if t := e.tables[game.TableID(b.Detached.Table)]; t != nil && t.pending != e.gen {
			t.end(game.Errorf(b.Detached.Code, "the gateway could not attach to table %v again", t.id))
		}
	}
}

// bound records that the player sits at a table.
func (e *Engine) bound(table game.TableID) {
	e.queue.table, e.queue.ticket, e.queue.lost = table, 0, false
	e.changed()
}
