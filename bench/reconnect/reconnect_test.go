package reconnect

import (
	"path/filepath"
	"testing"
	"time"
)

func TestHeld(t *testing.T) {
	usage := Usage{Goroutines: 30, Descriptors: 20, HeapBytes: 4 << 20}
	with := func(change func(*Result)) Result {
		r := Result{Times: 100, Resumes: 100, Processes: []Process{{Name: "gateways", Before: usage, After: usage}}}
		change(&r)
		return r
	}
	for name, c := range map[string]struct {
		r    Result
		want bool
	}{
		"nothing left":         {with(func(*Result) {}), true},
		"less than before":     {with(func(r *Result) { r.Processes[0].After.Goroutines-- }), true},
		"a goroutine":          {with(func(r *Result) { r.Processes[0].After.Goroutines++ }), false},
		"a descriptor":         {with(func(r *Result) { r.Processes[0].After.Descriptors++ }), false},
		"some caches":          {with(func(r *Result) { r.Processes[0].After.HeapBytes += caches }), true},
		"a session a cut":      {with(func(r *Result) { r.Processes[0].After.HeapBytes += caches + 100*4<<10 }), false},
		"a cut that ended":     {with(func(r *Result) { r.Resumes-- }), false},
		"an event twice":       {with(func(r *Result) { r.Wrong++ }), false},
		"nobody was looked at": {with(func(r *Result) { r.Processes = nil }), false},
	} {
		if got := c.r.Held(); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestConfig(t *testing.T) {
	for _, c := range []Config{{}, {State: "x", Times: -1}, {State: "x", Warmup: -1}, {State: "x", Quiet: -1}} {
		if _, err := c.withDefaults(); err == nil {
			t.Errorf("%+v is accepted", c)
		}
	}
	if c, err := (Config{State: "x"}).withDefaults(); err != nil || c.Times != 100 || c.Warmup != 20 {
		t.Errorf("%+v, %v", c, err)
	}
	if _, err := Run(t.Context(), Config{State: filepath.Join(t.TempDir(), "none.json")}); err == nil {
		t.Error("a cluster that is not there is played on")
	}
}

// Resumes that no cut has asked for, as after the death of a gateway, stop nothing, and the
// next cut waits for its own.
func TestResumesUnasked(t *testing.T) {
	v := &victim{resumed: make(chan struct{}, 1)}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range 3 {
			v.back()
		}
	}()
	select {
	case <-done:
	case <-time.After(10 * time.Second):
		t.Fatal("the client stands still")
	}
	if v.forget(); len(v.resumed) != 0 {
		t.Error("an old resume counts for the next cut")
	}
}
