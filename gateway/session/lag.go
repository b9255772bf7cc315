package session

import "time"

const (
	// lagSamples is how many round trips are remembered.
	lagSamples = 4
	// lagFirst is the least time between two measurements until lagSamples are there, lagEvery after
	// that.
	lagFirst = 2 * time.Second
	lagEvery = 10 * time.Second
	// lagStep is what a lag is rounded to, and maxLag the longest that a table is told, in
	// milliseconds.
	lagStep = 10
	maxLag  = 500
)

// lag measures the round trip to a client by Pings that go beside what is sent anyway. It believes
// the shortest of the last few, so that one slow answer counts for nothing. It is pure; the zero
// value knows nothing, and a resume begins with one.
//
// An answer counts if it is the first one to the Ping that is out. Whoever answers late on purpose
// has a slow line for as long as he does it with every Ping, and never more than maxLag.
type lag struct {
	asked uint64 // nonce of the newest Ping; 0 = none yet
	out   bool   // it is unanswered, so no other is sent
	sent  time.Time
	trips [lagSamples]time.Duration
	taken uint64 // how many were measured
}

// ask reports whether to send a Ping now, and its nonce, which is never that of a heartbeat, 0.
func (l *lag) ask(now time.Time) (nonce uint64, ok bool) {
	pause := lagEvery
	if l.taken < lagSamples {
		pause = lagFirst
	}
	if l.out || l.asked > 0 && now.Sub(l.sent) < pause {
		return 0, false
	}
	l.asked++
	l.out, l.sent = true, now
	return l.asked, true
}

// answered takes a Pong, and reports whether it was asked for.
func (l *lag) answered(nonce uint64, now time.Time) bool {
	if !l.out || nonce != l.asked {
		return false
	}
	l.out = false
	l.trips[l.taken%lagSamples] = max(0, now.Sub(l.sent))
	l.taken++
	return true
}

// ms is the round trip in milliseconds as a table is told it; 0 = not known, or next to nothing.
func (l *lag) ms() uint32 {
	if l.taken == 0 {
		return 0
	}
	shortest := l.trips[0]
	for _, trip := range l.trips[1:min(l.taken, lagSamples)] {
		shortest = min(shortest, trip)
	}
	return uint32(min(shortest.Round(lagStep*time.Millisecond)/time.Millisecond, maxLag))
}
