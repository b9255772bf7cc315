// Package openloop says when something is to be done if it is to be done so many times a second,
// however long each takes:
//
//	due := schedule.Take(time.Now()) // wait until then, do it, and
//	latency.Record(time.Since(due))  // count from when it should have been done
//
// Who is late does not make the next ones later: what a slow answer keeps from being asked counts as
// waiting. A closed loop, in which each asks when the one before is answered, leaves that out.
//
// It waits for nothing and asks no clock. Only bench imports it.
package openloop

import (
	"sync"
	"time"
)

// Schedule is safe for concurrent use. It begins with the first Take.
type Schedule struct {
	rate float64

	mu    sync.Mutex
	began time.Time
	taken int
}

// New plans so many a second; rate must be above 0.
func New(rate float64) *Schedule { return &Schedule{rate: rate} }

// Take is the time of the next one, which may be past. Who takes it does it.
func (s *Schedule) Take(now time.Time) time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.taken == 0 {
		s.began = now
	}
	due := s.began.Add(time.Duration(float64(s.taken) / s.rate * float64(time.Second)))
	s.taken++
	return due
}

// Missing is how many were due by now and have not been taken: nobody was free to.
func (s *Schedule) Missing(now time.Time) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.taken == 0 {
		return 0
	}
	return max(0, int(now.Sub(s.began).Seconds()*s.rate)+1-s.taken)
}
