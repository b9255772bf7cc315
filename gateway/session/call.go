package session

import (
	"errors"
	"time"

	"google.golang.org/protobuf/proto"

	"teahouse/pkg/game"
	"teahouse/pkg/link/linkpb"
	"teahouse/pkg/token"
	"teahouse/pkg/wire"
	"teahouse/pkg/wire/wirepb"
)

// The methods that the gateway adds to, or whose answers it learns from.
const (
	methodResume  = "auth.resume"
	methodJoin    = "queue.join"
	methodCancel  = "queue.cancel"
	methodBinding = "queue.binding"
	methodAttach  = "table.attach"
	methodMove    = "table.move"
	methodLeave   = "table.leave"
)

// superseded is the detail of Bye SUPERSEDED.
const superseded = "a newer login or resume exists"

// forgotten is the detail of Bye SESSION_FORGOTTEN.
const forgotten = "this login is not remembered any more: resume"

// unsettled reports whether a call that was answered with code may be tried again.
func unsettled(code wirepb.Code) bool { return !wire.Definite(code) }

// call hands the client's call on, or answers it.
func (s *session) call(c *wirepb.Call, now time.Time) {
	req := &linkpb.Request{Method: c.Method, Session: s.id, Payload: c.Payload}
	method, known := s.hub.methods.Lookup(c.Method)
	var from uint64
	var refusal *linkpb.Response // nil = the call goes on
	switch {
	case !known:
		refusal = refuse(wirepb.Code_UNKNOWN_METHOD, "no such method")
	case method.Scope == wirepb.Scope_TABLE && game.TableID(c.Table).Shard() == game.Coordinator:
		refusal = refuse(wirepb.Code_BAD_REQUEST, "the method needs a table")
	case method.Scope == wirepb.Scope_TABLE:
		req.Table = c.Table
	}
	if refusal == nil && c.Method == methodAttach {
		from, refusal = attachFrom(c.Payload)
	}
	if refusal == nil {
		refusal = s.admit(c.Method, method.Login, req, now)
	}
	if refusal == nil && c.Method == methodResume {
		// Only after admit: verifying a signature is costly, and a login in flight gets no second
		// one.
		if refusal = s.resume(req, now); refusal != nil {
			s.mu.Lock()
			s.calls--
			s.state = greeted
			s.mu.Unlock()
		}
	}
	if refusal != nil {
		s.hub.stats.refused.Add(1)
		s.reply(c.Id, refusal, now)
		return
	}
	s.hub.stats.calls.Add(1)
	s.hub.up.Call(req, method.Scope, func(r *linkpb.Response) { s.answered(c, from, r) })
}

// admit checks the call against the session's state and counts it.
func (s *session) admit(method string, login bool, req *linkpb.Request, now time.Time) (refusal *linkpb.Response) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case login && s.state != greeted:
		return refuse(wirepb.Code_ALREADY_LOGGED_IN, "this connection has its player")
	case !login && s.state != open:
		return refuse(wirepb.Code_NOT_LOGGED_IN, "log in first")
	case s.calls >= s.hub.cfg.Limits.MaxCalls:
		return refuse(wirepb.Code_BUSY, "too many calls are unanswered")
	case method == methodAttach && !s.attach.take(now, s.hub.cfg.AttachBurst, s.hub.cfg.AttachEvery):
		s.hub.stats.attachesRefused.Add(1)
		return refuse(wirepb.Code_TOO_OFTEN, "attached too often: wait a moment")
	}
	s.calls++
	switch {
	case login:
		s.state = loggingIn
	case method == methodAttach:
		s.stream.begin(game.TableID(req.Table))
	}
	req.Player, req.Epoch = uint64(s.player), s.epoch.Load()
	if method == methodAttach || method == methodMove {
		req.LagMs = s.lag.ms()
	}
	return nil
}

