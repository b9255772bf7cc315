package client

import (
	"context"
	"errors"
	"testing"

	"teahouse/pkg/game"
	"teahouse/pkg/wire/wirepb"
)

// tellMatched tells the client that it is bound to the table.
func tellMatched(t *testing.T, c *Client, conn *peer, id game.TableID) {
	t.Helper()
	conn.push(wirepb.Push_NOTICE, 0, &wirepb.Notice{Body: &wirepb.Notice_Matched{Matched: &wirepb.Matched{Table: uint64(id)}}})
	if got, err := c.WaitMatched(testContext(t)); err != nil || got != id {
		t.Fatalf("matched to %v, %v", got, err)
	}
}

// A move that the caller gave up may have been accepted, so the next one must not assume that its
// number is free.
func TestAMoveGivenUpMayCount(t *testing.T) {
	g := startGateway(t)
	c, _ := g.dial(nil)
	tab := sit(t, g, c, 5)
	ctx, cancel := context.WithCancel(testContext(t))
	given := async(func() (uint64, error) { return tab.Move(ctx, 9, []byte("a")) })
	m := &wirepb.MoveRequest{}
	first := g.next("table.move", m)
	cancel()
	if r := receive(t, given); !errors.Is(r.err, context.Canceled) {
		t.Fatal(r.err)
	}
	next := async(func() (uint64, error) { return tab.Move(testContext(t), 10, []byte("b")) })
	first.answer(wirepb.Code_OK, &wirepb.MoveReply{NextNumber: 6})
	g.next("table.attach", &wirepb.AttachRequest{}).answer(wirepb.Code_OK, &wirepb.AttachReply{Seat: 2, NextNumber: 6})
	q := g.next("table.move", m)
	if m.Number != 6 || string(m.Move) != "b" {
		t.Fatalf("the next move came as %v", m)
	}
	q.answer(wirepb.Code_OK, nil)
	if r := receive(t, next); r.err != nil || r.value != 6 {
		t.Fatalf("move %d: %v", r.value, r.err)
	}
}

func TestAStreamThatIsOverEndsTheTable(t *testing.T) {
	g := startGateway(t)
	c, conn := g.dial(nil)
	tellMatched(t, c, conn, table)
	tab := sit(t, g, c, 1)
	conn.push(wirepb.Push_EVENT, 1, event("last"))
	conn.push(wirepb.Push_NOTICE, 0, &wirepb.Notice{Body: &wirepb.Notice_Detached{
		Detached: &wirepb.Detached{Table: uint64(table), Code: wirepb.Code_TABLE_GONE},
	}})
	if e, err := tab.Receive(testContext(t)); err != nil || e.Number != 1 {
		t.Fatalf("received %d %v", e.Number, err)
	}
	if _, err := tab.Receive(testContext(t)); game.CodeOf(err, 0) != wirepb.Code_TABLE_GONE {
		t.Fatalf("at the end: %v", err)
	}
	if c.Table() != 0 {
		t.Fatalf("still bound to %v", c.Table())
	}
	if again := sit(t, g, c, 1); again == tab {
		t.Fatal("the ended table came back")
	}
}

// Attach to a table that is in use does not close it for others when its own context ends.
func TestAnAttachGivenUpLeavesTheTableToOthers(t *testing.T) {
	g := startGateway(t)
	c, conn := g.dial(nil)
	tab := sit(t, g, c, 1)
	conn.conn.Close()
	conn = receive(t, g.conns)
	q := g.next("table.attach", &wirepb.AttachRequest{})
	ctx, cancel := context.WithCancel(testContext(t))
	cancel()
	if _, err := c.Attach(ctx, table); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	q.answer(wirepb.Code_OK, &wirepb.AttachReply{NextNumber: 1})
	conn.push(wirepb.Push_EVENT, 1, event("a"))
	if e, err := tab.Receive(testContext(t)); err != nil || e.Number != 1 {
		t.Fatalf("received %d %v", e.Number, err)
	}
}

// Giving up an attach does not change the binding.
func TestAnAttachGivenUpKeepsTheBinding(t *testing.T) {
	g := startGateway(t)
	c, conn := g.dial(nil)
	tellMatched(t, c, conn, table)
	ctx, cancel := context.WithCancel(testContext(t))
	attaching := async(func() (*Table, error) { return c.Attach(ctx, table) })
	g.next("table.attach", &wirepb.AttachRequest{})
	cancel()
	if r := receive(t, attaching); !errors.Is(r.err, context.Canceled) {
		t.Fatal(r.err)
	}
	if id, err := c.WaitMatched(testContext(t)); err != nil || id != table {
		t.Fatalf("%v %v", id, err)
	}
}

// A player who queues again without having left the previous table waits for the next one.
func TestJoiningForgetsTheTableBefore(t *testing.T) {
	g := startGateway(t)
	c, conn := g.dial(nil)
	tellMatched(t, c, conn, table)
	joining := async(func() (uint64, error) { return c.Join(testContext(t), &wirepb.JoinRequest{}) })
	g.next("queue.join", &wirepb.JoinRequest{}).answer(wirepb.Code_OK, &wirepb.JoinReply{Ticket: 2})
	if r := receive(t, joining); r.err != nil {
		t.Fatal(r.err)
	}
	if c.Table() != 0 {
		t.Fatalf("still bound to %v", c.Table())
	}

	joining = async(func() (uint64, error) { return c.Join(testContext(t), &wirepb.JoinRequest{}) })
	q := g.next("queue.join", &wirepb.JoinRequest{})
	tellMatched(t, c, conn, table+1) // the notice of the match may arrive before the answer is handled
	q.answer(wirepb.Code_OK, &wirepb.JoinReply{Ticket: 3})
	if r := receive(t, joining); r.err != nil || c.Table() != table+1 {
		t.Fatalf("bound to %v, %v", c.Table(), r.err)
	}
}
