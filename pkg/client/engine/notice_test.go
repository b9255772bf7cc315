package engine

import (
	"fmt"
	"slices"
	"testing"

	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	"teahouse/pkg/game"
	"teahouse/pkg/wire/wirepb"
)

func waiting(id game.TableID, over bool) *wirepb.Notice {
	return &wirepb.Notice{Body: &wirepb.Notice_Waiting{Waiting: &wirepb.Waiting{Table: uint64(id), Over: over}}}
}

func moving(id game.TableID) *wirepb.Notice {
	return &wirepb.Notice{Body: &wirepb.Notice_Moving{Moving: &wirepb.Moving{Table: uint64(id)}}}
}

func (e *Engine) hears(n *wirepb.Notice) {
	payload, err := proto.Marshal(n)
	if err != nil {
		panic(err)
	}
	e.Push(&wirepb.Push{Kind: wirepb.Push_NOTICE, Payload: payload})
}

// The news of a table go to its user, if it has one.
func TestNewsOfTables(t *testing.T) {
	r := newRig(t)
	other := game.MakeTableID(2, 2)
	attach := func() {
		for _, c := range r.sent("table.attach") {
			r.answer(c, wirepb.Code_OK, &wirepb.AttachReply{NextNumber: 1})
		}
	}
	r.Use(table, nobody{})
	told := func(want ...*wirepb.Notice) {
		t.Helper()
		got := r.Take().Notices
		if !slices.EqualFunc(got, want, func(a, b *wirepb.Notice) bool { return proto.Equal(a, b) }) {
			t.Errorf("told %v, want %v", got, want)
		}
	}
	attach()
	told()
	r.hears(waiting(table, true)) // nobody was told to wait
	r.hears(waiting(other, false))
	r.hears(moving(other))
	told()
	r.hears(moving(table))
	r.hears(waiting(table, false))
	r.hears(waiting(table, false))
	r.hears(waiting(table, true))
	told(moving(table), waiting(table, false), waiting(table, true))

	// Another gateway does not know what this one has told.
	r.hears(waiting(table, false))
	told(waiting(table, false))
	r.Down(nil)
	r.Up(&wirepb.LoginReply{Player: 7, Epoch: 2})
	c := r.sent("table.attach")[0]
	told()
	r.answer(c, wirepb.Code_OK, &wirepb.AttachReply{NextNumber: 1})
	told(waiting(table, true))
	r.hears(waiting(table, true))
	told()
}

// TestWaitingIsToldInTurns: whatever gateways say, through however many connections, a user is told to
// wait and that it is over in turns, and that it is over once the table is attached anew.
func TestWaitingIsToldInTurns(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		e := New(Config{MaxEvents: 8})
		e.Up(&wirepb.LoginReply{Player: 7, Epoch: 1})
		e.Use(table, nobody{})
		waits := false
		var calls []*wirepb.Call
		take := func() {
			out := e.Take()
			calls = append(calls, out.Calls...)
			for _, n := range out.Notices {
				if n.GetWaiting().Over != waits {
					rt.Fatalf("told %v, waiting before: %v", n, waits)
				}
				waits = !n.GetWaiting().Over
			}
		}
		answer := func() {
			for _, c := range calls {
				e.Reply(&wirepb.Reply{Id: c.Id})
			}
			calls = nil
			take()
		}
		for i := range rapid.IntRange(1, 40).Draw(rt, "steps") {
			switch rapid.SampledFrom([]string{"waiting", "over", "answer", "lost"}).Draw(rt, fmt.Sprint(i)) {
			case "waiting":
				e.hears(waiting(table, false))
			case "over":
				e.hears(waiting(table, true))
			case "answer":
				answer()
			case "lost":
				e.Down(nil)
				take()
				calls = nil
				e.Up(&wirepb.LoginReply{Player: 7, Epoch: 1})
			}
			take()
		}
		e.Down(nil)
		take()
		calls = nil
		e.Up(&wirepb.LoginReply{Player: 7, Epoch: 1})
		take()
		answer()
		if waits {
			rt.Fatal("the table is attached, and the user still waits")
		}
	})
}
