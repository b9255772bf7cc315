package upstream

import (
	"container/list"
	"iter"
	"time"

	"teahouse/pkg/game"
	"teahouse/pkg/link"
	"teahouse/pkg/link/linkpb"
	"teahouse/pkg/wire/wirepb"
)

// call is one open call: in flight, or parked.
type call struct {
	// immutable
	req      *linkpb.Request
	scope    wirepb.Scope
	group    game.GroupID // for the scopes TABLE and CLUSTER
	done     func(*linkpb.Response)
	deadline time.Time

	// owned by the book
	place   *list.Element // nil = no longer open
	parked  bool
	strange bool // counted as parked for a group that nobody has announced

	// owned by the Desk
	sent    bool       // at least once
	flying  bool       // the newest attempt is unanswered
	doubt   bool       // an earlier attempt may have had its effect, or may still have it
	attempt uint64     // number of the newest attempt; answers to older ones are ignored
	via     Conn       // of the newest attempt
	id      uint64     // of the newest attempt, on via
	route   link.Route // the route it took
	members uint64     // number of the member list it was routed by (scope SESSION)
}

// book keeps the open calls in order of arrival; with one time limit for all, that is also the
// order of their deadlines. It is pure: no clock, no lock, no network.
type book struct {
	maxParked   int
	maxStrange  int // of these, for groups that nobody has announced
	maxBytes    int // of the parked calls' payloads
	calls       list.List
	parked      int
	strange     int
	bytes       int
	everParked  uint64
	refusedPark uint64
}

// parkedBytes is the average payload allowed per parked call, many times a usual one; a single call
// may still be as long as a whole client frame.
const (
	parkedBytes    = 1 << 10
	minParkedBytes = 1 << 20
)

func newBook(maxParked int) *book {
	// Made-up table ids must not use up the room that a failover needs.
	return &book{maxParked: maxParked, maxStrange: max(1, maxParked/10), maxBytes: max(minParkedBytes, maxParked*parkedBytes)}
}

// open adds a new call at the end.
func (b *book) open(c *call) { c.place = b.calls.PushBack(c) }

// isOpen reports whether the call is still unanswered.
func (b *book) isOpen(c *call) bool { return c.place != nil }

// park records that the call waits for its executor; strange means that nobody has ever announced
// its group. It reports false if there is no room.
func (b *book) park(c *call, strange bool) bool {
	if c.parked {
		return true
	}
	size := len(c.req.GetPayload())
	if b.parked >= b.maxParked || b.bytes+size > b.maxBytes || strange && b.strange >= b.maxStrange {
		b.refusedPark++
		return false
	}
	b.bytes += size
	b.everParked++
	b.parked++
	c.parked = true
	if strange {
		b.strange++
		c.strange = true
	}
	return true
}

// unpark records that the call is in flight.
func (b *book) unpark(c *call) {
	if !c.parked {
		return
	}
	b.parked--
	b.bytes -= len(c.req.GetPayload())
	c.parked = false
	if c.strange {
		b.strange--
		c.strange = false
	}
}

// close removes the call; false if it is no longer open.
func (b *book) close(c *call) bool {
	if c.place == nil {
		return false
	}
	b.unpark(c)
	b.calls.Remove(c.place)
	c.place = nil
	return true
}

// all yields the open calls in order. The current one may be closed.
func (b *book) all() iter.Seq[*call] {
	return func(yield func(*call) bool) {
		for e := b.calls.Front(); e != nil; {
			next := e.Next()
			if !yield(e.Value.(*call)) {
				return
			}
			e = next
		}
	}
}

// expired yields the calls whose deadline has passed, in order. Each must be closed.
func (b *book) expired(now time.Time) iter.Seq[*call] {
	return func(yield func(*call) bool) {
		for c := range b.all() {
			if now.Before(c.deadline) || !yield(c) {
				return
			}
		}
	}
}
