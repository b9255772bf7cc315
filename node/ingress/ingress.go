package ingress

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"net"
	"slices"
	"sync"
	"sync/atomic"

	"teahouse/pkg/game"
	"teahouse/pkg/link"
	"teahouse/pkg/link/linkpb"
	"teahouse/pkg/wire"
)

// Handler executes a request from the peer from. It must not block; reply may be called from any
// goroutine, once, and fills in the response's id itself.
type Handler func(from string, req *linkpb.Request, reply func(*linkpb.Response))

// Group is a Raft group on this node, leading or not.
type Group interface {
	// Request is a Handler.
	Request(from string, req *linkpb.Request, reply func(*linkpb.Response))
	// SessionClosed reports that a client of gateway from, seated at a table of this group, is
	// gone. It must not block.
	SessionClosed(from string, m *linkpb.SessionClosed)
}

// Config is what an Ingress needs. Link and Methods are required.
type Config struct {
	Link    link.Config
	Methods *wire.Methods
	// Services execute the methods of scope SESSION, by method name.
	Services map[string]Handler
	// OnPeer is called when a link comes up, after announcements and members were sent on it, and
	// when it is gone; strictly alternating for each name. It must not block. May be nil.
	OnPeer func(name, role string, up bool)
}

// Ingress accepts links and dispatches requests. It is safe for concurrent use.
type Ingress struct {
	// Immutable.
	cfg Config
	log *slog.Logger

	groups atomic.Pointer[map[game.GroupID]Group] // replaced under mu
	peers  atomic.Pointer[map[string]*link.Conn]  // replaced under mu
	counts counts

	// mu orders what is sent to all links: a new link gets the current state and joins peers in one
	// step.
	mu      sync.Mutex
	leading map[uint32]*linkpb.Announce // current announcements by group
	members *linkpb.Members             // newest, nil before the first
}

// New makes an Ingress without groups and without links.
func New(cfg Config) (*Ingress, error) {
	if cfg.Methods == nil {
		return nil, errors.New("ingress: Methods is missing")
	}
	var err error
	if cfg.Link, err = cfg.Link.WithDefaults(); err != nil {
		return nil, err
	}
	in := &Ingress{cfg: cfg, log: cfg.Link.Logger, leading: make(map[uint32]*linkpb.Announce)}
	in.groups.Store(&map[game.GroupID]Group{})
	in.peers.Store(&map[string]*link.Conn{})
	return in, nil
}

// Serve accepts links on ln until ctx ends, then closes ln and all links. The error is nil if ctx
// ended it.
func (in *Ingress) Serve(ctx context.Context, ln net.Listener) error {
	return link.Serve(ctx, ln, in.cfg.Link, link.Handler{
		Up:            in.up,
		Request:       in.request,
		SessionClosed: in.sessionClosed,
		Down:          in.down,
	})
}

// SetGroup sets who executes the calls for a group; nil removes the group.
func (in *Ingress) SetGroup(id game.GroupID, g Group) {
	in.mu.Lock()
	defer in.mu.Unlock()
	groups := maps.Clone(*in.groups.Load())
	if g != nil {
		groups[id] = g
	} else {
		delete(groups, id)
	}
	in.groups.Store(&groups)
}

// Gateways lists the currently linked gateways by name, sorted.
func (in *Ingress) Gateways() []string {
	var names []string
	for name, c := range *in.peers.Load() {
		if c.Peer().Role == link.RoleGateway {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// Push sends m to a gateway. It reports false if the gateway has no link, or a full one, which is
// then broken: the client will ask for what it missed.
func (in *Ingress) Push(gateway string, m *linkpb.Push) bool {
	c := (*in.peers.Load())[gateway]
	if c == nil {
		in.counts.pushesUnlinked.Add(1)
		return false
	}
	if !in.sent(c, c.SendPush(m)) {
		return false
	}
	in.counts.pushes.Add(1)
	return true
}

// Announce tells all peers, now and on each new link, that this node leads a group in a term, or no
// longer does. An announcement of a lower term than the current one is stale and is dropped. That a
// group is moving is told to the linked gateways only, while this node is announced to lead it in that
// term. The message must not be changed afterwards.
func (in *Ingress) Announce(a *linkpb.Announce) {
	in.mu.Lock()
	defer in.mu.Unlock()
	old := in.leading[a.Group]
	if old != nil && a.Term < old.Term {
		return
	}
	if a.Moving {
		if old != nil && a.Term == old.Term {
			in.tellGatewaysLocked(a)
		}
		return
	}
	if a.Withdrawn {
		delete(in.leading, a.Group)
	} else {
		in.leading[a.Group] = a
	}
	for _, c := range *in.peers.Load() {
		in.sent(c, c.SendAnnounce(a))
	}
}

// tellGatewaysLocked sends a hint to the linked gateways; in.mu is held.
func (in *Ingress) tellGatewaysLocked(a *linkpb.Announce) {
	for _, c := range *in.peers.Load() {
		if c.Peer().Role == link.RoleGateway {
			in.sent(c, c.SendAnnounce(a))
		}
	}
}

// SetMembers sends the member list to all peers, now and on each new link. A list whose number is
// not above the current one's is dropped. The message must not be changed afterwards.
func (in *Ingress) SetMembers(m *linkpb.Members) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.members != nil && m.Number <= in.members.Number {
		return
	}
	in.members = m
	for _, c := range *in.peers.Load() {
		in.sent(c, c.SendMembers(m))
	}
}

// sent breaks a link whose queue is full, so that the peer never misses a message without noticing.
func (in *Ingress) sent(c *link.Conn, err error) bool {
	if err == nil {
		return true
	}
	in.counts.unsent.Add(1)
	if !errors.Is(err, link.ErrClosed) {
		in.log.Warn("ingress: link broken on purpose", "peer", c.Peer().Name, "error", err)
		c.Abort(err)
	}
	return false
}

// up runs before anything else happens on the link.
func (in *Ingress) up(c *link.Conn) {
	peer := c.Peer()
	in.mu.Lock()
	for _, a := range in.leading {
		in.sent(c, c.SendAnnounce(a))
	}
	if in.members != nil {
		in.sent(c, c.SendMembers(in.members))
	}
	in.setPeerLocked(peer.Name, c)
	in.mu.Unlock()
	in.log.Info("ingress: link up", "peer", peer.Name, "role", peer.Role, "addr", peer.Addr)
	if in.cfg.OnPeer != nil {
		in.cfg.OnPeer(peer.Name, peer.Role, true)
	}
}

func (in *Ingress) down(c *link.Conn, err error) {
	peer := c.Peer()
	in.mu.Lock()
	in.setPeerLocked(peer.Name, nil)
	in.mu.Unlock()
	in.log.Info("ingress: link down", "peer", peer.Name, "error", err)
	if in.cfg.OnPeer != nil {
		in.cfg.OnPeer(peer.Name, peer.Role, false)
	}
}

// setPeerLocked needs mu.
func (in *Ingress) setPeerLocked(name string, c *link.Conn) {
	peers := maps.Clone(*in.peers.Load())
	if c != nil {
		peers[name] = c
	} else {
		delete(peers, name)
	}
	in.peers.Store(&peers)
}
