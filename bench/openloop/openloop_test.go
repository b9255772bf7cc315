package openloop

import (
	"testing"
	"testing/synctest"
	"time"

	"teahouse/bench/report"
)

// A server that stands still for two seconds: a closed loop asks once meanwhile and has one bad
// answer; at 100 a second 200 were due, and waited one second on average.
func TestAStallIsCountedWhole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var closed, open report.Latency
		began, stalled := time.Now(), false
		serve := func() {
			d := time.Millisecond
			if time.Since(began) > 4*time.Second && !stalled {
				d, stalled = 2*time.Second, true
			}
			time.Sleep(d)
		}
		s := New(100)
		for range 1000 {
			due := s.Take(time.Now())
			time.Sleep(time.Until(due))
			sent := time.Now()
			serve()
			closed.Record(time.Since(sent))
			open.Record(time.Since(due))
		}
		c, o := closed.Millis(), open.Millis()
		if c.P99 > 2 || c.Max < 1900 {
			t.Errorf("closed: %v", c)
		}
		if o.P50 > 2 || o.P90 < 900 || o.P99 < 1800 {
			t.Errorf("open: %v", o)
		}
	})
}

func TestTake(t *testing.T) {
	s, now := New(4), time.Unix(50, 0)
	if s.Missing(now) != 0 {
		t.Error("nothing is due before the first one")
	}
	for i := range 5 {
		if got, want := s.Take(now.Add(time.Duration(i)*time.Hour)), now.Add(time.Duration(i)*250*time.Millisecond); !got.Equal(want) {
			t.Errorf("%d: %v, want %v", i, got, want)
		}
	}
	if n := s.Missing(now.Add(2 * time.Second)); n != 4 { // 0 to 8 were due, and five are taken
		t.Errorf("%d are missing", n)
	}
	if n := s.Missing(now.Add(time.Millisecond)); n != 0 {
		t.Errorf("%d are missing", n)
	}
}
