package session

import "time"

// allowance bounds how often something is done: so many times at once, and once more for each
// interval that passes. It is pure. The zero value is full.
type allowance struct {
	used int       // of the burst
	at   time.Time // up to which the intervals are counted
}

// take uses the allowance once, if there is something left of it.
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
