package client

import (
	"testing"

	"teahouse/pkg/game"
	"teahouse/pkg/wire/wirepb"
)

// A ticket whose round was over before the match was announced is gone: do not wait for it.
func TestATicketThatIsGone(t *testing.T) {
	g := startGateway(t)
	c, conn := g.dial(nil)
	join := func(ticket uint64) {
		t.Helper()
		joining := async(func() (uint64, error) { return c.Join(testContext(t), &wirepb.JoinRequest{}) })
		g.next("queue.join", &wirepb.JoinRequest{}).answer(wirepb.Code_OK, &wirepb.JoinReply{Ticket: ticket})
		if r := receive(t, joining); r.err != nil || r.value != ticket {
			t.Fatal(r)
		}
	}
	gone := func() {
		t.Helper()
		if _, err := c.WaitMatched(testContext(t)); game.CodeOf(err, 0) != wirepb.Code_NO_TICKET {
			t.Fatal(err)
		}
	}
	join(3)
	for _, ticket := range []uint64{2, 3} { // a notice about another ticket changes nothing
		conn.push(wirepb.Push_NOTICE, 0, &wirepb.Notice{Body: &wirepb.Notice_Unqueued{Unqueued: &wirepb.Unqueued{Ticket: ticket}}})
	}
	gone()
	join(4)
	conn.conn.Close() // the next login reports no ticket
	conn = receive(t, g.conns)
	gone()
	join(5)
	tellMatched(t, c, conn, table)
}

// Whoever waits hears how far the ticket has come, until there is a table.
func TestWaitProgress(t *testing.T) {
	g := startGateway(t)
	c, conn := g.dial(nil)
	if p, err := c.WaitProgress(testContext(t), nil); p != nil || err != nil {
		t.Fatalf("without a ticket: %v, %v", p, err)
	}
	joining := async(func() (uint64, error) { return c.Join(testContext(t), &wirepb.JoinRequest{}) })
	g.next("queue.join", &wirepb.JoinRequest{}).answer(wirepb.Code_OK, &wirepb.JoinReply{Ticket: 3})
	if r := receive(t, joining); r.err != nil {
		t.Fatal(r)
	}
	tell := func(ticket uint64, people uint32) {
		conn.push(wirepb.Push_NOTICE, 0, &wirepb.Notice{Body: &wirepb.Notice_Progress{
			Progress: &wirepb.Progress{Ticket: ticket, People: people},
		}})
	}
	var seen *wirepb.Progress
	for people := uint32(1); people <= 3; people++ {
		waiting := async(func() (*wirepb.Progress, error) { return c.WaitProgress(testContext(t), seen) })
		tell(2, 9) // of another ticket
		tell(3, people)
		r := receive(t, waiting)
		if r.err != nil || r.value.GetPeople() != people {
			t.Fatal(r)
		}
		seen = r.value
	}
	waiting := async(func() (*wirepb.Progress, error) { return c.WaitProgress(testContext(t), seen) })
	tellMatched(t, c, conn, table)
	if r := receive(t, waiting); r.value != nil || r.err != nil {
		t.Errorf("at a table: %v", r)
	}
	joining = async(func() (uint64, error) { return c.Join(testContext(t), &wirepb.JoinRequest{}) })
	g.next("queue.join", &wirepb.JoinRequest{}).answer(wirepb.Code_OK, &wirepb.JoinReply{Ticket: 4})
	receive(t, joining)
	waiting = async(func() (*wirepb.Progress, error) { return c.WaitProgress(testContext(t), nil) })
	tell(4, 1) // what was said of the ticket before is not told
	if r := receive(t, waiting); r.value.GetTicket() != 4 || r.err != nil {
		t.Errorf("the next ticket: %v", r)
	}
}
