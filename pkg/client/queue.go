package client

import (
	"context"

	"google.golang.org/protobuf/proto"

	"teahouse/pkg/game"
	"teahouse/pkg/wire"
	"teahouse/pkg/wire/wirepb"
)

// queueState is what the client knows of its place in a queue. Guarded by Client.mu.
type queueState struct {
	next  uint64       // number of the next queue command of this login
	table game.TableID // bound to, or 0
}

// loggedIn starts the numbering of the new epoch, and takes over the truth.
func (q *queueState) loggedIn(l *wirepb.LoginReply) {
	q.next = 1
	q.table = game.TableID(l.Table)
}

// Join asks for a place in a queue and returns the ticket. The request's number is filled in
// here; it is sent again until the answer is definite. Refusals carry a code: QUEUE_UNKNOWN,
// ALREADY_QUEUED, AT_TABLE, QUEUE_FULL … With ALREADY_QUEUED the ticket is the one held; after
// AT_TABLE, Table tells which. Joins and Cancels of one Client wait for each other.
func (c *Client) Join(ctx context.Context, req *wirepb.JoinRequest) (ticket uint64, err error) {
	req = proto.CloneOf(req)
	reply := &wirepb.JoinReply{}
	before := c.Table()
	doubt, err := c.queueCommand(ctx, "queue.join", func(n uint64) proto.Message {
		req.Number = n
		return req
	}, reply)
	code := game.CodeOf(err, wirepb.Code_OK)
	if err != nil && code == wirepb.Code_OK {
		return 0, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch code {
	case wirepb.Code_OK, wirepb.Code_ALREADY_QUEUED:
		// Whoever waits in a queue is bound to no table. The match of this ticket may have been
		// told already: that table is another one.
		if c.queue.table == before {
			c.queue.table = 0
		}
	case wirepb.Code_AT_TABLE:
		c.boundLocked(game.TableID(reply.Table))
	}
	if doubt && (code == wirepb.Code_ALREADY_QUEUED || code == wirepb.Code_AT_TABLE) {
		err = nil
	}
	return reply.Ticket, err
}

// Cancel gives the ticket back. AT_TABLE says that it had matched before: see Table.
func (c *Client) Cancel(ctx context.Context, ticket uint64) error {
	reply := &wirepb.CancelReply{}
	doubt, err := c.queueCommand(ctx, "queue.cancel", func(n uint64) proto.Message {
		return &wirepb.CancelRequest{Number: n, Ticket: ticket}
	}, reply)
	code := game.CodeOf(err, wirepb.Code_OK)
	if code == wirepb.Code_AT_TABLE {
		c.mu.Lock()
		c.boundLocked(game.TableID(reply.Table))
		c.mu.Unlock()
	}
	if doubt && code == wirepb.Code_NO_TICKET {
		return nil
	}
	return err
}

// WaitMatched blocks until the player is bound to a table.
func (c *Client) WaitMatched(ctx context.Context) (game.TableID, error) {
	var table game.TableID
	err := c.await(ctx, func() bool {
		table = c.queue.table
		return table != 0
	})
	return table, err
}

// queueCommand sends a numbered command until the answer is definite: under the same number
// within one login, renumbered after a resume. Doubt says that a sending under an earlier login
// may have had the effect that this answer does not tell of.
//
// One command is on its way at a time. The cluster remembers a player's last one only, so of two
// that overtake each other the slower would be refused as old, done or not.
func (c *Client) queueCommand(ctx context.Context, method string, build func(number uint64) proto.Message, reply proto.Message) (doubt bool, err error) {
	select {
	case c.commands <- struct{}{}:
		defer func() { <-c.commands }()
	case <-ctx.Done():
		return false, ctx.Err()
	}
	var gen, number uint64
	open := false // a sending under number may have had its effect
	for try := 0; ; try++ {
		err := c.await(ctx, func() bool {
			if c.conn == nil {
				return false
			}
			if gen != c.gen {
				gen, number = c.gen, c.queue.next
				c.queue.next++
				doubt, open = doubt || open, false
			}
			return true
		})
		if err != nil {
			return doubt, err
		}
		payload, err := proto.Marshal(build(number))
		if err != nil {
			return doubt, err
		}
		err = c.callNow(ctx, method, 0, payload, reply)
		if !again(err) {
			return doubt, err
		}
		open = open || wire.SendAgain(game.CodeOf(err, wirepb.Code_OK))
		if err := c.pause(ctx, try); err != nil {
			return doubt, err
		}
	}
}

// notice takes a hint.
func (c *Client) notice(p *wirepb.Push) {
	n := &wirepb.Notice{}
	if proto.Unmarshal(p.Payload, n) != nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch b := n.Body.(type) {
	case *wirepb.Notice_Matched:
		c.boundLocked(game.TableID(b.Matched.Table))
	case *wirepb.Notice_Detached:
		// An attach of our own that is on its way brings its own answer.
		if t := c.tables[game.TableID(b.Detached.Table)]; t != nil && t.pending != c.gen {
			t.endLocked(game.Errorf(b.Detached.Code, "the gateway could not attach to table %v again", t.id))
		}
	}
}

// boundLocked notes that the player sits at a table. The caller holds c.mu.
func (c *Client) boundLocked(table game.TableID) {
	c.queue.table = table
	c.changedLocked()
}
