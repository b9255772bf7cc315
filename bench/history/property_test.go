package history

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"teahouse/pkg/game"
	"teahouse/pkg/wire/wirepb"
)

// world is a tiny coordinator that makes correct histories. Everything takes effect at one moment;
// the calls last longer on both sides.
type world struct {
	t    *rapid.T
	now  int64
	ops  []Op
	free []int64 // when a player's last answer came

	place      []place
	lastTicket uint64
	lastTable  game.TableID
	over       map[game.PlayerID][]game.TableID
}

// span is how long calls last on either side of their moment.
const span = 100

// call makes a call for a player that has none open.
func (w *world) call(i int, o Op, do func(*Op)) {
	w.now += 10
	w.free[i] = max(w.free[i], w.now-span)
	o.Player = game.PlayerID(i + 1)
	o.Call = rapid.Int64Range(w.free[i], max(w.free[i], w.now)).Draw(w.t, "call")
	w.now = max(w.now, o.Call)
	do(&o)
	o.Return = w.now + rapid.Int64Range(0, span).Draw(w.t, "answer")
	w.free[i] = o.Return + 1
	if o.Kind != Read && rapid.IntRange(0, 9).Draw(w.t, "fate") == 0 {
		o.Return, o.Got, o.Table, o.Code = Open, 0, 0, 0
	}
	w.ops = append(w.ops, o)
}

func (w *world) join(i int) {
	p := &w.place[i]
	queue := rapid.SampledFrom([]string{"a", "b"}).Draw(w.t, "queue")
	w.call(i, Op{Kind: Join, Queue: queue}, func(o *Op) {
		switch {
		case p.bound():
			o.Code, o.Table = wirepb.Code_AT_TABLE, p.table
		case p.ticket != 0:
			o.Code, o.Got = wirepb.Code_ALREADY_QUEUED, p.ticket
		default:
			w.lastTicket++
			*p = place{ticket: w.lastTicket, queue: queue}
			o.Got = p.ticket
		}
	})
}

func (w *world) cancel(i int) {
	p := &w.place[i]
	ticket := p.ticket
	if ticket == 0 || rapid.Bool().Draw(w.t, "old") {
		ticket = rapid.Uint64Range(1, w.lastTicket+1).Draw(w.t, "ticket")
	}
	w.call(i, Op{Kind: Cancel, Ticket: ticket}, func(o *Op) {
		switch {
		case p.bound():
			o.Code, o.Table = wirepb.Code_AT_TABLE, p.table
		case p.ticket != ticket:
			o.Code = wirepb.Code_NO_TICKET
		case p.pending:
			o.Code, o.Table = wirepb.Code_AT_TABLE, p.table
		default:
			*p = place{}
		}
	})
}

func (w *world) read(i int) {
	p := &w.place[i]
	w.call(i, Op{Kind: Read}, func(o *Op) {
		if p.bound() {
			o.Table = p.table
		} else {
			o.Got = p.ticket
		}
	})
}

// match makes a table of two players waiting in the same queue; later it may be confirmed or
// refused, announced, and over.
func (w *world) match() {
	for i := range w.place {
		for k := range i {
			a, b := &w.place[i], &w.place[k]
			if a.ticket != 0 && b.ticket != 0 && a.table == 0 && b.table == 0 && a.queue == b.queue {
				w.lastTable++
				a.table, b.table, a.pending, b.pending = w.lastTable, w.lastTable, true, true
				return
			}
		}
	}
}

func (w *world) settle(refused bool) {
	for i := range w.place {
		if p := &w.place[i]; p.pending && p.table == w.lastTable {
			p.pending = false
			if refused {
				p.table = 0
			} else if rapid.Bool().Draw(w.t, "told") {
				w.ops = append(w.ops, Op{Player: game.PlayerID(i + 1), Kind: Told, Got: p.ticket, Table: p.table, Return: w.now + span/2})
			}
		}
	}
}

func (w *world) leave(i int) {
	if p := &w.place[i]; p.bound() {
		id := game.PlayerID(i + 1)
		w.over[id] = append(w.over[id], p.table)
		*p = place{}
	}
}

// TestRightHistoriesAreClean: the answers of a correct coordinator can always be explained, so
// every finding is real.
func TestRightHistoriesAreClean(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const players = 4
		w := &world{t: t, free: make([]int64, players), place: make([]place, players), over: make(map[game.PlayerID][]game.TableID)}
		for range rapid.IntRange(0, 30).Draw(t, "steps") {
			i := rapid.IntRange(0, players-1).Draw(t, "player")
			switch rapid.IntRange(0, 7).Draw(t, "what") {
			case 0, 1:
				w.join(i)
			case 2:
				w.cancel(i)
			case 3:
				w.read(i)
			case 4:
				w.match()
			case 5:
				w.settle(false)
			case 6:
				w.settle(true)
			case 7:
				w.leave(i)
			}
		}
		w.now += 2 * span
		for i := range players {
			w.now = max(w.now, w.free[i]+span)
			w.read(i)
		}
		// An abandoned search proves nothing; with so few ops none is.
		r := Check(w.ops, Config{Over: w.over})
		if !r.Audit.Clean() {
			t.Fatalf("%+v\n%s", r.Audit, strings.Join(r.Notes, "\n"))
		}
	})
}
