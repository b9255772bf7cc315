package session

import "time"

// allowance is a token bucket: a burst at once, then one more per interval. It is pure; the zero
// value is a full bucket.
type allowance struct {
	used int       // how much of the burst is used up
	at   time.Time // refilled up to this time
}

// take uses up one, if any is left.
func (a *allowance) take(now time.Time, burst int, every time.Duration) bool {
	if back := int(now.Sub(a.at) / max(every, 1)); back >= a.used {
		a.used, a.at = 0, now
	} else if back > 0 {
		a.used -= back
		a.at = a.at.Add(time.Duration(back) * every)
	}
	if a.used >= burst {
		return false
	}
	a.used++
	return true
}
