package session

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	mathrand "math/rand/v2"
	"net"
	"slices"
	"sync"
	"time"

	"teahouse/pkg/game"
	"teahouse/pkg/link/linkpb"
	"teahouse/pkg/token"
	"teahouse/pkg/wire"
	"teahouse/pkg/wire/wirepb"
)

// Upstream brings calls to the nodes; gateway/upstream implements it.
type Upstream interface {
	// Call calls done with the answer exactly once, from any goroutine, perhaps before it returns.
	// Callers must not hold a lock that done takes.
	Call(req *linkpb.Request, scope wirepb.Scope, done func(*linkpb.Response))
	// SessionClosed tells the leader of the table that the client is gone.
	SessionClosed(*linkpb.SessionClosed)
}

// Config is how the sessions of a gateway behave. A zero field means its default.
type Config struct {
	// Gateway is the name that Welcome carries.
	Gateway string
	// Verifier checks session tokens; *token.Verifier is one. Required.
	Verifier Verifier
	// Limits of one client.
	Limits wire.Limits
	// MaxSessions bounds the clients; more get Bye SERVER_FULL. Default 20,000.
	MaxSessions int
	// MaxOutbound bounds the bytes pending for a client, at least Limits.MaxFrame; beyond it the
	// client gets Bye TOO_SLOW. Default 256 KiB.
	MaxOutbound int
	// AttachBurst bounds the attaches of one client, each of which may cost a whole hand of events;
	// AttachEvery restores one. Beyond that they are refused with TOO_OFTEN. Defaults 16 and 500
	// ms.
	AttachBurst int
	AttachEvery time.Duration
	// SweepEvery is how often deadlines, heartbeats and tickets are checked. Default 250 ms.
	SweepEvery time.Duration
	// Now is the clock. Default: time.Now.
	Now func() time.Time
	// Rand makes the session ids of this process unique. Default: crypto/rand.
	Rand io.Reader
	// Logger gets what an operator should know. Default: no logging.
	Logger *slog.Logger
}

// Verifier tells whose session a token continues.
type Verifier interface {
	Verify(text string, now time.Time) (token.Claims, error)
}

func (c Config) withDefaults() (Config, error) {
	var err error
	if c.Limits, err = c.Limits.WithDefaults(); err != nil {
		return c, err
	}
	if c.MaxSessions == 0 {
		c.MaxSessions = 20_000
	}
	if c.MaxOutbound == 0 {
		c.MaxOutbound = 256 << 10
	}
	if c.AttachBurst == 0 {
		c.AttachBurst = 16
	}
	if c.AttachEvery == 0 {
		c.AttachEvery = 500 * time.Millisecond
	}
	if c.SweepEvery == 0 {
		c.SweepEvery = 250 * time.Millisecond
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Rand == nil {
		c.Rand = rand.Reader
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	switch {
	case c.Verifier == nil:
		return c, errors.New("session: Verifier is missing")
	case c.MaxSessions < 1 || c.AttachBurst < 1 || c.AttachEvery < 0 || c.SweepEvery < 0:
		return c, errors.New("session: MaxSessions, AttachBurst, AttachEvery and SweepEvery must be positive")
	case c.MaxOutbound < c.Limits.MaxFrame:
		return c, fmt.Errorf("session: MaxOutbound is below the longest frame, %d", c.Limits.MaxFrame)
	}
	return c, nil
}

// Hub holds all sessions of a gateway. Its methods may be called from any goroutine.
type Hub struct {
	// immutable
	cfg      Config
	up       Upstream
	methods  *wire.Methods
	instance uint64 // random upper half of this process's session ids
	input    sync.Pool
	output   sync.Pool

	stats counters

	mu       sync.RWMutex // taken after a session's lock, never before it
	last     uint32       // counter of the session ids
	sessions map[uint64]*session
	players  map[game.PlayerID]*session // the newest session of each player, by epoch
	stepped  bool                       // in a simulation: everything happens in the order of the ids
	leaving  time.Time                  // when everybody will be sent away; zero = that is not planned
	draining bool
	empty    chan struct{} // closed when leaving or draining and no session is left
}

// NewHub makes a Hub without sessions.
func NewHub(cfg Config, up Upstream) (*Hub, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	var random [4]byte
	if _, err := io.ReadFull(cfg.Rand, random[:]); err != nil {
		return nil, fmt.Errorf("session: no randomness: %w", err)
	}
	h := &Hub{
		cfg: cfg, up: up,
		methods:  wire.NewMethods(),
		instance: uint64(binary.BigEndian.Uint32(random[:])) << 32,
		sessions: map[uint64]*session{},
		players:  map[game.PlayerID]*session{},
		empty:    make(chan struct{}),
	}
	h.input.New = func() any { b := make([]byte, readBuffer); return &b }
	h.output.New = func() any { b := make([]byte, 0, readBuffer); return &b }
	return h, nil
}

// Run watches heartbeats, deadlines and tickets until ctx ends. Call Drain then.
func (h *Hub) Run(ctx context.Context) {
	ticker := time.NewTicker(h.cfg.SweepEvery)
	defer ticker.Stop()
	last := h.cfg.Now()
	for {
		select {
		case <-ticker.C:
			now := h.cfg.Now()
			h.sweep(last, now)
			last = now
		case <-ctx.Done():
			return
		}
	}
}

// sweep checks the timers of all sessions; last is when it did so before. A late sweep means that
// this process was paused: what the clients sent meanwhile is still unread, so they cannot be
// called silent.
func (h *Hub) sweep(last, now time.Time) {
	paused := max(0, now.Sub(last)-2*h.cfg.SweepEvery)
	for _, s := range h.all() {
		s.sweep(now, paused)
	}
}

// Serve handles one client connection; it returns when the connection is closed and nothing of the
// session runs any more.
func (h *Hub) Serve(conn net.Conn) {
	s := newSession(h, conn, h.cfg.Now())
	h.admit(s)
	s.read()
	h.leave(s)
	conn.Close()
	s.writers.Wait()
}

// admit lets the session in or sends it a Bye.
func (h *Hub) admit(s *session) {
	if refusal := h.enter(s); refusal != wirepb.Code_OK {
		s.bye(refusal, "try again later")
	}
}

// enter gives the session its id.
func (h *Hub) enter(s *session) (refusal wirepb.Code) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.draining {
		return wirepb.Code_SHUTTING_DOWN
	}
	if len(h.sessions) >= h.cfg.MaxSessions {
		return wirepb.Code_SERVER_FULL
	}
	h.stats.accepted.Add(1)
	for {
		h.last++
		s.id = h.instance | uint64(h.last)
		if _, taken := h.sessions[s.id]; !taken && s.id != 0 {
			break
		}
	}
	h.sessions[s.id] = s
	return wirepb.Code_OK
}

func (h *Hub) leave(s *session) {
	player := s.closed()
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.sessions[s.id] == s {
		delete(h.sessions, s.id)
	}
	if h.players[player] == s {
		delete(h.players, player)
	}
	if h.ending() && len(h.sessions) == 0 {
		h.signalEmptyLocked()
	}
}

// ending reports whether this gateway is about to end; mu is held.
func (h *Hub) ending() bool { return h.draining || !h.leaving.IsZero() }

// claim records that the player's session s has the epoch, and returns the same player's session
// with a lower one, which is superseded.
func (h *Hub) claim(s *session, player game.PlayerID, epoch uint64) (superseded *session) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.sessions[s.id] != s {
		return nil // it ended while its login was in flight
	}
	old := h.players[player]
	if old != nil && old.epoch.Load() > epoch {
		return s
	}
	h.players[player] = s
	return old
}