// resume verifies the token here, because nodes trust the gateway about who the player is.
func (s *session) resume(req *linkpb.Request, now time.Time) (refusal *linkpb.Response) {
	m := &wirepb.ResumeRequest{}
	if err := proto.Unmarshal(req.Payload, m); err != nil {
		return refuse(wirepb.Code_BAD_REQUEST, "not a ResumeRequest")
	}
	claims, err := s.hub.cfg.Verifier.Verify(m.Token, now)
	switch {
	case errors.Is(err, token.ErrExpired):
		return refuse(wirepb.Code_TOKEN_EXPIRED, "log in anew")
	case err != nil:
		return refuse(wirepb.Code_TOKEN_INVALID, "log in anew")
	}
	// The token must go no further than this gateway.
	if req.Payload, err = proto.Marshal(&wirepb.ResumeRequest{Device: m.Device, Attempt: m.Attempt}); err != nil {
		return refuse(wirepb.Code_INTERNAL, "cannot resume")
	}
	req.Player = claims.Player
	return nil
}

func attachFrom(payload []byte) (last uint64, refusal *linkpb.Response) {
	m := &wirepb.AttachRequest{}
	if err := proto.Unmarshal(payload, m); err != nil {
		return 0, refuse(wirepb.Code_BAD_REQUEST, "not an AttachRequest")
	}
	return m.LastEvent, nil
}

// refuse is the gateway's own answer to a call.
func refuse(code wirepb.Code, detail string) *linkpb.Response {
	return &linkpb.Response{Code: code, Detail: detail}
}

func (s *session) reply(id uint64, r *linkpb.Response, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.replyLocked(id, r, now)
}

func (s *session) replyLocked(id uint64, r *linkpb.Response, now time.Time) {
	if n := len(r.Payload) + len(r.Detail); !s.fits(n) {
		s.hub.cfg.Logger.Error("an answer is too long for a frame", "code", r.Code.String(), "bytes", n)
		r = refuse(wirepb.Code_INTERNAL, "the answer is too long")
	}
	s.sendLocked(&wirepb.Envelope{Body: &wirepb.Envelope_Reply{Reply: &wirepb.Reply{
		Id: id, Code: r.Code, Detail: r.Detail, Payload: r.Payload,
	}}}, now)
}

// answered learns from the answer to the client's call and forwards it.
func (s *session) answered(c *wirepb.Call, from uint64, r *linkpb.Response) {
	now := s.hub.cfg.Now()
	var older *session
	switch {
	case r.Code == wirepb.Code_OK && s.hub.isLogin(c.Method):
		older, r = s.loggedIn(r, now)
	case s.hub.isLogin(c.Method):
		s.mu.Lock()
		s.state = greeted
		s.mu.Unlock()
	}
	s.mu.Lock()
	s.calls--
	gone := s.out.closing
	s.learnLocked(c, from, r, now)
	switch r.Code {
	case wirepb.Code_SESSION_FORGOTTEN:
		// No reply: the client resumes and resends whatever is unanswered.
		s.byeLocked(r.Code, forgotten, now)
	case wirepb.Code_SUPERSEDED:
		s.replyLocked(c.Id, r, now)
		s.byeLocked(r.Code, superseded, now)
	default:
		s.replyLocked(c.Id, r, now)
	}
	s.mu.Unlock()

	if older != nil {
		older.bye(wirepb.Code_SUPERSEDED, superseded)
	}
	if gone && c.Method == methodAttach && attaches(r.Code) {
		s.tellGone(game.TableID(c.Table)) // the table learned of this session too late
	}
	s.reattach()
}

func (h *Hub) isLogin(method string) bool {
	m, _ := h.methods.Lookup(method)
	return m.Login
}

