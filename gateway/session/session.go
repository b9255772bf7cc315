package session

import (
	"errors"
	"io"
	"math"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/protobuf/proto"

	"teahouse/pkg/game"
	"teahouse/pkg/link/linkpb"
	"teahouse/pkg/wire"
	"teahouse/pkg/wire/wirepb"
)

type state int

const (
	fresh     state = iota // nothing said yet
	greeted                // Hello and Welcome exchanged
	loggingIn              // a login is in flight
	open                   // logged in
)

// session is one client connection.
type session struct {
	// immutable
	hub   *Hub
	conn  net.Conn
	id    uint64        // 0 = never let in
	epoch atomic.Uint64 // set once, by the login; atomic because Hub.claim reads it

	in      *inbound       // owned by read
	writers sync.WaitGroup // out's writer; Add under mu, and not once out is closing

	mu      sync.Mutex // never held while calling the Upstream
	out     outbound
	state   state
	warned  bool      // GoingAway was said
	heard   time.Time // when the last whole frame arrived, or the connection
	calls   int       // the client's own unanswered calls
	player  game.PlayerID
	stream  stream
	binding binding
	attach  allowance
	lag     lag
}

func newSession(h *Hub, conn net.Conn, now time.Time) *session {
	s := &session{hub: h, conn: conn, heard: now}
	s.in = newInbound(conn, &h.input, h.cfg.Limits.MaxFrame)
	s.out = outbound{
		conn: conn, lock: &s.mu, buffers: &h.output, start: s.writers.Go,
		stats: &h.stats, max: h.cfg.MaxOutbound, said: now,
	}
	return s
}

// read handles the client's messages until the connection ends.
func (s *session) read() {
	for {
		body, err := s.in.next()
		var long *wire.FrameTooLong
		if errors.As(err, &long) {
			s.bye(wirepb.Code_FRAME_TOO_LONG, long.Error())
			s.in.discard()
			return
		}
		if err != nil {
			if errors.Is(err, io.ErrUnexpectedEOF) || s.in.partial() {
				s.hub.stats.cut.Add(1)
			}
			s.in.release()
			return
		}
		if s.isClosing() {
			s.in.discard()
			return
		}
		s.handleBody(body)
	}
}

// handleBody takes one frame. This is where untrusted bytes become messages.
func (s *session) handleBody(body []byte) {
	s.hub.stats.framesIn.Add(1)
	e, err := wire.ParseEnvelope(body)
	if err != nil {
		s.bye(wirepb.Code_BAD_FRAME, "not an Envelope")
		return
	}
	now := s.hub.cfg.Now()
	s.mu.Lock()
	s.heard = now
	greeted := s.state != fresh
	s.mu.Unlock()
	hello := e.GetHello()
	switch b := e.Body.(type) {
	case *wirepb.Envelope_Hello:
		if greeted {
			s.bye(wirepb.Code_BAD_FRAME, "a second Hello")
			return
		}
		s.hello(hello, now)
		return
	case *wirepb.Envelope_Ping:
		if greeted {
			pong := &wirepb.Pong{Nonce: b.Ping.Nonce, TimeMs: ago(now, 0)}
			s.send(&wirepb.Envelope{Body: &wirepb.Envelope_Pong{Pong: pong}}, now)
			return
		}
	case *wirepb.Envelope_Pong:
		if greeted {
			s.pong(b.Pong, now)
			return
		}
	case *wirepb.Envelope_Call:
		if greeted {
			s.call(b.Call, now)
			return
		}
	}
	s.bye(wirepb.Code_BAD_FRAME, "a message that may not come now")
}

func (s *session) hello(h *wirepb.Hello, now time.Time) {
	if h.Version < wire.MinVersion {
		s.bye(wirepb.Code_VERSION_UNSUPPORTED, "please update")
		return
	}
	limits := s.hub.cfg.Limits
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state = greeted
	s.sendLocked(&wirepb.Envelope{Body: &wirepb.Envelope_Welcome{Welcome: &wirepb.Welcome{
		Version:     min(h.Version, wire.Version),
		Gateway:     s.hub.cfg.Gateway,
		HeartbeatMs: uint32(limits.Heartbeat.Milliseconds()),
		IdleMs:      uint32(limits.Idle.Milliseconds()),
		MaxFrame:    uint32(limits.MaxFrame),
	}}}, now)
	s.goAwayLocked(now)
}

