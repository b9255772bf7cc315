// Package engine makes the decisions of a client of a Teahouse cluster: when a request is resent
// and under which number, what of a table's stream is new, when to attach again. It is pure: no
// clock, no network, no lock and no goroutine.
//
//	e := engine.New(engine.Config{MaxEvents: 1024})
//	e.Up(login)                    // logged in over a new connection
//	e.Table(id).Move(request, done)
//	out := e.Take()                // after each call: send out.Calls, set out.Timers, run out.Done
//
// The owner of an Engine (package client, or a simulation) calls one method at a time. The
// functions in Output.Done may use the Engine again.
//
// It frames no message and keeps no connection. Package client and simulations of a cluster may
// import it.
package engine

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"

	"teahouse/pkg/game"
	"teahouse/pkg/planted"
	"teahouse/pkg/wire"
	"teahouse/pkg/wire/wirepb"
)

// Config configures an Engine.
type Config struct {
	Name      string // of a new guest; empty = made up by the cluster
	Token     string // resumes the session of a player; empty = a new guest
	Device    uint64 // random, identifies this program; 0 = its logins cannot be ordered
	MaxEvents int    // received events of a table kept for Receive; any more are fetched again
}

// Stats counts what happened to a client.
type Stats struct {
	Disconnects uint64 // logged-in connections lost
	Resumes     uint64 // sessions continued over a new connection after that
	Departures  uint64 // sessions continued over another gateway, because theirs was going away
	Resends     uint64 // calls sent again because the outcome was unknown
	Duplicates  uint64 // events received before, and dropped
	Gaps        uint64 // events that came too early; the table was attached again
	Overflows   uint64 // times a table's queue was full
}

// Engine is one player's session across all its connections.
type Engine struct {
	cfg   Config
	stats Stats
	err   error // why it has ended

	up     bool   // logged in on a connection
	held   bool   // see Hold
	gen    uint64 // counts those connections
	login  *wirepb.LoginReply
	logins uint64 // attempts
	nextID uint64
	calls  map[uint64]*Request
	open   []*Request // without a final answer yet, oldest first
	tables map[game.TableID]*Table
	queue  queue

	out Output
}

// Output is what the owner has to do, in this order.
type Output struct {
	Calls   []*wirepb.Call // to be sent over the current connection
	Timers  []Timer
	Done    []func()         // to be called without the lock that guards the Engine
	Changed bool             // something that callers wait for has changed
	Notices []*wirepb.Notice // news of tables in use for their users: Waiting, told and taken back in turns, and Moving
}

// Timer asks for Fire to be called, like any method of the Engine, once the time has passed.
type Timer struct {
	After time.Duration
	Fire  func()
}

// New makes an Engine without a connection.
func New(cfg Config) *Engine {
	return &Engine{
		cfg: cfg, login: &wirepb.LoginReply{Token: cfg.Token},
		calls: map[uint64]*Request{}, tables: map[game.TableID]*Table{},
	}
}

// Take returns what has to be done since the last Take.
func (e *Engine) Take() Output {
	out := e.out
	e.out = Output{}
	return out
}

// Login is the call that logs in on a new connection. Its answer comes before all others.
func (e *Engine) Login() (*wirepb.Call, error) {
	method, req := "auth.guest", proto.Message(&wirepb.GuestRequest{Name: e.cfg.Name})
	e.logins++
	if e.login.Token != "" {
		method, req = "auth.resume", &wirepb.ResumeRequest{Token: e.login.Token, Device: e.cfg.Device, Attempt: e.logins}
	}
	payload, err := proto.Marshal(req)
	return &wirepb.Call{Method: method, Payload: payload}, err
}

// LoggedIn reads the answer to Login. The error says whether to come back; see ComeBack.
func LoggedIn(method string, r *wirepb.Reply) (*wirepb.LoginReply, error) {
	login := &wirepb.LoginReply{}
	return login, decode(method, r, login)
}

// Up takes in a new connection, on which login was the answer, and attaches the tables on it. It takes
// the place of the present one, if there is one: see Hold.
func (e *Engine) Up(login *wirepb.LoginReply) (resumed bool) {
	resumed = e.gen > 0
	switch {
	case e.up:
		e.stats.Departures++
		e.lose(errors.New("another one has taken its place"))
	case resumed:
		e.stats.Resumes++
	}
	if login.Token == "" {
		login.Token = e.login.Token
	}
	e.gen++
	e.up = true
	e.login = proto.CloneOf(login)
	e.queue.loggedIn(login)
	for _, t := range e.sorted() {
		t.attach()
	}
	e.changed()
	return resumed
}

// Down removes the connection. What was sent over it has an unknown outcome.
func (e *Engine) Down(err error) {
	e.stats.Disconnects++
	e.lose(err)
	e.changed()
}

