package engine

import (
	"testing"

	"google.golang.org/protobuf/proto"

	"teahouse/pkg/game"
	"teahouse/pkg/wire/wirepb"
)

var table = game.MakeTableID(1, 1)

type nobody struct{}

func (nobody) WakeUp() {}

// rig is an Engine on a connection of which the test is the other end.
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

// A refusal for the number's sake means that this client counts wrongly: the table is asked.
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

// An attach that was under way before a move that was given up may have been answered before the
// move came: what it says of the next number is too old.
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
