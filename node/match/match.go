// Package match decides who plays with whom. It is a pure function of a queue's waiting tickets and
// of the time that the caller passes.
//
//	plan := match.Run(tickets, nowMs, match.Settings{Seats: 4, Window: 100, WidenPerSecond: 20, MaxWindow: 1000})
//	for _, table := range plan.Tables { … }
//
// The oldest ticket chooses first: of the tables whose ratings lie within its window it takes the
// one with the least spread. A window widens with its ticket's waiting time, so the oldest ticket
// has the widest. Of equally rated tickets the older one is always seated first. A ticket that has
// waited for BotsAfterMs takes whoever is available, and bots fill its table. In a queue for those
// who play alone each ticket has a table with bots at once.
//
// The package keeps no queue, knows no players and no parties, and imports nothing local. The
// coordinator calls it; anybody may.
package match

// Ticket is one waiting player. Earlier joiners come first; the lower id breaks ties.
type Ticket struct {
	ID       uint64
	Rating   int64
	JoinedMs uint64 // in the caller's time
}

// Settings are the rules of one queue.
type Settings struct {
	Seats          int    // per table; less than 1 matches nobody
	Window         uint32 // rating points between the best and the worst of a table that a fresh ticket accepts
	WidenPerSecond uint32 // points added per second of waiting
	MaxWindow      uint32 // upper limit; Window if that is larger
	BotsAfterMs    uint32 // wait after which bots fill a table; 0 = never
	Alone          bool   // each ticket gets a table of its own at once, and bots fill it
}

// Table is a table to be made.
type Table struct {
	Tickets []uint64 // ids; first the ticket that chose
	Bots    int      // seats left to bots
}

// Plan is the matcher's result.
type Plan struct {
	Tables []Table
	// NextMs is the earliest moment at which the passing of time alone makes another table of the
	// remaining tickets; 0 = never.
	NextMs uint64
}

// Run matches the waiting tickets of one queue as of nowMs. Their order in the slice does not
// matter and is not changed. It takes O(n log n) time.
func Run(waiting []Ticket, nowMs uint64, s Settings) Plan {
	if s.Seats < 1 || len(waiting) == 0 {
		return Plan{}
	}
	p := newPool(waiting)
	var plan Plan
	if s.Alone {
		for _, t := range p.tickets {
			plan.Tables = append(plan.Tables, Table{Tickets: []uint64{t.ID}, Bots: s.Seats - 1})
		}
		return plan
	}
	for i, t := range p.tickets {
		if p.seated[i] {
			continue
		}
		if g, ok := p.choose(i, s.Seats); ok && g.spread <= s.window(t, nowMs) {
			plan.Tables = append(plan.Tables, Table{Tickets: p.seat(g)})
		}
	}
	// Bots come second, so that they never take a seat that a person would have had.
	for i, t := range p.tickets {
		if !p.seated[i] && s.botsDue(t, nowMs) {
			g := p.company(i, s.Seats, s.window(t, nowMs))
			plan.Tables = append(plan.Tables, Table{Tickets: p.seat(g), Bots: s.Seats - g.size()})
		}
	}
	for i, t := range p.tickets {
		if p.seated[i] {
			continue
		}
		if due := s.due(p, i, t); due > 0 && (plan.NextMs == 0 || due < plan.NextMs) {
			plan.NextMs = due
		}
	}
	return plan
}

// maxWidenMs is the longest waiting time that still widens a window: 24 days, so that no product
// overflows.
const maxWidenMs = 1 << 31

func (s Settings) window(t Ticket, nowMs uint64) uint64 {
	waited := min(nowMs-min(nowMs, t.JoinedMs), maxWidenMs)
	return min(s.top(), uint64(s.Window)+waited*uint64(s.WidenPerSecond)/1000)
}

func (s Settings) top() uint64 { return uint64(max(s.Window, s.MaxWindow)) }

func (s Settings) botsDue(t Ticket, nowMs uint64) bool {
	return s.BotsAfterMs > 0 && nowMs >= t.JoinedMs && nowMs-t.JoinedMs >= uint64(s.BotsAfterMs)
}

// due is when ticket i of the pool gets its table if nobody joins or leaves; 0 = never.
func (s Settings) due(p *pool, i int, t Ticket) uint64 {
	var due uint64
	if s.BotsAfterMs > 0 {
		due = t.JoinedMs + uint64(s.BotsAfterMs)
	}
	g, ok := p.choose(i, s.Seats)
	if !ok || s.WidenPerSecond == 0 || g.spread <= uint64(s.Window) || g.spread > s.top() {
		return due
	}
	wide := (g.spread - uint64(s.Window)) * 1000
	wait := (wide + uint64(s.WidenPerSecond) - 1) / uint64(s.WidenPerSecond)
	if wait > maxWidenMs {
		return due
	}
	if at := t.JoinedMs + wait; due == 0 || at < due {
		due = at
	}
	return due
}
