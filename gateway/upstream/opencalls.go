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

	// owned by openCalls
	place   *list.Element // nil = no longer open
	parked  bool
	unknown bool // counted as parked for a group that no node has announced

	// owned by the Dispatcher
	sent     bool       // at least once
	inFlight bool       // the newest attempt is unanswered
	inDoubt  bool       // an earlier attempt may have had its effect, or may still have it
	attempt  uint64     // number of the newest attempt; answers to older ones are ignored
	via      Conn       // of the newest attempt
	id       uint64     // of the newest attempt, on via
	route    link.Route // the route it took
	members  uint64     // number of the member list it was routed by (scope SESSION)
}

// openCalls keeps the open calls in order of arrival; with one time limit for all, that is also the
// order of their deadlines. It is pure: no clock, no lock, no network.
type openCalls struct {
	maxParked   int
	maxUnknown  int // of these, for groups that no node has announced
	maxBytes    int // of the parked calls' payloads
	calls       list.List
	parked      int
	unknown     int
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

func newOpenCalls(maxParked int) *openCalls {
	// Made-up table ids must not use up the room that a failover needs.
	return &openCalls{maxParked: maxParked, maxUnknown: max(1, maxParked/10), maxBytes: max(minParkedBytes, maxParked*parkedBytes)}
}

// add adds a new call at the end.
func (o *openCalls) add(c *call) { c.place = o.calls.PushBack(c) }

// has reports whether the call is still unanswered.
func (o *openCalls) has(c *call) bool { return c.place != nil }

// park records that the call waits for its executor; unknown means that no node has ever announced
// its group. It reports false if there is no room.
func (o *openCalls) park(c *call, unknown bool) bool {
	if c.parked {
		return true
	}
	size := len(c.req.GetPayload())
	if o.parked >= o.maxParked || o.bytes+size > o.maxBytes || unknown && o.unknown >= o.maxUnknown {
		o.refusedPark++
		return false
	}
	o.bytes += size
	o.everParked++
	o.parked++
	c.parked = true
	if unknown {
		o.unknown++
		c.unknown = true
	}
	return true
}

// unpark records that the call is in flight.
func (o *openCalls) unpark(c *call) {
	if !c.parked {
		return
	}
	o.parked--
	o.bytes -= len(c.req.GetPayload())
	c.parked = false
	if c.unknown {
		o.unknown--
		c.unknown = false
	}
}

// remove removes the call; false if it is no longer open.
func (o *openCalls) remove(c *call) bool {
	if c.place == nil {
		return false
	}
	o.unpark(c)
	o.calls.Remove(c.place)
	c.place = nil
	return true
}

// all yields the open calls in order. The current one may be closed.
func (o *openCalls) all() iter.Seq[*call] {
	return func(yield func(*call) bool) {
		for e := o.calls.Front(); e != nil; {
			next := e.Next()
			if !yield(e.Value.(*call)) {
				return
			}
			e = next
		}
	}
}

// expired yields the calls whose deadline has passed, in order. Each must be closed.
func (o *openCalls) expired(now time.Time) iter.Seq[*call] {
	return func(yield func(*call) bool) {
		for c := range o.all() {
			if now.Before(c.deadline) || !yield(c) {
				return
			}
		}
	}
}
