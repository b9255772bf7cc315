package peer

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"teahouse/pkg/game"
	"teahouse/pkg/link"
	"teahouse/pkg/link/linkpb"
)

// Handler executes a request locally, by the same rules as one that came over a link.
type Handler func(from string, req *linkpb.Request, reply func(*linkpb.Response))

// Config configures Peers. Link is required; a zero time means its default.
type Config struct {
	Link link.Config
	// Local returns the handler of a group that runs on this node, else nil. It is asked when this
	// node itself has announced that it leads the group.
	Local func(game.GroupID) Handler
	// Lost is called for each broken link to a node, see link.PoolConfig. May be nil.
	Lost func(link.Loss)
	// Members is called with each member list that arrives on a link; every node also has them from
	// its own log, unless it is no longer a member. It must not block. May be nil.
	Members func(*linkpb.Members)
	// ResendAfter is how long one attempt waits for its response before the call is sent again; a
	// new leader or a broken link ends it at once. Default 1 s.
	ResendAfter time.Duration
	// PauseMin and PauseMax bound the pause after an OUTCOME_UNKNOWN or a full
	// queue; it doubles. Defaults 10 ms and 500 ms.
	PauseMin, PauseMax time.Duration
}

func (c *Config) setDefaults() error {
	if c.Members == nil {
		c.Members = func(*linkpb.Members) {}
	}
	if c.ResendAfter <= 0 {
		c.ResendAfter = time.Second
	}
	if c.PauseMin <= 0 {
		c.PauseMin = 10 * time.Millisecond
	}
	if c.PauseMax < c.PauseMin {
		c.PauseMax = max(c.PauseMin, 500*time.Millisecond)
	}
	var err error
	c.Link, err = c.Link.WithDefaults()
	return err
}

// Peers holds the links to the other nodes. It is safe for concurrent use.
type Peers struct {
	// Immutable.
	cfg  Config
	log  *slog.Logger
	pool *link.Pool

	mu      sync.Mutex
	leaders link.Leaders
	changed chan struct{} // closed and replaced when leaders changes
}

// New makes Peers without targets.
func New(cfg Config) (*Peers, error) {
	if err := cfg.setDefaults(); err != nil {
		return nil, err
	}
	p := &Peers{cfg: cfg, log: cfg.Link.Logger, changed: make(chan struct{})}
	pool, err := link.NewPool(link.PoolConfig{
		Link: cfg.Link,
		Handler: link.Handler{
			Announce: func(c *link.Conn, a *linkpb.Announce) { p.announced(c.Peer().Name, a) },
			Members:  func(_ *link.Conn, m *linkpb.Members) { cfg.Members(m) },
			Down:     func(c *link.Conn, _ error) { p.down(c.Peer().Name) },
		},
		Lost: cfg.Lost,
	})
	if err != nil {
		return nil, err
	}
	p.pool = pool
	return p, nil
}

// SetTargets sets the nodes to keep links to: link addresses by node name. This node's own name is
// ignored.
func (p *Peers) SetTargets(addrs map[string]string) {
	others := make(map[string]string, len(addrs))
	for name, addr := range addrs {
		if name != p.cfg.Link.Name {
			others[name] = addr
		}
	}
	p.pool.SetTargets(others)
}

// Announce takes in what this node itself announces on its links.
func (p *Peers) Announce(a *linkpb.Announce) { p.announced(p.cfg.Link.Name, a) }

// Leader is the node that leads group, "" if unknown.
func (p *Peers) Leader(group game.GroupID) string {
	route, _ := p.route(group)
	return route.Node
}

// Linked reports whether there is a working link to a node now.
func (p *Peers) Linked(node string) bool { return p.pool.Conn(node) != nil }

// Await waits until node has announced that it leads group. The error is ctx's.
func (p *Peers) Await(ctx context.Context, group game.GroupID, node string) error {
	for {
		route, changed := p.route(group)
		if route.Node == node {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Ask has one node answer a request, once. An error says that it has not answered.
func (p *Peers) Ask(ctx context.Context, node string, req *linkpb.Request) (*linkpb.Response, error) {
	c := p.pool.Conn(node)
	if c == nil {
		return nil, fmt.Errorf("peer: no link to %s", node)
	}
	return c.Call(ctx, req)
}

// Close closes all links and waits for their goroutines. Running calls end with their own contexts.
func (p *Peers) Close() { p.pool.Close() }

func (p *Peers) announced(node string, a *linkpb.Announce) {
	p.update(func(l link.Leaders) (link.Leaders, bool) { return l.Announced(node, a) })
}

func (p *Peers) down(node string) {
	p.update(func(l link.Leaders) (link.Leaders, bool) { return l.Down(node) })
}

// update replaces the leaders and wakes the calls that wait for a change.
func (p *Peers) update(fold func(link.Leaders) (link.Leaders, bool)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	next, changed := fold(p.leaders)
	if !changed {
		return
	}
	p.leaders = next
	close(p.changed)
	p.changed = make(chan struct{})
}

// route returns the current route to a group's leader, and a channel that is closed at the next
// change of any route.
func (p *Peers) route(group game.GroupID) (link.Route, <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.leaders.Of(uint32(group)), p.changed
}
