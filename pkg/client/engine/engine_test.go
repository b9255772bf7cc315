package engine

import (
	"errors"
	"testing"

	"google.golang.org/protobuf/proto"

	"teahouse/pkg/game"
	"teahouse/pkg/wire/wirepb"
)

var table = game.MakeTableID(1, 1)

type nobody struct{}

func (nobody) WakeUp() {}

// rig is an Engine on a connection whose other end is the test.
type rig struct {
	t *testing.T
	*Engine
	calls []*wirepb.Call
}

func newRig(t *testing.T) *rig {
	r := &rig{t: t, Engine: New(Config{MaxEvents: 8})}
	r.Up(&wirepb.LoginReply{Player: 7, Token: "t", Epoch: 1})
	return r
}

// next is the next call, which must be of the method; its request is read into m.
func (r *rig) next(method string, m proto.Message) *wirepb.Call {
	r.t.Helper()
	out := r.Take()
	r.calls = append(r.calls, out.Calls...)
	for _, done := range out.Done {
		done()
	}
	if len(r.calls) == 0 || r.calls[0].Method != method {
		r.t.Fatalf("calls are %v, want %s", r.calls, method)
	}
	c := r.calls[0]
	r.calls = r.calls[1:]
	if err := proto.Unmarshal(c.Payload, m); err != nil {
		r.t.Fatal(err)
	}
	return c
}

func (r *rig) answer(c *wirepb.Call, code wirepb.Code, m proto.Message) {
	r.t.Helper()
	reply := &wirepb.Reply{Id: c.Id, Code: code}
	if m != nil {
		reply.Payload, _ = proto.Marshal(m)
	}
	r.Reply(reply)
}

// A refusal because of the number means that this client has miscounted: it asks the table.
func TestAWrongNumberIsAskedFor(t *testing.T) {
	for _, code := range []wirepb.Code{wirepb.Code_NUMBER_REUSED, wirepb.Code_ALREADY_DECIDED, wirepb.Code_NUMBER_GAP} {
		r := newRig(t)
		tab := r.Use(table, nobody{})
		r.answer(r.next("table.attach", &wirepb.AttachRequest{}), wirepb.Code_OK, &wirepb.AttachReply{NextNumber: 5})
		tab.Move(&wirepb.MoveRequest{Prompt: 9}, func(number uint64, answered bool, err error) {
			if number != 5 || !answered || game.CodeOf(err, 0) != code {
				t.Errorf("%v: move %d, %t, %v", code, number, answered, err)
			}
		})
		tab.Move(&wirepb.MoveRequest{Prompt: 10}, func(uint64, bool, error) {})
		r.answer(r.next("table.move", &wirepb.MoveRequest{}), code, nil)
		r.answer(r.next("table.attach", &wirepb.AttachRequest{}), wirepb.Code_OK, &wirepb.AttachReply{NextNumber: 7})
		m := &wirepb.MoveRequest{}
		if r.next("table.move", m); m.Number != 7 || m.Prompt != 10 {
			t.Errorf("%v: the next move is %v", code, m)
		}
	}
}

// An attach that was in flight before a move was given up may have been answered before the move
// arrived: its next number may be outdated.
func TestAnOlderAttachDoesNotClearADoubt(t *testing.T) {
	r := newRig(t)
	tab := r.Use(table, nobody{})
	r.answer(r.next("table.attach", &wirepb.AttachRequest{}), wirepb.Code_OK, &wirepb.AttachReply{NextNumber: 5})
	r.Push(&wirepb.Push{Kind: wirepb.Push_EVENT, Table: uint64(table), Number: 3}) // a gap
	if p, err := tab.Receive(); p != nil || err != nil {
		t.Fatal(p, err)
	}
	attach := r.next("table.attach", &wirepb.AttachRequest{})
	given := tab.Move(&wirepb.MoveRequest{Prompt: 9}, func(uint64, bool, error) { t.Error("the move was given up") })
	r.next("table.move", &wirepb.MoveRequest{})
	given.Cancel()
	tab.Move(&wirepb.MoveRequest{Prompt: 10}, func(uint64, bool, error) {})
	r.answer(attach, wirepb.Code_OK, &wirepb.AttachReply{NextNumber: 5})
	r.answer(r.next("table.attach", &wirepb.AttachRequest{}), wirepb.Code_OK, &wirepb.AttachReply{NextNumber: 6})
	m := &wirepb.MoveRequest{}
	if r.next("table.move", m); m.Number != 6 {
		t.Errorf("the next move is %v", m)
	}
}

// A move that may have taken effect does not become refused because the client ends, whatever code
// that carries.
func TestAMoveInDoubtIsNotRefused(t *testing.T) {
	r := newRig(t)
	tab := r.Use(table, nobody{})
	r.answer(r.next("table.attach", &wirepb.AttachRequest{}), wirepb.Code_OK, &wirepb.AttachReply{NextNumber: 5})
	superseded := game.Errorf(wirepb.Code_SUPERSEDED, "elsewhere")
	ended := 0
	tab.Move(&wirepb.MoveRequest{Prompt: 9}, func(number uint64, answered bool, err error) {
		ended++
		if answered || game.CodeOf(err, 0) != wirepb.Code_OUTCOME_UNKNOWN || !errors.Is(err, superseded) {
			t.Errorf("move %d, %t, %v", number, answered, err)
		}
	})
	r.answer(r.next("table.move", &wirepb.MoveRequest{}), wirepb.Code_OUTCOME_UNKNOWN, nil)
	r.next("table.move", &wirepb.MoveRequest{})
	r.Down(superseded)
	r.End(superseded)
	tab.Move(&wirepb.MoveRequest{Prompt: 10}, func(_ uint64, answered bool, err error) {
		ended++
		if answered || game.CodeOf(err, 0) != wirepb.Code_SUPERSEDED {
			t.Errorf("a move that was never sent: %t, %v", answered, err)
		}
	})
	for _, pause := range r.Take().Timers {
		pause.Fire()
	}
	for _, done := range r.Take().Done {
		done()
	}
	if ended != 2 {
		t.Errorf("%d of 2 moves have ended", ended)
	}
}

