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
