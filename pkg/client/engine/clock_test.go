package engine

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"teahouse/pkg/wire/wirepb"
)

// TestClockIsRightWithinHalfOfATrip: whatever the way there and back takes, in whatever order
// answers come, and if some never do, the estimate is no further off than half of the round trip
// that it names.
func TestClockIsRightWithinHalfOfATrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		duration := func(name string, most time.Duration) time.Duration {
			return time.Duration(rapid.Int64Range(0, int64(most)).Draw(t, name))
		}
		ours := time.Unix(rapid.Int64Range(1, 1<<32).Draw(t, "ours"), 0)
		theirs := time.Unix(rapid.Int64Range(1, 1<<32).Draw(t, "theirs"), 0)
		var c Clock
		var on time.Duration // since the beginning, by either clock
		type answer struct {
			p *wirepb.Pong
			d time.Duration // when it is here
		}
		var under []answer
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			on += duration("pause", time.Second)
			if rapid.Bool().Draw(t, "ping") {
				nonce := c.Ping(ours.Add(on))
				there := on + duration("there", 400*time.Millisecond)
				under = append(under, answer{
					&wirepb.Pong{Nonce: nonce, TimeMs: uint64(theirs.Add(there).UnixMilli())}, there + duration("back", 400*time.Millisecond),
				})
			} else if len(under) > 0 {
				i := rapid.IntRange(0, len(under)-1).Draw(t, "which")
				a := under[i]
				under = append(under[:i], under[i+1:]...)
				on = max(on, a.d)
				c.Pong(a.p, ours.Add(on))
				if rapid.Bool().Draw(t, "twice") {
					c.Pong(a.p, ours.Add(on+time.Hour))
				}
			}
			took, known := c.RoundTrip()
			when := duration("when", time.Hour)
			at, ok := c.Local(uint64(theirs.Add(when).UnixMilli()))
			if ok != known {
				t.Fatalf("known %v, but a time %v", known, ok)
			}
			// Two truncations to milliseconds, in the same direction or only one of them.
			if off := at.Sub(ours.Add(when)).Abs(); ok && off > took/2+time.Millisecond {
				t.Fatalf("%v off, with a round trip of %v", off, took)
			}
		}
	})
}

// exchange is a Ping with its answer; theirs is the gateway's clock when it answers.
func exchange(c *Clock, sent time.Time, there, back time.Duration, theirs time.Time) {
	c.Pong(&wirepb.Pong{Nonce: c.Ping(sent), TimeMs: uint64(theirs.UnixMilli())}, sent.Add(there+back))
}

func TestClockBelievesTheShortestOfTheLast(t *testing.T) {
	var c Clock
	now := time.Unix(1000, 0)
	const ms = time.Millisecond
	exchange(&c, now, 10*ms, 10*ms, now.Add(10*ms))
	for range len(c.trips) - 1 {
		now = now.Add(time.Second)
		exchange(&c, now, 100*ms, 0, now.Add(100*ms))
	}
	if took, _ := c.RoundTrip(); took != 20*ms {
		t.Fatalf("a round trip of %v", took)
	}
	if at, ok := c.Local(uint64(now.UnixMilli())); !ok || !at.Equal(now) {
		t.Fatalf("%v is told as %v", now, at)
	}
	now = now.Add(time.Second)
	exchange(&c, now, 100*ms, 0, now.Add(100*ms)) // the short one is too long ago
	if took, _ := c.RoundTrip(); took != 100*ms {
		t.Fatalf("a round trip of %v", took)
	}
}

// A clock that was set, or a process that slept, makes the past worthless.
func TestClockFollowsAStep(t *testing.T) {
	for name, step := range map[string]time.Duration{"forward": time.Second, "back": -time.Second, "far": 1000 * time.Hour} {
		var c Clock
		now := time.Unix(100_000_000, 0)
		exchange(&c, now, 0, 0, now)
		now = now.Add(time.Second)
		exchange(&c, now, 40*time.Millisecond, 40*time.Millisecond, now.Add(step+40*time.Millisecond))
		if at, ok := c.Local(uint64(now.Add(step).UnixMilli())); !ok || !at.Equal(now) {
			t.Errorf("%s: %v is told as %v", name, now, at)
		}
	}
}

func TestClockHearsNoNonsense(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	good := uint64(now.UnixMilli())
	for name, p := range map[string]*wirepb.Pong{
		"nonce 0":    {TimeMs: good},
		"not asked":  {Nonce: 2, TimeMs: good},
		"aliased":    {Nonce: 1 + 4, TimeMs: good},
		"no time":    {Nonce: 1},
		"no clock":   {Nonce: 1, TimeMs: ^uint64(0)},
		"just above": {Nonce: 1, TimeMs: maxTime + 1},
	} {
		var c Clock
		c.Ping(now)
		c.Pong(p, now.Add(time.Second))
		if _, ok := c.RoundTrip(); ok {
			t.Errorf("%s is believed", name)
		}
	}
	var c Clock
	if _, ok := c.Local(good); ok {
		t.Error("a clock that nobody asked knows a time")
	}
	exchange(&c, now, 0, 0, now)
	for _, ms := range []uint64{0, 1, good + 1e9, maxTime, maxTime + 1, ^uint64(0)} {
		if at, ok := c.Local(ms); ok {
			t.Errorf("%d is %v", ms, at)
		}
	}
	exchange(&c, now, 0, 0, time.UnixMilli(maxTime)) // far off, but a clock all the same
	if at, ok := c.Local(maxTime); !ok || !at.Equal(now) {
		t.Errorf("the last time is %v", at)
	}
}

// Pings without answers are forgotten, the oldest first.
func TestClockIsBounded(t *testing.T) {
	var c Clock
	now := time.Unix(1000, 0)
	first := c.Ping(now)
	for range len(c.asked) {
		c.Ping(now)
	}
	c.Pong(&wirepb.Pong{Nonce: first, TimeMs: 5}, now)
	if _, ok := c.RoundTrip(); ok {
		t.Error("a forgotten Ping is answered")
	}
	c.Pong(&wirepb.Pong{Nonce: c.last, TimeMs: 5}, now)
	if _, ok := c.RoundTrip(); !ok || !c.Asked().Equal(now) {
		t.Error("the newest one is not")
	}
}
