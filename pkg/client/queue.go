package client

import (
	"context"

	"teahouse/pkg/client/engine"
	"teahouse/pkg/game"
	"teahouse/pkg/wire/wirepb"
)

// Join asks for a place in a queue and returns the ticket. It fills in the request's number and
// resends until the answer is definite. Refusals carry a code: QUEUE_UNKNOWN, ALREADY_QUEUED,
// AT_TABLE, QUEUE_FULL … With ALREADY_QUEUED the ticket is the one held; after AT_TABLE, see Table.
// Joins and Cancels of one Client wait for each other.
func (c *Client) Join(ctx context.Context, req *wirepb.JoinRequest) (ticket uint64, err error) {
	type joined struct {
		ticket uint64
		err    error
	}
	j, err := wait(ctx, c, func(done func(joined)) *engine.Request {
		return c.engine.Join(req, func(ticket uint64, err error) { done(joined{ticket, err}) })
	})
	if err != nil {
		return 0, err
	}
	return j.ticket, j.err
}

// Cancel gives the ticket back. AT_TABLE means that it had already matched: see Table. If the
// connection was lost in between, nil means that the ticket is gone: nearly always cancelled, but
// it may have matched a round that was over before the session was resumed.
func (c *Client) Cancel(ctx context.Context, ticket uint64) error {
	err, waited := wait(ctx, c, func(done func(error)) *engine.Request { return c.engine.CancelTicket(ticket, done) })
	if waited != nil {
		return waited
	}
	return err
}

// WaitMatched blocks until the player is bound to a table. The error carries NO_TICKET if the
// ticket is gone and nobody reported in time which table it became: that round is over.
func (c *Client) WaitMatched(ctx context.Context) (game.TableID, error) {
	var table game.TableID
	var gone bool
	err := c.await(ctx, func() bool {
		table, gone = c.engine.Bound(), c.engine.Unqueued()
		return table != 0 || gone
	})
	if err == nil && table == 0 {
		err = game.Errorf(wirepb.Code_NO_TICKET, "the ticket's round is over")
	}
	return table, err
}

// WaitProgress blocks until the cluster has said something else than seen about the ticket, which is what WaitProgress
// returned before, or nil at first. It returns nil once the player waits no more: see WaitMatched. What is returned
// must not be modified. The cluster says what is new about once a second.
//
//	for p, err := c.WaitProgress(ctx, nil); p != nil; p, err = c.WaitProgress(ctx, p) {
//		fmt.Printf("%d of %d\n", p.People, p.Seats)
//	}
func (c *Client) WaitProgress(ctx context.Context, seen *wirepb.Progress) (p *wirepb.Progress, err error) {
	err = c.await(ctx, func() bool {
		p = c.engine.Progress()
		return p != nil && p != seen || c.engine.Ticket() == 0
	})
	if err != nil {
		return nil, err
	}
	return p, nil
}