// GoAway warns all clients and serves them until the time is over, until none is left, or until ctx
// ends. Call Drain next.
func (h *Hub) GoAway(ctx context.Context, in time.Duration) {
	h.Warn(in)
	timer := time.NewTimer(in)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-h.empty:
	case <-ctx.Done():
	}
}

// Warn tells all clients, and those that still come, that they will be sent away in a while.
func (h *Hub) Warn(in time.Duration) {
	h.mu.Lock()
	h.leaving = h.cfg.Now().Add(in)
	if len(h.sessions) == 0 {
		h.signalEmptyLocked()
	}
	h.mu.Unlock()
	for _, s := range h.all() {
		s.goAway()
	}
}

// leavesAt is when everybody will be sent away; zero = that is not planned.
func (h *Hub) leavesAt() time.Time {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return h.leaving
}

// Drain sends every client a Bye, with reconnect delays spread out, and waits until they are gone
// or ctx ends; then it closes the rest. New clients are refused from now on.
func (h *Hub) Drain(ctx context.Context) {
	h.mu.Lock()
	h.draining = true
	if len(h.sessions) == 0 {
		h.signalEmptyLocked()
	}
	h.mu.Unlock()
	for _, s := range h.all() {
		s.bye(wirepb.Code_SHUTTING_DOWN, "this gateway is shutting down")
	}
	select {
	case <-h.empty:
	case <-ctx.Done():
		for _, s := range h.all() {
			s.conn.Close()
		}
		<-h.empty
	}
}

func (h *Hub) signalEmptyLocked() {
	select {
	case <-h.empty:
	default:
		close(h.empty)
	}
}

// Push takes a node's message to one session.
func (h *Hub) Push(p *linkpb.Push) {
	h.mu.RLock()
	s := h.sessions[p.Session]
	h.mu.RUnlock()
	if s == nil {
		h.stats.pushesDropped.Add(1)
		return
	}
	s.push(p)
}

// Led attaches the sessions at the group's tables again.
func (h *Hub) Led(group game.GroupID) {
	for _, s := range h.all() {
		s.led(group)
	}
}

// Waiting tells the clients at the group's tables that nobody runs them at the moment. Each is told that
// it is over once its table is heard again.
func (h *Hub) Waiting(group game.GroupID) {
	for _, s := range h.all() {
		s.wait(group)
	}
}

// Moving tells the clients at the group's tables that these pass to another node.
func (h *Hub) Moving(group game.GroupID) {
	for _, s := range h.all() {
		s.moves(group)
	}
}

// Members reads all bindings again: a hint may have been lost with a node.
func (h *Hub) Members() {
	for _, s := range h.all() {
		s.readBindingSoon()
	}
}

func (h *Hub) Len() int {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return len(h.sessions)
}

func (h *Hub) all() []*session {
	h.mu.RLock()
	defer h.mu.RUnlock()
	all := make([]*session, 0, len(h.sessions))
	for _, s := range h.sessions {
		all = append(all, s)
	}
	if h.stepped {
		slices.SortFunc(all, func(a, b *session) int { return cmp.Compare(a.id, b.id) })
	}
	return all
}

// smear picks a random delay, so that returning clients do not all arrive at once.
func smear(base, spread time.Duration) uint32 {
	return uint32((base + mathrand.N(spread)) / time.Millisecond)
}
