package client

import (
	"context"
	"net"
	"testing"
	"testing/synctest"

	"teahouse/pkg/game"
	"teahouse/pkg/wire/wirepb"
)

// The cluster keeps only a player's last command, so a second one in flight could make the first
// one too old to be answered.
func TestQueueCommandsWaitForEachOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &gateway{t: t, conns: make(chan *peer, 4), calls: make(chan call, 4)}
		c, err := Dial(t.Context(), Config{Addr: "pipe", Dial: func(context.Context, string) (net.Conn, error) {
			ours, theirs := net.Pipe()
			go g.serve(&peer{t: t, conn: theirs})
			return ours, nil
		}})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		<-g.conns
		joined := async(func() (uint64, error) { return c.Join(t.Context(), &wirepb.JoinRequest{Queue: "bench"}) })
		synctest.Wait()
		cancelled := async(func() (int, error) { return 0, c.Cancel(t.Context(), 32) })
		given, giveUp := context.WithCancel(t.Context())
		third := async(func() (int, error) { return 0, c.Cancel(given, 33) })
		synctest.Wait()
		if n := len(g.calls); n != 1 {
			t.Fatalf("%d commands are in flight", n)
		}
		giveUp() // giving up is possible while waiting for one's turn
		if r := <-third; r.err != context.Canceled {
			t.Errorf("given up: %v", r.err)
		}
		m := &wirepb.JoinRequest{}
		g.next("queue.join", m).answer(wirepb.Code_OK, &wirepb.JoinReply{Ticket: 33})
		if r := <-joined; r.err != nil || r.value != 33 {
			t.Errorf("join: %v %v", r.value, r.err)
		}
		cancel := &wirepb.CancelRequest{}
		g.next("queue.cancel", cancel).answer(wirepb.Code_NO_TICKET, &wirepb.CancelReply{})
		if r := <-cancelled; game.CodeOf(r.err, 0) != wirepb.Code_NO_TICKET {
			t.Errorf("cancel: %v", r.err)
		}
		if m.Number != 1 || cancel.Number != 2 {
			t.Errorf("numbers %d and %d", m.Number, cancel.Number)
		}
	})
}

// A command that is resent under its number always gets the same answer, so a refusal is really a
// refusal.
func TestARefusalIsNoEarlierEffect(t *testing.T) {
	g := startGateway(t)
	c, _ := g.dial(nil)
	for _, first := range []wirepb.Code{wirepb.Code_BUSY, wirepb.Code_OUTCOME_UNKNOWN} {
		joined := async(func() (uint64, error) { return c.Join(testContext(t), &wirepb.JoinRequest{}) })
		g.next("queue.join", &wirepb.JoinRequest{}).answer(first, nil)
		g.next("queue.join", &wirepb.JoinRequest{}).answer(wirepb.Code_ALREADY_QUEUED, &wirepb.JoinReply{Ticket: 33})
		if r := receive(t, joined); game.CodeOf(r.err, 0) != wirepb.Code_ALREADY_QUEUED || r.value != 33 {
			t.Errorf("after %v: ticket %d, %v", first, r.value, r.err)
		}
	}
}

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
