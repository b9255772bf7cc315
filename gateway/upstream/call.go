package upstream

import (
	"errors"
	"time"

	"teahouse/pkg/game"
	"teahouse/pkg/link"
	"teahouse/pkg/link/linkpb"
	"teahouse/pkg/wire"
	"teahouse/pkg/wire/wirepb"
)

// Call brings req to who executes it. done is called exactly once, from any goroutine and
// perhaps before Call returns; it must not block. Its codes NOT_SENT and OUTCOME_UNKNOWN
// say that no answer came; NOT_LEADER and MOVED never come. req belongs to the Upstream
// from now on.
func (u *Upstream) Call(req *linkpb.Request, scope wirepb.Scope, done func(*linkpb.Response)) {
	c := &call{req: req, scope: scope, done: done, deadline: time.Now().Add(u.cfg.Timeout)}
	if scope == wirepb.Scope_TABLE {
		c.group = game.TableID(req.Table).Shard()
	}
	u.mu.Lock()
	defer u.unlock()
	u.stats.Calls++
	u.book.open(c)
	if u.ended {
		u.giveUpLocked(c, "the gateway is shutting down")
		return
	}
	if scope == wirepb.Scope_TABLE && u.snapshot.Unheard(game.TableID(req.Table)) {
		u.finishLocked(c, &linkpb.Response{Code: wirepb.Code_TABLE_UNAVAILABLE, Detail: "no such shard"})
		return
	}
	u.sendLocked(c)
}

// sendLocked sends the call by the present snapshot, or parks it. The caller holds mu: so no
// announcement slips in between the look at the snapshot and the parking.
func (u *Upstream) sendLocked(c *call) {
	node, known := u.snapshot.Lookup(c.scope, game.TableID(c.req.Table), game.PlayerID(c.req.Player))
	var conn *link.Conn
	if known {
		conn = u.pool.Conn(node)
	}
	if conn == nil {
		u.parkLocked(c)
		return
	}
	c.attempt++
	attempt := c.attempt
	c.route, c.members = u.snapshot.Leader(c.group), u.snapshot.Members()
	c.req.Members = c.members
	id, err := conn.Go(c.req, func(r *linkpb.Response, err error) { u.answered(c, attempt, r, err) })
	switch {
	case err == nil:
		u.stats.Sent++
		if c.sent {
			u.stats.Resent++
		}
		c.sent, c.flying, c.via, c.id = true, true, conn, id
		u.book.unpark(c)
	case errors.Is(err, link.ErrClosed):
		u.parkLocked(c) // the link's end is about to be told
	case errors.Is(err, link.ErrTooLong):
		u.finishLocked(c, &linkpb.Response{Code: wirepb.Code_BAD_REQUEST, Detail: "request too long"})
	default:
		u.stats.LinkFull++
		u.giveUpLocked(c, "the link is at its bounds")
	}
}

// resendLocked sends the open calls that match, in the order in which they came.
func (u *Upstream) resendLocked(match func(*call) bool) {
	for c := range u.book.all() {
		if !match(c) {
			continue
		}
		if c.flying {
			c.via.Forget(c.id)
			c.flying, c.doubt = false, true
		}
		u.sendLocked(c)
	}
}

// answered takes the end of one sending: an answer, or that the link broke.
func (u *Upstream) answered(c *call, attempt uint64, r *linkpb.Response, err error) {
	u.mu.Lock()
	defer u.unlock()
	if attempt != c.attempt || !u.book.isOpen(c) {
		return // sent again since, or given up
	}
	c.flying = false
	c.doubt = c.doubt || err != nil || wire.SendAgain(r.Code)
	switch {
	case err != nil:
		u.stats.Broken++
		u.parkLocked(c)
	case r.Code == wirepb.Code_NOT_LEADER && c.scope != wirepb.Scope_SESSION:
		u.stats.NotLeader++
		u.snapshot, _ = u.snapshot.Refused(c.group, c.route)
		u.sendLocked(c)
	case r.Code == wirepb.Code_MOVED && c.scope == wirepb.Scope_SESSION:
		u.stats.NotLeader++
		if u.snapshot.Members() > c.members {
			u.sendLocked(c)
		} else {
			u.parkLocked(c) // the newer list is on its way
		}
	case r.Code == wirepb.Code_OUTCOME_UNKNOWN && c.scope != wirepb.Scope_SESSION && u.snapshot.Leader(c.group) != c.route:
		u.sendLocked(c) // it stepped down: the next leader knows
	case r.Code == wirepb.Code_NOT_LEADER || r.Code == wirepb.Code_MOVED:
		u.giveUpLocked(c, "the node gave an answer that makes no sense for the method")
	case c.doubt && wire.NoEffect(r.Code):
		u.giveUpLocked(c, r.Detail) // that says nothing of the sending before
	default:
		u.finishLocked(c, r)
	}
}

func (u *Upstream) parkLocked(c *call) {
	strange := c.scope == wirepb.Scope_TABLE && u.snapshot.Leader(c.group).Term == 0
	if u.ended || !u.book.park(c, strange) {
		u.giveUpLocked(c, "too many calls wait for a leader")
	}
}

// giveUpLocked answers a call that got no answer.
func (u *Upstream) giveUpLocked(c *call, why string) {
	code := wirepb.Code_NOT_SENT
	if c.flying || c.doubt {
		code = wirepb.Code_OUTCOME_UNKNOWN
	}
	if c.flying {
		c.via.Forget(c.id)
	}
	u.finishLocked(c, &linkpb.Response{Code: code, Detail: why})
}

// finishLocked answers the call; done is called by unlock.
func (u *Upstream) finishLocked(c *call, r *linkpb.Response) {
	if u.book.close(c) {
		u.finished = append(u.finished, finished{c.done, r})
	}
}