// loggedIn opens the session. It returns the session that this supersedes, if any; that may be s
// itself.
func (s *session) loggedIn(r *linkpb.Response, now time.Time) (superseded *session, _ *linkpb.Response) {
	login := &wirepb.LoginReply{}
	if err := proto.Unmarshal(r.Payload, login); err != nil || login.Player == 0 || login.Epoch == 0 {
		s.mu.Lock()
		s.state = greeted
		s.mu.Unlock()
		return nil, &linkpb.Response{Code: wirepb.Code_INTERNAL, Detail: "the login was answered with nonsense"}
	}
	s.epoch.Store(login.Epoch)
	s.mu.Lock()
	s.state = open
	s.player = game.PlayerID(login.Player)
	s.binding.holds(login.Ticket, game.TableID(login.Table), now)
	s.binding.soon()
	s.binding.news = login.Ticket != 0
	if login.Table != 0 {
		s.measureLocked(now) // answered before the attach, so that this tells the lag already
	}
	s.mu.Unlock()
	return s.hub.claim(s, game.PlayerID(login.Player), login.Epoch), r
}

// learnLocked updates the session from an answer.
func (s *session) learnLocked(c *wirepb.Call, from uint64, r *linkpb.Response, now time.Time) {
	switch c.Method {
	case methodAttach:
		if _, heard := s.stream.attached(game.TableID(c.Table), from, false, r.Code); heard {
			s.waitingLocked(game.TableID(c.Table), true, now)
		}
	case methodLeave:
		if r.Code == wirepb.Code_OK || r.Code == wirepb.Code_TABLE_GONE {
			s.stream.end(game.TableID(c.Table))
		}
	case methodJoin:
		m := &wirepb.JoinReply{}
		if proto.Unmarshal(r.Payload, m) != nil {
			return
		}
		switch r.Code {
		case wirepb.Code_OK, wirepb.Code_ALREADY_QUEUED:
			s.binding.holds(m.Ticket, 0, now)
		case wirepb.Code_AT_TABLE:
			s.binding.holds(0, game.TableID(m.Table), now)
		}
	case methodCancel:
		m := &wirepb.CancelReply{}
		if proto.Unmarshal(r.Payload, m) != nil {
			return
		}
		switch r.Code {
		case wirepb.Code_OK:
			s.binding.holds(0, 0, now)
		case wirepb.Code_AT_TABLE:
			// The shard may still refuse that table; then the ticket goes back into the queue for
			// another one.
			s.binding.holds(s.binding.ticket, game.TableID(m.Table), now)
		}
	}
}

// led attaches again if the group runs the session's table.
func (s *session) led(group game.GroupID) {
	s.mu.Lock()
	s.stream.led(group)
	s.mu.Unlock()
	s.reattach()
}

// wait tells the client that nobody runs its table, if that is one of the group's.
func (s *session) wait(group game.GroupID) {
	now := s.hub.cfg.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stream.wait(group) {
		s.waitingLocked(s.stream.table, false, now)
	}
}

func (s *session) waitingLocked(table game.TableID, over bool, now time.Time) {
	if !over {
		s.hub.stats.waits.Add(1)
	}
	s.noteLocked(&wirepb.Notice{Body: &wirepb.Notice_Waiting{Waiting: &wirepb.Waiting{Table: uint64(table), Over: over}}}, now)
}

// moves tells the client that its table passes to another node, if it is one of the group's.
func (s *session) moves(group game.GroupID) {
	now := s.hub.cfg.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stream.of(group) {
		s.noteLocked(&wirepb.Notice{Body: &wirepb.Notice_Moving{Moving: &wirepb.Moving{Table: uint64(s.stream.table)}}}, now)
	}
}

// reattach asks for the stream after the last forwarded event, if needed.
func (s *session) reattach() {
	s.mu.Lock()
	var table game.TableID
	var last uint64
	ok := s.state == open && !s.out.closing
	if ok {
		table, last, ok = s.stream.take()
	}
	player, lag := s.player, s.lag.ms()
	s.mu.Unlock()
	if !ok {
		return
	}
	payload, err := proto.Marshal(&wirepb.AttachRequest{LastEvent: last})
	if err != nil {
		s.bye(wirepb.Code_INTERNAL, "cannot attach")
		return
	}
	s.hub.stats.reattaches.Add(1)
	s.hub.up.Call(&linkpb.Request{
		Method: methodAttach, Table: uint64(table), Player: uint64(player),
		Epoch: s.epoch.Load(), Session: s.id, Payload: payload, LagMs: lag,
	}, wirepb.Scope_TABLE, func(r *linkpb.Response) { s.reattached(table, last, r) })
}

