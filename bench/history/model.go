package history

import (
	"slices"

	"github.com/anishathalye/porcupine"

	"teahouse/pkg/game"
	"teahouse/pkg/wire/wirepb"
)

// some is a ticket with an unknown number.
const some = ^uint64(0)

// place is one player's state in the model.
type place struct {
	ticket  uint64       // held, or turned into the table; 0 = none
	queue   string       // the ticket's queue
	table   game.TableID // 0 = none
	pending bool         // table is not confirmed: only the ticket is visible
	last    uint64       // newest ticket whose number is known; numbers only grow
}

func (p place) idle() bool  { return p.ticket == 0 && p.table == 0 }
func (p place) bound() bool { return p.table != 0 && !p.pending }

// waits reports whether, to its knowledge, the player holds a ticket.
func (p place) waits() bool { return p.ticket != 0 && !p.bound() }

// named is p once its ticket is known to have this number; false if it has another one.
func (p place) named(ticket uint64) (place, bool) {
	switch {
	case p.ticket == ticket:
		return p, true
	case p.ticket == some && ticket > p.last:
		p.ticket, p.last = ticket, ticket
		return p, true
	}
	return p, false
}

// step is the sequential model of one player: whether o can be answered as it was, and the state
// afterwards.
func (p place) step(o Op) (place, bool) {
	switch o.Kind {
	case Join:
		return p.join(o)
	case earlier:
		return p.maybe(o), true
	case Cancel:
		return p.cancel(o)
	case Read:
		return p.read(o)
	case Told:
		if !p.bound() || p.table != o.Table {
			return p, false
		}
		return p.named(o.Got)
	case match:
		ok := p.waits() && p.table == 0
		p.table, p.pending = o.Table, true
		return p, ok
	case refuse, seat:
		ok := p.pending && p.table == o.Table
		p.pending = false
		if o.Kind == refuse {
			p.table = 0
		}
		return p, ok
	case release:
		return place{last: p.last}, p.bound() && p.table == o.Table
	}
	return p, false
}

// maybe is a join without an answer. One without effect may be placed where it can have none.
func (p place) maybe(o Op) place {
	if p.idle() {
		p.ticket, p.queue = some, o.Queue
	}
	return p
}

func (p place) join(o Op) (place, bool) {
	if o.open() {
		return p.maybe(o), true
	}
	switch o.Code {
	case wirepb.Code_OK:
		if p.idle() && o.Got > p.last {
			return place{ticket: o.Got, queue: o.Queue, last: o.Got}, true
		}
		if !o.Doubt {
			return p, false
		}
		if o.Got == 0 {
			return p, p.bound() && p.table == o.Table
		}
		q, ok := p.named(o.Got)
		return q, ok && p.waits()
	case wirepb.Code_ALREADY_QUEUED:
		q, ok := p.named(o.Got)
		return q, ok && p.waits()
	case wirepb.Code_AT_TABLE:
		return p, p.bound() && p.table == o.Table
	case wirepb.Code_QUEUE_FULL:
		return p, p.idle()
	}
	return p, true // refused for a reason that the model does not know
}

func (p place) cancel(o Op) (place, bool) {
	waiting := p.waits() && !p.pending
	if o.open() {
		if waiting && p.ticket == o.Ticket {
			return place{last: p.last}, true
		}
		return p, true
	}
	switch o.Code {
	case wirepb.Code_OK:
		if q, ok := p.named(o.Ticket); ok && waiting {
			return place{last: q.last}, true
		}
		return p, o.Doubt && !p.bound() && p.ticket != o.Ticket
	case wirepb.Code_NO_TICKET:
		return p, !p.bound() && p.ticket != o.Ticket
	case wirepb.Code_AT_TABLE:
		if p.bound() {
			return p, p.table == o.Table
		}
		q, ok := p.named(o.Ticket)
		return q, ok && p.pending && p.table == o.Table
	}
	return p, true
}

func (p place) read(o Op) (place, bool) {
	switch {
	case o.open() || o.Code != wirepb.Code_OK:
		return p, true
	case o.Table != 0:
		return p, o.Got == 0 && p.bound() && p.table == o.Table
	case o.Got != 0:
		q, ok := p.named(o.Got)
		return q, ok && p.waits()
	}
	return p, p.idle()
}

// event is a step of one player or, for a match or the like, of several at once.
type event struct {
	Op
	players []int // whose: indices in the model's state
}

// model is the model of n players together. A table is made at one moment from one queue, in which
// all of its tickets are then waiting.
func model(n int) porcupine.Model {
	return porcupine.Model{
		Init: func() any { return make([]place, n) },
		Step: func(state, input, _ any) (bool, any) {
			e := input.(event)
			next := slices.Clone(state.([]place))
			for _, i := range e.players {
				var ok bool
				if next[i], ok = next[i].step(e.Op); !ok {
					return false, state
				}
				if e.Kind == match && next[i].queue != next[e.players[0]].queue {
					return false, state
				}
			}
			return true, next
		},
		Equal: func(a, b any) bool { return slices.Equal(a.([]place), b.([]place)) },
	}
}
