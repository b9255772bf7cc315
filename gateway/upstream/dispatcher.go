package upstream

import (
	"errors"
	"time"

	"teahouse/gateway/route"
	"teahouse/pkg/game"
	"teahouse/pkg/link"
	"teahouse/pkg/link/linkpb"
	"teahouse/pkg/wire"
	"teahouse/pkg/wire/wirepb"
)

// Dispatcher makes the decisions of an Upstream, from the routing snapshot and the open calls. It has no
// lock, no clock and no goroutine; its owner (an Upstream, or a simulation) calls one method at a
// time, and Answer after each.
type Dispatcher struct {
	links    Links
	timeout  time.Duration
	snapshot *route.Snapshot // replaced, never edited
	open     *openCalls
	finished []finished // for Answer
	absences *absences
	ended    bool
	stats    Stats
}

// Links gives access to the nodes.
type Links interface {
	// Conn is the working link to a node, or nil.
	Conn(node string) Conn
}

// Conn is one link; *link.Conn is one.
type Conn interface {
	// Go sends a request. done must not be called before Go returns.
	Go(req *linkpb.Request, done func(*linkpb.Response, error)) (id uint64, err error)
	// Forget means that the answer to a request is no longer of interest.
	Forget(id uint64) bool
}

type finished struct {
	done func(*linkpb.Response)
	resp *linkpb.Response
}

// NewDispatcher makes a Dispatcher that knows no node. maxParked and timeout are as in Config.
func NewDispatcher(links Links, maxParked int, timeout time.Duration) *Dispatcher {
	return &Dispatcher{links: links, timeout: timeout, snapshot: &route.Snapshot{}, open: newOpenCalls(maxParked), absences: newAbsences()}
}

// Call brings req to the node that executes it; see Upstream.Call.
func (d *Dispatcher) Call(now time.Time, req *linkpb.Request, scope wirepb.Scope, done func(*linkpb.Response)) {
	c := &call{req: req, scope: scope, done: done, deadline: now.Add(d.timeout)}
	if scope == wirepb.Scope_TABLE {
		c.group = game.TableID(req.Table).Shard()
	}
	d.stats.Calls++
	d.open.add(c)
	if d.ended {
		d.giveUp(c, "the gateway is shutting down")
		return
	}
	if scope == wirepb.Scope_TABLE && d.snapshot.Unheard(game.TableID(req.Table)) {
		d.finish(c, &linkpb.Response{Code: wirepb.Code_TABLE_UNAVAILABLE, Detail: "no such shard"})
		return
	}
	d.send(c)
}

// Leader is the node that runs a table, as far as known.
func (d *Dispatcher) Leader(table game.TableID) string { return d.snapshot.Leader(table.Shard()).Node }

// Missing says which groups' leaders are not known or not linked.
func (d *Dispatcher) Missing() []string {
	return d.snapshot.Missing(func(node string) bool { return d.links.Conn(node) != nil })
}

// MayBeMember reports whether a node is in the member list; without a list everyone may be.
func (d *Dispatcher) MayBeMember(node string) bool { return d.snapshot.MayBeMember(node) }

// LinkUp is called for a new link.
func (d *Dispatcher) LinkUp() { d.resendParked() }

// LinkDown clears the routes to the node and sends calls for players' homes to the next one on the
// ring. The link's calls have already been ended.
func (d *Dispatcher) LinkDown(node string) {
	d.snapshot, _ = d.snapshot.Down(node)
	d.resendParked()
}

// resendParked tries the parked calls for players' homes again.
func (d *Dispatcher) resendParked() {
	d.resend(func(c *call) bool { return c.scope == wirepb.Scope_SESSION && c.parked })
}

// Announced takes in an announcement and sends the group's calls to a new leader: the parked ones,
// and those in flight to other nodes, which may never answer. It reports true if the group got a
// leader other than the one known before.
func (d *Dispatcher) Announced(node string, a *linkpb.Announce) (led bool) {
	group := game.GroupID(a.Group)
	next, changed := d.snapshot.Announced(node, a)
	d.snapshot = next
	if now := next.Leader(group); !changed || now.Node == "" {
		return false
	}
	d.stats.Leaders++
	d.absences.led(group)
	d.resend(func(c *call) bool {
		return c.scope != wirepb.Scope_SESSION && c.group == group && (c.parked || c.route.Node != node)
	})
	return true
}

// Moving takes in that a group's leader is about to give it away. It reports true once for each leader.
func (d *Dispatcher) Moving(node string, a *linkpb.Announce) bool {
	group := game.GroupID(a.Group)
	return group != game.Coordinator && d.snapshot.Leader(group) == link.Route{Node: node, Term: a.Term} && d.absences.moving(group, a.Term)
}

// Waiting returns the groups that have been without a known leader for waitAfter, each once until it
// has had one. Call it at regular intervals.
func (d *Dispatcher) Waiting(now time.Time) []game.GroupID {
	return d.absences.sweep(now, d.snapshot)
}

// Members takes in a member list. It returns an error if the list is unusable.
func (d *Dispatcher) Members(list *linkpb.Members) (changed bool, err error) {
	d.snapshot, changed, err = d.snapshot.WithMembers(list)
	if changed {
		d.resendParked()
	}
	return changed, err
}

