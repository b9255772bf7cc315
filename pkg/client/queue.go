package client

import (
	"context"

	"google.golang.org/protobuf/proto"

	"teahouse/pkg/game"
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
// ALREADY_QUEUED, AT_TABLE, QUEUE_FULL … After AT_TABLE, Table tells which.
func (c *Client) Join(ctx context.Context, req *wirepb.JoinRequest) (ticket uint64, err error) {
	req = proto.CloneOf(req)
	reply := &wirepb.JoinReply{}
	before := c.Table()
	tries, err := c.queueCommand(ctx, "queue.join", func(n uint64) proto.Message {
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
	// An earlier sending under another epoch may have had its effect already.
	if tries > 1 && (code == wirepb.Code_ALREADY_QUEUED || code == wirepb.Code_AT_TABLE) {
		err = nil
	}
	return reply.Ticket, err
}

// Cancel gives the ticket back. AT_TABLE says that it had matched before: see Table.
func (c *Client) Cancel(ctx context.Context, ticket uint64) error {
	reply := &wirepb.CancelReply{}
	tries, err := c.queueCommand(ctx, "queue.cancel", func(n uint64) proto.Message {
		return &wirepb.CancelRequest{Number: n, Ticket: ticket}
	}, reply)
	code := game.CodeOf(err, wirepb.Code_OK)
	if code == wirepb.Code_AT_TABLE {
		c.mu.Lock()
		c.boundLocked(game.TableID(reply.Table))
		c.mu.Unlock()
	}
	if tries > 1 && code == wirepb.Code_NO_TICKET {
		return nil // an earlier sending had its effect
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
// within one login, renumbered after a resume.
func (c *Client) queueCommand(ctx context.Context, method string, build func(number uint64) proto.Message, reply proto.Message) (tries int, err error) {
	var gen, number uint64
	for try := 0; ; try++ {
		err := c.await(ctx, func() bool {
			if c.conn == nil {
				return false
			}
			if gen != c.gen {
				gen, number = c.gen, c.queue.next
				c.queue.next++
			}
			return true
		})
		if err != nil {
			return try, err
		}
		payload, err := proto.Marshal(build(number))
		if err != nil {
			return try, err
		}
		err = c.callNow(ctx, method, 0, payload, reply)
		if !again(err) {
			return try + 1, err
		}
		if err := c.pause(ctx, try); err != nil {
			return try + 1, err
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
