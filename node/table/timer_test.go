package table_test

import (
	"bytes"
	"testing"

	"teahouse/node/table/tablepb"
	"teahouse/pkg/wire/wirepb"
)

// Only time-outs in a row count; the cases say what interrupts a row.
func TestTimeoutsInARow(t *testing.T) {
	for name, c := range map[string]struct {
		between func(r *rig)
		auto    bool
	}{
		"nothing":        {func(*rig) {}, true},
		"a refusal":      {func(r *rig) { r.want(r.apply(moveCommand(12, 1, 1, 1, 1)), wirepb.Code_PROMPT_GONE) }, true},
		"a take-over":    {func(r *rig) { r.apply(tookOver) }, true},
		"coming back":    {func(r *rig) { r.attach(12, 1, 0) }, true},
		"another's move": {func(r *rig) { r.want(r.apply(autoCommand(11, 2, wirepb.AutoPlay_AUTO_OFF)), wirepb.Code_OK) }, true},
		"a request":      {func(r *rig) { r.want(r.apply(autoCommand(12, 1, wirepb.AutoPlay_AUTO_OFF)), wirepb.Code_OK) }, false},
		"auto-play on, off": {func(r *rig) {
			r.want(r.apply(autoCommand(12, 1, wirepb.AutoPlay_AUTO_ON)), wirepb.Code_OK)
			r.want(r.apply(autoCommand(12, 2, wirepb.AutoPlay_AUTO_OFF)), wirepb.Code_OK)
		}, false},
		"gone, back, and a request": {func(r *rig) {
			r.apply(detachCommand(1, 0))
			r.attach(12, 1, 0)
			r.want(r.apply(autoCommand(12, 1, wirepb.AutoPlay_AUTO_OFF)), wirepb.Code_OK)
		}, false},
	} {
		r := newRig(t, `{"turns":20}`, 1)
		r.attachAll()
		for _, seat := range []int{0, 2, 3} {
			r.answer(seat, 0)
		}
		r.pass() // seat 1 does not open, and it is the dealer
		switches := has[*wirepb.TableEvent_AutoPlay](r, 1)
		c.between(r)
		asked := has[*wirepb.TableEvent_AutoPlay](r, 1)
		r.pass()
		own, others := has[*wirepb.TableEvent_AutoPlay](r, 1)-asked, has[*wirepb.TableEvent_AutoPlay](r, 0)
		s := r.table.Message().GetSeats()[1]
		if s.GetAuto() != c.auto || s.GetAutoShown() != c.auto || switches != 0 || (own == 1) != c.auto {
			t.Errorf("%s between two time-outs: auto-play %t, shown %t; the seat was told %d times, the others %d",
				name, s.GetAuto(), s.GetAutoShown(), own, others)
		}
		if c.auto { // prompts that auto-play answers do not count
			for range 6 {
				r.pass()
			}
			if s := r.table.Message().GetSeats()[1]; s.GetTimeouts() != 0 {
				t.Errorf("%s: %d time-outs of a seat in auto-play", name, s.GetTimeouts())
			}
			continue
		}
		for _, seat := range []int{2, 3, 0} {
			r.answer(seat, 2)
		}
		if r.pass(); !r.table.Message().GetSeats()[1].GetAuto() {
			t.Errorf("%s: the count did not begin anew", name)
		}
	}
}

// TookOver gives every open prompt its full time again, or auto-play's short time if the seat is in
// auto-play; holds do not change.
func TestTakeOverProlongsEachPrompt(t *testing.T) {
	r := newRig(t, `{"turns":20}`, 1)
	r.attachAll()
	r.want(r.apply(autoCommand(13, 1, wirepb.AutoPlay_AUTO_ON)), wirepb.Code_OK)
	for range 3 { // one TookOver after another
		r.now += 450
		r.apply(tookOver)
		for seat, s := range r.table.Message().GetSeats() {
			want := r.now + 1000
			if seat == 2 {
				want = r.now + 500
			}
			if s.GetPrompt().GetDueMs() != want || s.GetPrompt().GetOpenedMs() != r.now {
				t.Errorf("seat %d: prompt %v at %d", seat, s.GetPrompt(), r.now)
			}
		}
	}
	r.want(r.apply(autoCommand(13, 2, wirepb.AutoPlay_AUTO_OFF)), wirepb.Code_OK)
	if due := r.table.Message().GetSeats()[2].GetPrompt().GetDueMs(); due != r.now+1000 {
		t.Errorf("what is left after auto-play: due %d at %d", due, r.now)
	}

	held := newRig(t, `{"turns":20,"hold_ms":700}`, 1)
	held.attachAll()
	for seat := range 4 {
		held.answer(seat, 0)
	}
	held.answer(1, 2)
	began := held.now
	held.now += 300
	held.apply(tookOver)
	if due, ok := held.table.NextDeadline(); !ok || due != began+700 {
		t.Errorf("the hold ends at %d, began at %d", due, began)
	}
}

// told counts the pushes to a seat with a game event of this text.
func told(r *rig, seat int, text string) int {
	n := 0
	for _, p := range r.pushed[seat] {
		if string(event(r.t, p.Payload).GetGame()) == text {
			n++
		}
	}
	return n
}

// Only the current timer may fire, and only when it is due.
func TestOldTimerDoesNotFire(t *testing.T) {
	r := newRig(t, `{"turns":20,"hold_ms":700}`, 1)
	r.attachAll()
	for seat := range 4 {
		r.answer(seat, 0)
	}
	r.answer(1, 2)
	first := r.table.Message().GetTimer()
	r.pass()
	r.answer(2, 2) // another hold
	r.now += 700
	for _, timer := range []uint64{first, first + 2} {
		before := state(t, r.table)
		r.apply(&tablepb.Command{Body: &tablepb.Command_Deadline{Deadline: &tablepb.Deadline{Timer: timer}}})
		if !bytes.Equal(before, state(t, r.table)) {
			t.Errorf("timer %d rang in place of %d", timer, r.table.Message().GetTimer())
		}
	}
	r.pass()
	for seat := range 4 {
		if n := told(r, seat, "released"); n != 2 {
			t.Errorf("seat %d was told %d times of the end of a hold", seat, n)
		}
	}
	if p, _ := r.open(3); p == 0 {
		t.Error("the hold was not released")
	}
}