// Expire gives up calls that have been open for too long.
func (d *Dispatcher) Expire(now time.Time) {
	for c := range d.open.expired(now) {
		d.stats.Expired++
		d.giveUp(c, "no answer in time")
	}
}

// End gives up all calls, future ones too.
func (d *Dispatcher) End() {
	d.ended = true
	for c := range d.open.all() {
		d.giveUp(c, "the gateway is shutting down")
	}
}

// Answer returns a function that answers the finished calls; call it without a lock that the calls'
// done functions take. They may use the Dispatcher.
func (d *Dispatcher) Answer() func() {
	done := d.finished
	d.finished = nil
	return func() {
		for _, f := range done {
			f.done(f.resp)
		}
	}
}

func (d *Dispatcher) Stats() Stats {
	s := d.stats
	s.Open, s.Parked = d.open.calls.Len(), d.open.parked
	s.EverParked, s.ParkRefused = d.open.everParked, d.open.refusedPark
	return s
}

// send sends the call by the current snapshot, or parks it.
func (d *Dispatcher) send(c *call) {
	node, known := d.snapshot.Lookup(c.scope, game.TableID(c.req.Table), game.PlayerID(c.req.Player),
		func(node string) bool { return d.links.Conn(node) != nil })
	var conn Conn
	if known {
		conn = d.links.Conn(node)
	}
	if conn == nil {
		d.park(c)
		return
	}
	c.attempt++
	attempt := c.attempt
	c.route, c.members = d.snapshot.Leader(c.group), d.snapshot.Members()
	c.req.Members = c.members
	id, err := conn.Go(c.req, func(r *linkpb.Response, err error) { d.answered(c, attempt, r, err) })
	switch {
	case err == nil:
		d.stats.Sent++
		if c.sent {
			d.stats.Resent++
		}
		c.sent, c.inFlight, c.via, c.id = true, true, conn, id
		d.open.unpark(c)
	case errors.Is(err, link.ErrClosed):
		d.park(c) // LinkDown will follow
	case errors.Is(err, link.ErrTooLong):
		d.finish(c, &linkpb.Response{Code: wirepb.Code_BAD_REQUEST, Detail: "request too long"})
	default:
		d.stats.LinkFull++
		d.giveUp(c, "the link is at its bounds")
	}
}

// resend sends the open calls that match, in order of arrival.
func (d *Dispatcher) resend(match func(*call) bool) {
	for c := range d.open.all() {
		if !match(c) {
			continue
		}
		if c.inFlight {
			c.via.Forget(c.id)
			c.inFlight, c.inDoubt = false, true
		}
		d.send(c)
	}
}

// answered handles the outcome of one attempt: an answer or a broken link.
func (d *Dispatcher) answered(c *call, attempt uint64, r *linkpb.Response, err error) {
	if attempt != c.attempt || !d.open.has(c) {
		return // sent again since, or given up
	}
	c.inFlight = false
	c.inDoubt = c.inDoubt || err != nil || wire.SendAgain(r.Code)
	switch {
	case err != nil:
		d.stats.Broken++
		d.park(c)
	case r.Code == wirepb.Code_NOT_LEADER && c.scope != wirepb.Scope_SESSION:
		d.stats.NotLeader++
		d.snapshot, _ = d.snapshot.Refused(c.group, c.route)
		d.send(c)
	case r.Code == wirepb.Code_MOVED && c.scope == wirepb.Scope_SESSION:
		d.stats.NotLeader++
		if d.snapshot.Members() > c.members {
			d.send(c)
		} else {
			d.park(c) // a newer member list is on its way
		}
	case r.Code == wirepb.Code_OUTCOME_UNKNOWN && c.scope != wirepb.Scope_SESSION && d.snapshot.Leader(c.group) != c.route:
		d.send(c) // it stepped down; the next leader knows the outcome
	case r.Code == wirepb.Code_NOT_LEADER || r.Code == wirepb.Code_MOVED:
		d.giveUp(c, "the node gave an answer that makes no sense for the method")
	case c.inDoubt && wire.NoEffect(r.Code):
		d.giveUp(c, r.Detail) // says nothing about the earlier attempts
	default:
		d.finish(c, r)
	}
}

func (d *Dispatcher) park(c *call) {
	unknown := c.scope == wirepb.Scope_TABLE && d.snapshot.Leader(c.group).Term == 0
	if d.ended || !d.open.park(c, unknown) {
		d.giveUp(c, "too many calls wait for a leader")
	}
}

// giveUp ends a call that got no answer.
func (d *Dispatcher) giveUp(c *call, why string) {
	code := wirepb.Code_NOT_SENT
	if c.inFlight || c.inDoubt {
		code = wirepb.Code_OUTCOME_UNKNOWN
	}
	if c.inFlight {
		c.via.Forget(c.id)
	}
	d.finish(c, &linkpb.Response{Code: code, Detail: why})
}

// finish ends the call; Answer then answers it.
func (d *Dispatcher) finish(c *call, r *linkpb.Response) {
	if d.open.remove(c) {
		d.finished = append(d.finished, finished{c.done, r})
	}
}