// goAway tells the client that it will be sent away, if that is planned.
func (s *session) goAway() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.goAwayLocked(s.hub.cfg.Now())
}

// goAwayLocked says so once, behind Welcome.
func (s *session) goAwayLocked(now time.Time) {
	at := s.hub.leavesAt()
	if s.warned || s.state == fresh || at.IsZero() {
		return
	}
	s.warned = true
	in := uint32(min(max(0, at.Sub(now).Milliseconds()), math.MaxUint32))
	s.sendLocked(&wirepb.Envelope{Body: &wirepb.Envelope_GoingAway{GoingAway: &wirepb.GoingAway{InMs: in}}}, now)
}

// pong takes the answer to a Ping; only one that measures the lag matters.
func (s *session) pong(p *wirepb.Pong, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.lag.answered(p.Nonce, now) {
		s.hub.stats.roundTrips.Add(1)
	}
}

// measureLocked sends a Ping if it is time to measure the lag, before something that is sent anyway
// to a client that sits at a table or is told of one.
func (s *session) measureLocked(now time.Time) {
	if nonce, ok := s.lag.ask(now); ok {
		s.sendLocked(&wirepb.Envelope{Body: &wirepb.Envelope_Ping{Ping: &wirepb.Ping{Nonce: nonce}}}, now)
	}
}

// frameRoom is more than any message to a client needs besides its payload and texts.
const frameRoom = 64

// fits reports whether a message with n bytes of payload and text stays within the limit that
// Welcome announced.
func (s *session) fits(n int) bool { return n+frameRoom <= s.hub.cfg.Limits.MaxFrame }

// tooSlow is the detail of Bye TOO_SLOW.
const tooSlow = "too much waits to be read"

func (s *session) send(e *wirepb.Envelope, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sendLocked(e, now)
}

func (s *session) sendLocked(e *wirepb.Envelope, now time.Time) {
	if !s.out.add(e, now) {
		s.byeLocked(wirepb.Code_TOO_SLOW, tooSlow, now)
	}
}

func (s *session) pushLocked(p *wirepb.Push, now time.Time) {
	if !s.out.push(p, now) {
		s.byeLocked(wirepb.Code_TOO_SLOW, tooSlow, now)
	}
}

// ago is the wall clock's time so many milliseconds before now, as clients are told it.
func ago(now time.Time, age uint64) uint64 {
	ms := uint64(max(0, now.UnixMilli()))
	return ms - min(age, ms)
}

// bye ends the session with a reason.
func (s *session) bye(code wirepb.Code, detail string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.byeLocked(code, detail, s.hub.cfg.Now())
}

func (s *session) byeLocked(code wirepb.Code, detail string, now time.Time) {
	if s.out.closing {
		return
	}
	s.hub.stats.byes[code].Add(1)
	bye := &wirepb.Bye{Code: code, Detail: detail}
	switch code {
	case wirepb.Code_HANDSHAKE_TIMEOUT, wirepb.Code_IDLE_TIMEOUT, wirepb.Code_TOO_SLOW, wirepb.Code_SESSION_FORGOTTEN:
		bye.Reconnect = true
	case wirepb.Code_SHUTTING_DOWN:
		bye.Reconnect, bye.AfterMs = true, smear(0, 500*time.Millisecond)
	case wirepb.Code_SERVER_FULL:
		bye.Reconnect, bye.AfterMs = true, smear(time.Second, 4*time.Second)
	}
	e := &wirepb.Envelope{Body: &wirepb.Envelope_Bye{Bye: bye}}
	s.out.close(e, code == wirepb.Code_TOO_SLOW, now)
	s.hub.cfg.Logger.Debug("session ended", "session", s.id, "player", uint64(s.player), "code", code.String())
}

func (s *session) isClosing() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.out.closing
}

