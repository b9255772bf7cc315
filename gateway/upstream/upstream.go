package upstream

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"teahouse/pkg/game"
	"teahouse/pkg/link"
	"teahouse/pkg/link/linkpb"
	"teahouse/pkg/wire/wirepb"
	"teahouse/registry"
)

// Config configures an Upstream. A zero field means its default.
type Config struct {
	// Link is this gateway's end of the links. Required; the Role is set here.
	Link link.Config
	// Registry proposes the nodes. Required.
	Registry registry.Registry
	// MaxParked bounds the calls that wait for their executor; beyond it a call is answered with
	// NOT_SENT, or with OUTCOME_UNKNOWN if an earlier attempt may have had its effect. Calls to
	// groups that nobody has ever announced get a tenth of it; all payloads together get 1 KiB per
	// call, but at least 1 MiB. Default 10,000.
	MaxParked int
	// Timeout is how long a call may stay open. After that it is answered with NOT_SENT if it has
	// had no effect, else with OUTCOME_UNKNOWN. Default 10 s.
	Timeout time.Duration
	// Logger gets what an operator should know. Default: no logging.
	Logger *slog.Logger
}

// sweepEvery is how often deadlines are checked.
const sweepEvery = 100 * time.Millisecond

func (c Config) withDefaults() (Config, error) {
	c.Link.Role = link.RoleGateway
	if c.MaxParked == 0 {
		c.MaxParked = 10_000
	}
	if c.Timeout == 0 {
		c.Timeout = 10 * time.Second
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Link.Logger == nil {
		c.Link.Logger = c.Logger
	}
	if c.Registry == nil {
		return c, errors.New("upstream: Registry is missing")
	}
	if c.MaxParked < 0 || c.Timeout < 0 {
		return c, errors.New("upstream: MaxParked and Timeout must be positive")
	}
	return c, nil
}

// Sink gets unsolicited messages from the nodes. Its methods are called on the goroutines that read
// the links, must not block, and may call Upstream.
type Sink interface {
	// Push is for one session. Pushes that followed an answer on a link are delivered after it.
	Push(*linkpb.Push)
	// Led means that the group has a leader other than the one known before.
	Led(group game.GroupID)
	// Waiting means that the group has been without a known leader for a while. Led will follow.
	Waiting(group game.GroupID)
	// Moving means that the group's leader is about to give it to another node, as planned.
	Moving(group game.GroupID)
	// Members means that a new member list is in force.
	Members()
}

// Upstream holds all links of a gateway. Its methods may be called from any goroutine.
type Upstream struct {
	// immutable
	cfg      Config
	sink     Sink
	pool     *link.Pool
	contacts *link.Contacts

	news sync.Mutex // taken before mu; who leads is told in the order in which it is found out

	mu         sync.Mutex
	dispatcher *Dispatcher       // guarded by mu
	shown      map[string]string // guarded by mu; link addresses by node, as the registry shows them
	known      map[string]string // guarded by mu; the same plus members that it does not show
}

// Stats counts what happened to calls.
type Stats struct {
	Calls       uint64 // started
	Sent        uint64 // attempts, including repeated ones
	Resent      uint64 // attempts beyond a call's first
	Open        int    // now
	Parked      int    // now
	EverParked  uint64
	ParkRefused uint64 // no room to park
	Expired     uint64 // calls that were open for too long
	NotLeader   uint64 // attempts answered with NOT_LEADER or MOVED
	Broken      uint64 // attempts whose link broke
	LinkFull    uint64 // calls that found a link at its bounds
	Leaders     uint64 // times that a group got a leader
	Links       int    // working now
}

// New makes an Upstream without links; Run opens them.
func New(cfg Config, sink Sink) (*Upstream, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	u := &Upstream{cfg: cfg, sink: sink, contacts: new(link.Contacts), known: make(map[string]string)}
	cfg.Link.Contacts = u.contacts
	u.dispatcher = NewDispatcher(links{u}, cfg.MaxParked, cfg.Timeout)
	u.pool, err = link.NewPool(link.PoolConfig{Link: cfg.Link, Handler: link.Handler{
		Up:       u.linkUp,
		Down:     u.linkDown,
		Push:     func(_ *link.Conn, p *linkpb.Push) { sink.Push(p) },
		Announce: u.announced,
		Members:  u.memberList,
	}})
	if err != nil {
		return nil, fmt.Errorf("upstream: %w", err)
	}
	return u, nil
}

// Run keeps the links until ctx ends; then it closes them and answers all open calls.
func (u *Upstream) Run(ctx context.Context) error {
	defer u.end()
	snapshots, err := u.cfg.Registry.Watch(ctx, registry.RoleNode)
	if err != nil {
		return fmt.Errorf("upstream: %w", err)
	}
	ticker := time.NewTicker(sweepEvery)
	defer ticker.Stop()
	for {
		select {
		case s, ok := <-snapshots:
			if !ok {
				return nil
			}
			u.targets(s)
		case now := <-ticker.C:
			u.expire(now)
		}
	}
}

// targets takes in what the registry shows.
func (u *Upstream) targets(s registry.Snapshot) {
	shown := make(map[string]string)
	for _, i := range s.Instances {
		if i.LinkAddr != "" {
			shown[i.Name] = i.LinkAddr
		}
	}
	u.mu.Lock()
	defer u.unlock()
	u.shown = shown
	u.linkLocked()
}

// linkLocked keeps links to the nodes that the registry shows, and to members that it showed
// before. The registry proposes and takes nothing away: a missing node may just have been slow with
// its heartbeat, or the registry may have restarted and not know all nodes again yet. mu is held.
func (u *Upstream) linkLocked() {
	maps.Copy(u.known, u.shown)
	maps.DeleteFunc(u.known, func(name, _ string) bool {
		_, shown := u.shown[name]
		return !shown && !u.dispatcher.MayBeMember(name)
	})
	u.pool.SetTargets(u.known)
}

func (u *Upstream) Stats() Stats {
	u.mu.Lock()
	defer u.mu.Unlock()
	s := u.dispatcher.Stats()
	s.Links = len(u.pool.Conns())
	return s
}

// Contacts are the nodes that links are kept to.
func (u *Upstream) Contacts() []link.Contact {
	u.mu.Lock()
	names := slices.Collect(maps.Keys(u.known))
	u.mu.Unlock()
	return u.contacts.List(names)
}

// Missing says what keeps calls from being executed at once; nothing means that every one can be.
func (u *Upstream) Missing() []string {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.dispatcher.Missing()
}

// Call brings req to the node that executes it. done is called exactly once, from any goroutine and
// perhaps before Call returns; it must not block. The codes NOT_SENT and OUTCOME_UNKNOWN mean that
// no answer came; NOT_LEADER and MOVED are never passed on. req belongs to the Upstream from now
// on.
func (u *Upstream) Call(req *linkpb.Request, scope wirepb.Scope, done func(*linkpb.Response)) {
	u.mu.Lock()
	defer u.unlock()
	u.dispatcher.Call(time.Now(), req, scope, done)
}

// SessionClosed tells the leader of the session's table, if known, that the client is gone. If
// unknown, the next leader waits for the seats to attach anyway.
func (u *Upstream) SessionClosed(m *linkpb.SessionClosed) {
	u.mu.Lock()
	node := u.dispatcher.Leader(game.TableID(m.Table))
	u.mu.Unlock()
	if conn := u.pool.Conn(node); conn != nil {
		if err := conn.SendSessionClosed(m); err != nil {
			u.cfg.Logger.Debug("session's end not told", "node", node, "err", err)
		}
	}
}

func (u *Upstream) linkUp(*link.Conn) {
	u.mu.Lock()
	defer u.unlock()
	u.dispatcher.LinkUp()
}

func (u *Upstream) linkDown(conn *link.Conn, _ error) {
	u.mu.Lock()
	defer u.unlock()
	u.dispatcher.LinkDown(conn.Peer().Name)
}

func (u *Upstream) announced(conn *link.Conn, a *linkpb.Announce) {
	u.news.Lock()
	defer u.news.Unlock()
	u.mu.Lock()
	var led, moving bool
	if a.Moving {
		moving = u.dispatcher.Moving(conn.Peer().Name, a)
	} else {
		led = u.dispatcher.Announced(conn.Peer().Name, a)
	}
	u.unlock()
	switch group := game.GroupID(a.Group); {
	case led:
		u.sink.Led(group)
	case moving:
		u.sink.Moving(group)
	}
}

func (u *Upstream) memberList(conn *link.Conn, list *linkpb.Members) {
	u.mu.Lock()
	changed, err := u.dispatcher.Members(list)
	if changed {
		u.linkLocked()
	}
	u.unlock()
	if err != nil {
		u.cfg.Logger.Error("member list refused", "node", conn.Peer().Name, "err", err)
	}
	if changed {
		u.sink.Members()
	}
}

// end closes the links, which parks the calls in flight, and answers everything.
func (u *Upstream) end() {
	u.pool.Close()
	u.mu.Lock()
	defer u.unlock()
	u.dispatcher.End()
}

func (u *Upstream) expire(now time.Time) {
	u.news.Lock()
	defer u.news.Unlock()
	u.mu.Lock()
	u.dispatcher.Expire(now)
	waiting := u.dispatcher.Waiting(now)
	u.unlock()
	for _, group := range waiting {
		u.sink.Waiting(group)
	}
}

// unlock releases mu and then answers what has finished, so that done may call back.
func (u *Upstream) unlock() {
	answer := u.dispatcher.Answer()
	u.mu.Unlock()
	answer()
}

// links are the pool's links, whose answers arrive on other goroutines.
type links struct{ u *Upstream }

func (l links) Conn(node string) Conn {
	if conn := l.u.pool.Conn(node); conn != nil {
		return locked{conn, l.u}
	}
	return nil
}

// locked is a link that passes answers to the Dispatcher under the Upstream's lock.
type locked struct {
	*link.Conn
	u *Upstream
}

func (c locked) Go(req *linkpb.Request, done func(*linkpb.Response, error)) (id uint64, err error) {
	return c.Conn.Go(req, func(r *linkpb.Response, err error) {
		c.u.mu.Lock()
		defer c.u.unlock()
		done(r, err)
	})
}
