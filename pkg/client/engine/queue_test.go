package engine_test

import (
	"testing"

	"google.golang.org/protobuf/proto"

	"teahouse/pkg/client/engine"
	"teahouse/pkg/wire/wirepb"
)

// What is said of another ticket than the one that is held is forgotten, whenever it comes.
func TestProgressOfAnotherTicket(t *testing.T) {
	e := engine.New(engine.Config{})
	e.Up(&wirepb.LoginReply{Player: 7, Token: "t", Epoch: 1, Ticket: 3})
	tell := func(ticket uint64, people uint32) (changed bool) {
		payload, err := proto.Marshal(&wirepb.Notice{Body: &wirepb.Notice_Progress{Progress: &wirepb.Progress{Ticket: ticket, People: people}}})
		if err != nil {
			t.Fatal(err)
		}
		e.Take()
		e.Push(&wirepb.Push{Kind: wirepb.Push_NOTICE, Payload: payload})
		return e.Take().Changed
	}
	if tell(2, 1) || e.Progress() != nil {
		t.Errorf("of an old ticket: %v", e.Progress())
	}
	if !tell(3, 2) || e.Progress().GetPeople() != 2 {
		t.Errorf("of the ticket: %v", e.Progress())
	}
	if tell(4, 3) || e.Progress().GetPeople() != 2 {
		t.Errorf("of another ticket: %v", e.Progress())
	}
	e.Up(&wirepb.LoginReply{Player: 7, Token: "t", Epoch: 2})
	if tell(0, 1) || e.Progress() != nil {
		t.Errorf("without a ticket: %v", e.Progress())
	}
}
