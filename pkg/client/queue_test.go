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
