package engine

import (
	"time"

	"teahouse/pkg/wire/wirepb"
)

// Clock estimates a gateway's clock from what it answers to Pings, so that a client can tell how
// long ago something happened, whatever its own clock says.
//
//	send(&wirepb.Ping{Nonce: c.Ping(now)})
//	c.Pong(pong, later)
//	at, ok := c.Local(push.TimeMs) // by the client's own clock
//
// It is of one connection, because each gateway has a clock of its own. Of the last exchanges it
// believes the one with the shortest round trip, which errs by half of that at most. The zero value
// knows nothing yet.
type Clock struct {
	last   uint64 // nonce of the newest Ping
	asked  [4]ask // the newest Pings that have no answer
	trips  [8]trip
	filled int // how many of trips count
	next   int // which one is overwritten next
}

// ask is a Ping without an answer; nonce 0 is none.
type ask struct {
	nonce uint64
	sent  time.Time
}

// trip is one exchange.
type trip struct {
	sent, back time.Time // by the client's clock
	time       int64     // by the gateway's, in milliseconds of Unix time
}

func (t trip) took() time.Duration { return t.back.Sub(t.sent) }

// middle is when the gateway answered if its answer took as long as the question.
func (t trip) middle() time.Time { return t.sent.Add(t.took() / 2) }

const (
	// stepped is by how much two exchanges may contradict each other before one of the clocks counts
	// as set anew: clocks drift, and times are told in whole milliseconds.
	stepped = 10 * time.Millisecond
	// farOff bounds what can be told of; beyond it a time is nonsense.
	farOff = 24 * time.Hour
	// maxTime is the last time that a gateway may tell, in the year 2248. In nanoseconds it is still a
	// time.Duration.
	maxTime = 1 << 43
)

// Ping returns the nonce of a Ping that is sent now.
func (c *Clock) Ping(now time.Time) (nonce uint64) {
	c.last++
	c.asked[c.last%uint64(len(c.asked))] = ask{c.last, now}
	return c.last
}

// Asked is when the newest Ping was sent; zero = none was.
func (c *Clock) Asked() time.Time { return c.asked[c.last%uint64(len(c.asked))].sent }

// Pong takes an answer. One that was not asked for, or tells no time, says nothing.
func (c *Clock) Pong(p *wirepb.Pong, now time.Time) {
	q := &c.asked[p.Nonce%uint64(len(c.asked))]
	if p.Nonce == 0 || q.nonce != p.Nonce || now.Before(q.sent) {
		return
	}
	q.nonce = 0
	if p.TimeMs == 0 || p.TimeMs > maxTime {
		return
	}
	t := trip{q.sent, now, int64(p.TimeMs)}
	if best, ok := c.best(); ok && contradict(best, t) {
		c.filled, c.next = 0, 0
	}
	c.trips[c.next] = t
	c.next = (c.next + 1) % len(c.trips)
	c.filled = min(c.filled+1, len(c.trips))
}

// contradict reports whether two exchanges cannot both be true of the same two clocks.
func contradict(a, b trip) bool {
	apart := b.middle().Sub(a.middle()) - time.Duration(b.time-a.time)*time.Millisecond
	return apart.Abs() > (a.took()+b.took())/2+stepped
}

// best is the exchange with the shortest round trip; of equal ones the newest.
func (c *Clock) best() (best trip, ok bool) {
	for i := range c.filled {
		t := c.trips[(c.next+len(c.trips)-c.filled+i)%len(c.trips)]
		if !ok || t.took() <= best.took() {
			best, ok = t, true
		}
	}
	return best, ok
}

// RoundTrip is the shortest one of the last exchanges; ok is false before the first.
func (c *Clock) RoundTrip() (took time.Duration, ok bool) {
	best, ok := c.best()
	return best.took(), ok
}

// Local is when the gateway's clock was at ms, by the client's own clock; ok is false if nothing is
// known of the gateway's, or ms is nonsense.
func (c *Clock) Local(ms uint64) (at time.Time, ok bool) {
	best, ok := c.best()
	if !ok || ms == 0 || ms > maxTime {
		return time.Time{}, false
	}
	off := time.Duration(int64(ms)-best.time) * time.Millisecond
	if off.Abs() > farOff {
		return time.Time{}, false
	}
	return best.middle().Add(off), true
}