func (s *session) reattached(table game.TableID, last uint64, r *linkpb.Response) {
	now := s.hub.cfg.Now()
	s.mu.Lock()
	ended, heard := s.stream.attached(table, last, true, r.Code)
	switch {
	case heard:
		s.waitingLocked(table, true, now)
	case r.Code == wirepb.Code_SUPERSEDED:
		s.byeLocked(wirepb.Code_SUPERSEDED, superseded, now)
	case ended:
		s.noteLocked(&wirepb.Notice{Body: &wirepb.Notice_Detached{
			Detached: &wirepb.Detached{Table: uint64(table), Code: r.Code},
		}}, now)
	}
	gone := s.out.closing
	s.mu.Unlock()
	if gone && attaches(r.Code) {
		s.tellGone(table)
	}
	// The sweep retries what failed temporarily; what became necessary in the meantime starts at
	// once.
	if !unsettled(r.Code) {
		s.reattach()
	}
}

// readBinding asks the coordinator about the ticket.
func (s *session) readBinding(ticket uint64) {
	s.mu.Lock()
	player := s.player
	s.mu.Unlock()
	s.hub.stats.bindingsRead.Add(1)
	s.hub.up.Call(&linkpb.Request{
		Method: methodBinding, Player: uint64(player), Epoch: s.epoch.Load(), Session: s.id,
	}, wirepb.Scope_CLUSTER, func(r *linkpb.Response) { s.bindingRead(ticket, r) })
}

func (s *session) bindingRead(asked uint64, r *linkpb.Response) {
	now := s.hub.cfg.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.binding.asking = false
	m := &wirepb.BindingReply{}
	switch {
	case r.Code == wirepb.Code_SUPERSEDED:
		s.byeLocked(r.Code, superseded, now)
		return
	case r.Code == wirepb.Code_SESSION_FORGOTTEN:
		s.byeLocked(r.Code, forgotten, now)
		return
	case r.Code != wirepb.Code_OK || proto.Unmarshal(r.Payload, m) != nil:
		return
	case !s.binding.read(asked, m.Ticket, game.TableID(m.Table)):
		if s.binding.news && s.binding.waits(m.Progress.GetTicket()) {
			s.binding.news = false
			s.noteLocked(&wirepb.Notice{Body: &wirepb.Notice_Progress{Progress: m.Progress}}, now)
		}
		return
	}
	if m.Table == 0 {
		s.noteLocked(&wirepb.Notice{Body: &wirepb.Notice_Unqueued{Unqueued: &wirepb.Unqueued{Ticket: asked}}}, now)
		return
	}
	s.hub.stats.matchesTold.Add(1)
	s.measureLocked(now)
	s.noteLocked(&wirepb.Notice{Body: &wirepb.Notice_Matched{
		Matched: &wirepb.Matched{Ticket: asked, Table: m.Table},
	}}, now)
}

// noteLocked sends a hint of the gateway's own.
func (s *session) noteLocked(n *wirepb.Notice, now time.Time) {
	payload, err := proto.Marshal(n)
	if err != nil {
		s.byeLocked(wirepb.Code_INTERNAL, "cannot tell the news", now)
		return
	}
	s.pushLocked(&wirepb.Push{Kind: wirepb.Push_NOTICE, Payload: payload, TimeMs: ago(now, 0)}, now)
}

// readBindingSoon makes the next sweep read the binding, if there is a ticket.
func (s *session) readBindingSoon() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.binding.soon()
}
