package ingress

import "sync/atomic"

// Stats counts what came in and went out since the start.
type Stats struct {
	Links          int    // now
	Requests       uint64 // received
	Refused        uint64 // of these, without reaching a handler
	AnsweredTwice  uint64 // responses dropped: a handler's fault
	Pushes         uint64 // sent
	PushesUnlinked uint64 // dropped: that gateway has no link here
	Unsent         uint64 // pushes, responses and news dropped on a full or ended link
	SessionsClosed uint64
}

type counts struct {
	requests, refused, answeredTwice atomic.Uint64
	pushes, pushesUnlinked, unsent   atomic.Uint64
	sessionsClosed                   atomic.Uint64
}

// Stats returns the counters.
func (in *Ingress) Stats() Stats {
	n := &in.counts
	return Stats{
		Links:          len(*in.peers.Load()),
		Requests:       n.requests.Load(),
		Refused:        n.refused.Load(),
		AnsweredTwice:  n.answeredTwice.Load(),
		Pushes:         n.pushes.Load(),
		PushesUnlinked: n.pushesUnlinked.Load(),
		Unsent:         n.unsent.Load(),
		SessionsClosed: n.sessionsClosed.Load(),
	}
}