// lose ends what is in flight on the connection.
func (e *Engine) lose(err error) {
	e.up, e.held = false, false
	e.out.Calls = nil
	calls := e.calls
	e.calls = map[uint64]*Request{}
	lost := game.Errorf(wirepb.Code_OUTCOME_UNKNOWN, "connection lost: %v", err)
	for _, r := range slices.Clone(e.open) {
		if calls[r.id] == r {
			r.answered(nil, lost)
		}
	}
}

// Hold begins no request until the next Up, Down or Release, so that the connection can be changed
// between two of them: what has been sent is still sent again until it is definite, and once Quiet
// reports true nothing is in doubt. It does nothing without a connection.
func (e *Engine) Hold() { e.held = e.up }

// Quiet reports whether nothing that was sent waits for its definite answer. While requests are held,
// Output.Changed says that it may have become true.
func (e *Engine) Quiet() bool {
	return !slices.ContainsFunc(e.open, func(r *Request) bool { return r.sent })
}

// Release undoes Hold.
func (e *Engine) Release() {
	if !e.held {
		return
	}
	e.held = false
	for _, t := range e.sorted() {
		if t.attached != e.gen {
			t.attach()
		}
		if t.behind {
			t.wakeUp() // what was dropped since is fetched once the kept events are read
		}
	}
	e.changed()
}

// End means that there will be no other connection.
func (e *Engine) End(err error) {
	e.up, e.err = false, err
	for _, t := range e.sorted() {
		t.wakeUp()
	}
	e.changed()
}

// Reply takes an answer from the gateway.
func (e *Engine) Reply(r *wirepb.Reply) {
	if call := e.calls[r.Id]; call != nil {
		delete(e.calls, r.Id)
		call.answered(r, nil)
	}
}

// Push takes an unsolicited message from the gateway.
func (e *Engine) Push(p *wirepb.Push) {
	if p.Kind == wirepb.Push_NOTICE {
		e.notice(p)
		return
	}
	if t := e.tables[game.TableID(p.Table)]; t != nil {
		t.push(p)
	}
}

// Online reports whether the session has a connection now.
func (e *Engine) Online() bool { return e.up }

// Err returns why the Engine has ended; nil while it lives.
func (e *Engine) Err() error { return e.err }

// Player is the logged-in player.
func (e *Engine) Player() game.PlayerID { return game.PlayerID(e.login.Player) }

// Token resumes this session elsewhere. It is a secret.
func (e *Engine) Token() string { return e.login.Token }

// Bound is the table that the player was bound to at the last login or resume, or since then
// by a match; 0 = none.
func (e *Engine) Bound() game.TableID { return e.queue.table }

// Ticket is the place in a queue that the player holds as far as it knows, or 0.
func (e *Engine) Ticket() uint64 { return e.queue.ticket }

// Progress is how far the ticket that is held has come, as the cluster said last; nil = it has not said, or there is
// no ticket. It is never modified.
func (e *Engine) Progress() *wirepb.Progress {
	if e.queue.ticket == 0 || e.queue.news.GetTicket() != e.queue.ticket {
		return nil
	}
	return e.queue.news
}

// Unqueued reports whether the ticket that was held is gone without a table: the round that it was
// matched with is over. The next Join clears it.
func (e *Engine) Unqueued() bool { return e.queue.lost }

// Stats are the present figures.
func (e *Engine) Stats() Stats { return e.stats }

// sorted lists the tables by id, so that equal inputs give equal outputs.
func (e *Engine) sorted() []*Table {
	all := make([]*Table, 0, len(e.tables))
	for _, t := range e.tables {
		all = append(all, t)
	}
	slices.SortFunc(all, func(a, b *Table) int { return int(a.order) - int(b.order) })
	return all
}

// changed notifies everything that waits, open requests first.
func (e *Engine) changed() {
	e.out.Changed = true
	for _, r := range slices.Clone(e.open) {
		r.advance()
	}
}

func (e *Engine) later(f func()) { e.out.Done = append(e.out.Done, f) }

// decode fills in resp, and turns a refusal into an error.
func decode(method string, r *wirepb.Reply, resp proto.Message) error {
	if resp != nil && (r.Code == wirepb.Code_OK || len(r.Payload) > 0) {
		if err := proto.Unmarshal(r.Payload, resp); err != nil {
			return fmt.Errorf("client: reply to %s: %w", method, err)
		}
	}
	if r.Code != wirepb.Code_OK {
		return game.Errorf(r.Code, "%s: %s", method, r.Detail)
	}
	return nil
}

// again reports whether the same request should be sent again.
func again(err error) bool {
	if planted.Is(planted.GivesUpInDoubt) {
		return false
	}
	return err != nil && !wire.Definite(game.CodeOf(err, wirepb.Code_OK))
}