// Events that are dropped while an attach is in flight are fetched again, even if the reader has
// nothing left to read before the answer arrives.
func TestAFullQueueDuringAnAttach(t *testing.T) {
	r := newRig(t)
	woken := &counter{}
	tab := r.Use(table, woken)
	r.answer(r.next("table.attach", &wirepb.AttachRequest{}), wirepb.Code_OK, &wirepb.AttachReply{NextNumber: 1})
	push := func(from, to uint64) {
		for n := from; n <= to; n++ {
			r.Push(&wirepb.Push{Kind: wirepb.Push_EVENT, Table: uint64(table), Number: n})
		}
	}
	read := func(last uint64) {
		t.Helper()
		for {
			p, err := tab.Receive()
			if err != nil {
				t.Fatal(err)
			}
			if p == nil {
				break
			}
			last--
		}
		if last != 0 {
			t.Fatalf("%d events too few", last)
		}
	}
	push(1, 9) // one too many
	read(8)
	m := &wirepb.AttachRequest{}
	attach := r.next("table.attach", m)
	push(9, 17) // arrives before the answer, and again one too many
	read(8)
	for _, done := range r.Take().Done {
		done()
	}
	woken.n = 0
	r.answer(attach, wirepb.Code_OK, &wirepb.AttachReply{NextNumber: 1})
	for _, done := range r.Take().Done {
		done()
	}
	if woken.n == 0 {
		t.Fatal("the reader was not woken")
	}
	read(0)
	if r.next("table.attach", m); m.LastEvent != 16 {
		t.Fatalf("attached from %d", m.LastEvent)
	}
}

// An attach that fetches dropped events is repeated like any other.
func TestAnAttachForDroppedEventsIsRepeated(t *testing.T) {
	r := newRig(t)
	tab := r.Use(table, nobody{})
	r.answer(r.next("table.attach", &wirepb.AttachRequest{}), wirepb.Code_OK, &wirepb.AttachReply{NextNumber: 1})
	r.Push(&wirepb.Push{Kind: wirepb.Push_EVENT, Table: uint64(table), Number: 3}) // a gap
	if p, err := tab.Receive(); p != nil || err != nil {
		t.Fatal(p, err)
	}
	r.answer(r.next("table.attach", &wirepb.AttachRequest{}), wirepb.Code_OUTCOME_UNKNOWN, nil)
	out := r.Take()
	if len(out.Timers) != 1 {
		t.Fatalf("%d timers", len(out.Timers))
	}
	out.Timers[0].Fire()
	r.next("table.attach", &wirepb.AttachRequest{})
}

// counter counts wake-ups.
type counter struct{ n int }

func (c *counter) WakeUp() { c.n++ }

// A resume in the middle of a join may report that the previous table is over. The ticket counts
// all the same.
func TestATicketAfterAResume(t *testing.T) {
	r := newRig(t)
	r.Down(errors.New("cut"))
	r.Up(&wirepb.LoginReply{Player: 7, Epoch: 2, Table: uint64(table)})
	r.Join(&wirepb.JoinRequest{Queue: "standard"}, func(ticket uint64, err error) {
		if ticket != 9 || err != nil {
			t.Errorf("ticket %d, %v", ticket, err)
		}
	})
	r.next("queue.join", &wirepb.JoinRequest{})
	r.Down(errors.New("cut"))
	r.Up(&wirepb.LoginReply{Player: 7, Epoch: 3})
	r.answer(r.next("queue.join", &wirepb.JoinRequest{}), wirepb.Code_OK, &wirepb.JoinReply{Ticket: 9})
	if r.Ticket() != 9 {
		t.Fatalf("holds ticket %d", r.Ticket())
	}
	gone, _ := proto.Marshal(&wirepb.Notice{Body: &wirepb.Notice_Unqueued{Unqueued: &wirepb.Unqueued{Ticket: 9}}})
	if r.Push(&wirepb.Push{Kind: wirepb.Push_NOTICE, Payload: gone}); !r.Unqueued() {
		t.Error("waits forever for a table that is over")
	}
}

// Each login counts as a new attempt, so that one that was held up cannot pass for a later one.
func TestLoginsAreCounted(t *testing.T) {
	e := New(Config{Token: "t", Device: 9})
	for attempt := uint64(1); attempt <= 2; attempt++ {
		c, err := e.Login()
		if err != nil {
			t.Fatal(err)
		}
		m := &wirepb.ResumeRequest{}
		if err := proto.Unmarshal(c.Payload, m); err != nil || m.Device != 9 || m.Attempt != attempt || m.Token != "t" {
			t.Errorf("%v: attempt %d is %v", err, attempt, m)
		}
	}
}
