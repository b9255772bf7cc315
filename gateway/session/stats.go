package session

import (
	"sync/atomic"

	"teahouse/pkg/wire/wirepb"
)

// counters are shared by all sessions of a hub.
type counters struct {
	accepted, framesIn, framesOut, writes            atomic.Uint64
	calls, refused, attachesRefused, cut             atomic.Uint64
	pushes, pushesDropped, repeats, gaps, reattaches atomic.Uint64
	bindingsRead, matchesTold, roundTrips, waits     atomic.Uint64
	byes                                             [byeCodes]atomic.Uint64
}

// byeCodes is the number of codes that a Bye may carry.
const byeCodes = int(wirepb.Code_SESSION_FORGOTTEN) + 1

// Stats counts what happened to the clients of a gateway.
type Stats struct {
	Sessions      int    // now
	Accepted      uint64 // connections let in
	Cut           uint64 // connections that ended inside a frame
	FramesIn      uint64
	FramesOut     uint64
	Writes        uint64 // system calls that carried FramesOut
	Calls         uint64 // handed to nodes
	Refused       uint64 // calls answered by the gateway itself
	TooOften      uint64 // of these, attaches beyond Config.AttachBurst
	Pushes        uint64 // forwarded
	PushesDropped uint64 // for no session here, or of another stream or epoch
	Repeats       uint64 // pushes that had been forwarded before
	Gaps          uint64 // pushes that came after a missing one
	Reattaches    uint64 // attaches by the gateway itself
	BindingsRead  uint64
	MatchesTold   uint64
	RoundTrips    uint64                 // to clients at tables, measured
	Waits         uint64                 // times that a client was told that nobody runs its table
	Byes          map[wirepb.Code]uint64 // by reason
}

// Stats may be called at any time.
func (h *Hub) Stats() Stats {
	c := &h.stats
	s := Stats{
		Sessions: h.Len(),
		Accepted: c.accepted.Load(), FramesIn: c.framesIn.Load(), FramesOut: c.framesOut.Load(), Writes: c.writes.Load(),
		Cut: c.cut.Load(), Calls: c.calls.Load(), Refused: c.refused.Load(), TooOften: c.attachesRefused.Load(),
		Pushes: c.pushes.Load(), PushesDropped: c.pushesDropped.Load(), Repeats: c.repeats.Load(), Gaps: c.gaps.Load(),
		Reattaches: c.reattaches.Load(), BindingsRead: c.bindingsRead.Load(), MatchesTold: c.matchesTold.Load(), RoundTrips: c.roundTrips.Load(), Waits: c.waits.Load(),
		Byes: map[wirepb.Code]uint64{},
	}
	for code := range c.byes {
		if n := c.byes[code].Load(); n > 0 {
			s.Byes[wirepb.Code(code)] = n
		}
	}
	return s
}
