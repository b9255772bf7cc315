package engine

import (
	"testing"

	"teahouse/pkg/game"
	"teahouse/pkg/wire/wirepb"
)

// sent are the calls since the last time, which must be of these methods.
func (r *rig) sent(methods ...string) []*wirepb.Call {
	r.t.Helper()
	var calls []*wirepb.Call
	for {
		out := r.Take()
		calls = append(calls, out.Calls...)
		if len(out.Done) == 0 {
			break
		}
		for _, done := range out.Done {
			done()
		}
	}
	if len(calls) != len(methods) {
		r.t.Fatalf("sent %v, want %v", calls, methods)
	}
	for i, c := range calls {
		if c.Method != methods[i] {
			r.t.Fatalf("sent %v, want %v", calls, methods)
		}
	}
	return calls
}

func (r *rig) sit() *Table {
	r.t.Helper()
	tab := r.Use(table, nobody{})
	r.answer(r.sent("table.attach")[0], wirepb.Code_OK, &wirepb.AttachReply{NextNumber: 1})
	r.sent()
	return tab
}

func (r *rig) quiet(want bool) {
	r.t.Helper()
	if r.Quiet() != want {
		r.t.Fatalf("quiet is %v", !want)
	}
}

// What has been sent goes on until it is definite; what has not, waits.
func TestHold(t *testing.T) {
	r := newRig(t)
	tab := r.sit()
	r.quiet(true)
	tab.Move(&wirepb.MoveRequest{Prompt: 3}, func(uint64, bool, error) {})
	first := r.sent("table.move")[0]
	tab.Move(&wirepb.MoveRequest{Prompt: 4}, func(uint64, bool, error) {})
	r.Hold()
	r.Repeat("queue.list", 0, nil, nil, func(error) {})
	r.Join(&wirepb.JoinRequest{}, func(uint64, error) {})
	r.sent()
	r.quiet(false)
	r.answer(first, wirepb.Code_OUTCOME_UNKNOWN, nil)
	again := r.sent("table.move")[0]
	r.quiet(false)
	r.Take()
	r.answer(again, wirepb.Code_OK, &wirepb.MoveReply{})
	if !r.out.Changed {
		t.Error("nobody is told that it is quiet")
	}
	r.sent()
	r.quiet(true)
	r.Up(&wirepb.LoginReply{Player: 7, Epoch: 2})
	calls := r.sent("table.attach", "queue.list", "queue.join")
	r.answer(calls[0], wirepb.Code_OK, &wirepb.AttachReply{NextNumber: 2})
	r.sent("table.move")
	if s := r.Stats(); s.Departures != 1 || s.Disconnects != 0 || s.Resumes != 0 || s.Resends != 1 || r.Token() != "t" {
		t.Errorf("%+v", s)
	}
}

// Whatever was to be done meanwhile is done when nothing comes of it.
func TestRelease(t *testing.T) {
	r := newRig(t)
	tab := r.sit()
	other := game.MakeTableID(2, 2)
	r.Hold()
	r.Use(other, nobody{})
	r.event(1)
	r.event(3) // 2 is missing
	if p, err := tab.Receive(); err != nil || p.GetNumber() != 1 {
		t.Fatal(p, err)
	}
	if p, err := tab.Receive(); err != nil || p != nil {
		t.Fatal(p, err)
	}
	r.Call("queue.list", 0, nil, nil, func(error) {})
	r.sent()
	r.Release()
	calls := r.sent("table.attach", "queue.list")
	if calls[0].Table != uint64(other) {
		t.Errorf("attached to %v", game.TableID(calls[0].Table))
	}
	tab.Receive() // it was woken
	if c := r.sent("table.attach")[0]; c.Table != uint64(table) {
		t.Errorf("attached to %v", game.TableID(c.Table))
	}
	r.Release()
	r.sent()
}

// A connection that is lost, or replaced too early, holds nothing any more, and what was sent over it
// is in doubt.
func TestHoldEndsWithTheConnection(t *testing.T) {
	for name, end := range map[string]func(r *rig){
		"lost":     func(r *rig) { r.Down(nil); r.Up(&wirepb.LoginReply{Player: 7, Epoch: 2}) },
		"replaced": func(r *rig) { r.Up(&wirepb.LoginReply{Player: 7, Epoch: 2}) },
	} {
		r := newRig(t)
		var got error
		r.Call("archive.list", 0, nil, nil, func(err error) { got = err })
		r.Repeat("queue.list", 0, nil, nil, func(error) {})
		r.sent("archive.list", "queue.list")
		r.Hold()
		end(r)
		r.sent("queue.list")
		if game.CodeOf(got, 0) != wirepb.Code_OUTCOME_UNKNOWN {
			t.Errorf("%s: %v", name, got)
		}
		r.Call("archive.list", 0, nil, nil, func(error) {})
		r.sent("archive.list")
	}
	r := &rig{t, New(Config{MaxEvents: 8})}
	r.Hold() // there is nothing to hold
	r.Up(&wirepb.LoginReply{Player: 7, Epoch: 1})
	r.Call("queue.list", 0, nil, nil, func(error) {})
	r.sent("queue.list")
}
