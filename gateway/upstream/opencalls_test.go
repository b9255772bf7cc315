package upstream

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"teahouse/pkg/link/linkpb"
	"teahouse/pkg/wire/wirepb"
)

func TestBookAgainstAModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		maxParked := rapid.IntRange(1, 30).Draw(t, "maxParked")
		b := newOpenCalls(maxParked)
		start := time.Unix(0, 0)
		var model []*call
		count := func(match func(*call) bool) (n int) {
			for _, c := range model {
				if match(c) {
					n++
				}
			}
			return n
		}
		for step := range rapid.IntRange(1, 60).Draw(t, "steps") {
			what := rapid.SampledFrom([]string{"open", "open", "park", "unpark", "close", "expire"}).Draw(t, "what")
			if what == "open" {
				c := &call{scope: wirepb.Scope_TABLE, deadline: start.Add(time.Duration(step) * time.Second)}
				b.add(c)
				model = append(model, c)
				continue
			}
			if len(model) == 0 {
				continue
			}
			i := rapid.IntRange(0, len(model)-1).Draw(t, "which")
			c := model[i]
			switch what {
			case "park":
				unknown := rapid.Bool().Draw(t, "unknown")
				parked := count(func(c *call) bool { return c.parked })
				parkedUnknown := count(func(c *call) bool { return c.unknown })
				want := c.parked || parked < maxParked && (!unknown || parkedUnknown < max(1, maxParked/10))
				if got := b.park(c, unknown); got != want {
					t.Fatalf("park is %v with %d parked, %d of them for unknown groups, at most %d", got, parked, parkedUnknown, maxParked)
				}
			case "unpark":
				b.unpark(c)
			case "close":
				if !b.remove(c) || b.remove(c) || b.has(c) {
					t.Fatal("remove must report true exactly once")
				}
				model = append(model[:i], model[i+1:]...)
			case "expire":
				now := c.deadline
				for late := range b.expired(now) {
					if late != model[0] || now.Before(late.deadline) {
						t.Fatal("expired out of order or too early")
					}
					b.remove(late)
					model = model[1:]
				}
				if len(model) > 0 && !now.Before(model[0].deadline) {
					t.Fatal("an expired call is still open")
				}
			}
			if b.parked != count(func(c *call) bool { return c.parked }) || b.unknown != count(func(c *call) bool { return c.unknown }) {
				t.Fatalf("counted %d parked, %d for unknown groups", b.parked, b.unknown)
			}
			next := 0
			for c := range b.all() {
				if c != model[next] {
					t.Fatal("calls are out of order")
				}
				next++
			}
			if next != len(model) {
				t.Fatalf("%d calls are open, want %d", next, len(model))
			}
		}
	})
}

func TestParkingIsBoundedInBytes(t *testing.T) {
	b := newOpenCalls(100)
	payload := make([]byte, minParkedBytes/2)
	var calls []*call
	for range 3 {
		c := &call{req: &linkpb.Request{Payload: payload}}
		b.add(c)
		calls = append(calls, c)
	}
	if !b.park(calls[0], false) || !b.park(calls[1], false) || b.park(calls[2], false) {
		t.Fatal("the bound in bytes is not enforced")
	}
	b.remove(calls[0])
	if !b.park(calls[2], false) || b.bytes != minParkedBytes {
		t.Fatalf("%d bytes are counted", b.bytes)
	}
}