// closed runs once the connection is gone; it tells the table.
func (s *session) closed() (player game.PlayerID) {
	s.mu.Lock()
	s.out.close(nil, true, s.hub.cfg.Now())
	player = s.player
	table := s.stream.table
	s.mu.Unlock()
	s.tellGone(table)
	return player
}

func (s *session) tellGone(table game.TableID) {
	if table == 0 {
		return
	}
	s.mu.Lock()
	player := s.player
	s.mu.Unlock()
	s.hub.up.SessionClosed(&linkpb.SessionClosed{
		Session: s.id, Player: uint64(player), Epoch: s.epoch.Load(), Table: uint64(table),
	})
}

// sweep checks this session's timers. Time for which this process was paused does not count as the
// client's silence.
func (s *session) sweep(now time.Time, paused time.Duration) {
	limits := s.hub.cfg.Limits
	s.mu.Lock()
	if s.out.closing {
		s.mu.Unlock()
		return
	}
	s.heard = s.heard.Add(min(paused, now.Sub(s.heard)))
	switch {
	case s.state == fresh && now.Sub(s.heard) >= limits.Handshake:
		s.byeLocked(wirepb.Code_HANDSHAKE_TIMEOUT, "no Hello", now)
	case now.Sub(s.heard) >= limits.Idle:
		s.byeLocked(wirepb.Code_IDLE_TIMEOUT, "nothing was heard", now)
	case s.state != fresh && now.Sub(s.out.said) >= limits.Heartbeat:
		s.sendLocked(&wirepb.Envelope{Body: &wirepb.Envelope_Ping{Ping: &wirepb.Ping{}}}, now)
	}
	read, ticket := s.state == open && s.binding.due(now), s.binding.ticket
	s.mu.Unlock()
	if read {
		s.readBinding(ticket)
	}
	s.reattach()
}

// push takes a node's message to this session.
func (s *session) push(p *linkpb.Push) {
	now := s.hub.cfg.Now()
	s.mu.Lock()
	stats := &s.hub.stats
	send := false
	switch {
	case s.out.closing || s.state != open || p.Epoch != s.epoch.Load():
	case p.SupersededBy > p.Epoch:
		s.byeLocked(wirepb.Code_SUPERSEDED, superseded, now)
	case p.Kind == wirepb.Push_NOTICE:
		send = s.noticeLocked(p, now)
	default:
		switch s.stream.push(p.Kind, game.TableID(p.Table), p.Number) {
		case forward:
			send = true
			if s.stream.hear() {
				s.waitingLocked(s.stream.table, true, now)
			}
		case repeat:
			stats.repeats.Add(1)
		case gap:
			stats.gaps.Add(1)
		}
	}
	if send && !s.fits(len(p.Payload)) {
		// The client could not read it, and would fail on it again after each reconnect.
		s.hub.cfg.Logger.Error("a push is too long for a frame", "table", p.Table, "bytes", len(p.Payload))
		s.byeLocked(wirepb.Code_INTERNAL, "a push is too long", now)
		send = false
	}
	if send {
		stats.pushes.Add(1)
		if p.Kind != wirepb.Push_NOTICE {
			s.measureLocked(now)
		}
		s.pushLocked(&wirepb.Push{
			Kind: p.Kind, Table: p.Table, Number: p.Number, Payload: p.Payload, TimeMs: ago(now, p.AgeMs),
		}, now)
	} else {
		stats.pushesDropped.Add(1)
	}
	s.mu.Unlock()
	s.reattach()
}

// noticeLocked reports whether a hint is news to the client.
func (s *session) noticeLocked(p *linkpb.Push, now time.Time) bool {
	n := &wirepb.Notice{}
	if err := proto.Unmarshal(p.Payload, n); err != nil {
		return false
	}
	if m := n.GetProgress(); m != nil && !s.binding.waits(m.Ticket) {
		return false
	}
	if m := n.GetMatched(); m != nil {
		if !s.binding.matched(m.Ticket, game.TableID(m.Table)) {
			return false
		}
		s.measureLocked(now)
	}
	return true
}
