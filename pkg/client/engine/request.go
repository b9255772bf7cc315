package engine

import (
	"fmt"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"

	"teahouse/pkg/game"
	"teahouse/pkg/wire"
	"teahouse/pkg/wire/wirepb"
)

// Request is one request until its answer is definite.
type Request struct {
	e       *Engine
	method  string
	table   game.TableID
	payload func() ([]byte, error) // for the next attempt
	ready   func() (bool, error)   // whether to send now; an error ends the request
	resp    proto.Message          // nil = nobody needs it
	once    bool                   // the first answer counts, even if not definite
	lane    *lane                  // nil = it waits for no other request
	open    func(error)            // gets each answer that is not definite; may be nil
	doubt   func()                 // called if it is given up after an attempt; may be nil
	done    func(error)            // called within the Engine, once, with the answer

	id      uint64 // of the unanswered attempt
	flying  bool
	pausing bool
	ended   bool
	replied bool // with an answer that could be decoded
	unknown bool // an attempt may have taken effect
	sent    bool // at least once
	try     int
}

// lane holds requests of which one at a time is in flight.
type lane struct{ queue []*Request }

func (e *Engine) start(r *Request) *Request {
	r.e = e
	e.open = append(e.open, r)
	if r.lane != nil {
		r.lane.queue = append(r.lane.queue, r)
	}
	r.advance()
	return r
}

// advance sends the request if it is time to.
func (r *Request) advance() {
	if r.ended || r.flying || r.pausing || r.lane != nil && r.lane.queue[0] != r {
		return
	}
	ok, err := r.ready()
	if err == nil {
		err = r.e.err
	}
	if err != nil && r.unknown {
		// Not a refusal, whatever code the end of the client or table carries.
		err = fmt.Errorf("%w: %w", game.Errorf(wirepb.Code_OUTCOME_UNKNOWN, "%s was given up", r.method), err)
	}
	if err != nil {
		r.end(err)
		return
	}
	if !ok || r.e.held && !r.sent {
		return
	}
	payload, err := r.payload()
	if err != nil {
		r.end(err)
		return
	}
	e := r.e
	e.nextID++
	r.id, r.flying, r.sent = e.nextID, true, true
	e.calls[r.id] = r
	e.out.Calls = append(e.out.Calls, &wirepb.Call{Id: r.id, Method: r.method, Table: uint64(r.table), Payload: payload})
}

// answered handles the outcome of one attempt: an answer, or a broken connection.
func (r *Request) answered(reply *wirepb.Reply, err error) {
	r.flying = false
	if err == nil {
		err = decode(r.method, reply, r.resp)
	}
	if r.once || !again(err) {
		r.replied = reply != nil && (err == nil || game.CodeOf(err, wirepb.Code_OK) != wirepb.Code_OK)
		r.end(err)
		return
	}
	r.unknown = r.unknown || wire.SendAgain(game.CodeOf(err, wirepb.Code_OK))
	if r.open != nil {
		r.open(err)
	}
	r.e.stats.Resends++
	pause := min(5*time.Millisecond<<min(r.try, 10), 500*time.Millisecond)
	r.try++
	if r.try == 1 {
		r.advance() // at once: the broken connection has already cost time
		return
	}
	r.pausing = true
	r.e.out.Timers = append(r.e.out.Timers, Timer{pause, func() {
		r.pausing = false
		r.advance()
	}})
}

func (r *Request) end(err error) {
	if r.ended {
		return
	}
	r.leave()
	r.done(err)
	r.pass()
}

// Cancel gives the request up unless it has ended: it may still take effect without anyone learning
// of it.
func (r *Request) Cancel() {
	if r.ended {
		return
	}
	r.leave()
	if r.sent && r.doubt != nil {
		r.doubt()
	}
	r.pass()
}

func (r *Request) leave() {
	r.ended = true
	if r.flying {
		delete(r.e.calls, r.id)
		r.flying = false
	}
	if i := slices.Index(r.e.open, r); i >= 0 {
		r.e.open = slices.Delete(r.e.open, i, i+1)
	}
	if r.e.held {
		r.e.out.Changed = true // see Quiet
	}
	if r.lane != nil {
		if i := slices.Index(r.lane.queue, r); i >= 0 {
			r.lane.queue = slices.Delete(r.lane.queue, i, i+1)
		}
	}
}

// pass lets the lane's next request go.
func (r *Request) pass() {
	if r.lane != nil && len(r.lane.queue) > 0 {
		r.lane.queue[0].advance()
	}
}

// Call sends one request when there is a connection. done gets the error that the answer stands
// for, if any; OUTCOME_UNKNOWN means that the connection broke first.
func (e *Engine) Call(method string, table game.TableID, payload []byte, resp proto.Message, done func(error)) *Request {
	return e.start(e.request(method, table, payload, resp, done, true))
}

// Repeat is Call for idempotent requests: it resends until the answer is definite.
func (e *Engine) Repeat(method string, table game.TableID, payload []byte, resp proto.Message, done func(error)) *Request {
	return e.start(e.request(method, table, payload, resp, done, false))
}

func (e *Engine) request(method string, table game.TableID, payload []byte, resp proto.Message, done func(error), once bool) *Request {
	return &Request{
		method: method, table: table, resp: resp, once: once,
		payload: func() ([]byte, error) { return payload, nil },
		ready:   func() (bool, error) { return e.up, nil },
		done:    func(err error) { e.later(func() { done(err) }) },
	}
}
