package raftgroup

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
)

const (
	maxName    = 255 // bytes of a server id and of a cluster id
	maxSurveys = 64  // kindPosition requests that are answered at the same time; more are refused
)

// Host runs the groups of one server. Its methods are safe for concurrent use.
type Host struct {
	cfg      Config
	net      *network
	streams  streams
	suspects suspects
	surveys  chan struct{}

	level atomic.Uint32 // the cluster's, set by SetLevel; written under mu

	mu     sync.RWMutex
	closed bool
	groups map[GroupID]*Group // nil while a group starts or stops
}

// Open starts to accept connections and to answer peers. On an error the caller still owns the disk and
// the listener.
func Open(cfg Config) (*Host, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	h := &Host{
		cfg:     cfg,
		net:     newNetwork(cfg),
		surveys: make(chan struct{}, maxSurveys),
		groups:  make(map[GroupID]*Group),
	}
	h.net.onRequest = h.onRequest
	h.net.onBroken = h.PeerLost
	// When a server has just started and connects to this one, dial back at once, so that the
	// leaders here need not wait for their next attempt to reach it.
	h.net.onJoined = func(id ServerID) { h.net.peer(id).kick() }
	h.net.run(h.net.acceptLoop)
	h.net.run(h.watchdog)
	return h, nil
}

// Start runs a group: with its state on the disk if there is one, otherwise with the bootstrap list if
// this server is in it, otherwise empty, waiting to be added. Machine.Restore and Apply may be called
// before it returns. Errors: ErrExists, ErrStopped, or one of the disk.
func (h *Host) Start(cfg GroupConfig) (*Group, error) {
	if cfg.Machine == nil {
		return nil, errors.New("raftgroup: GroupConfig.Machine is nil")
	}
	if err := h.reserve(cfg.ID); err != nil {
		return nil, err
	}
	g := newGroup(h, cfg)
	err := g.start(cfg.Bootstrap)
	h.mu.Lock()
	switch {
	case err != nil:
		delete(h.groups, cfg.ID)
	case h.closed:
		err = ErrStopped
	default:
		h.groups[cfg.ID] = g
	}
	h.mu.Unlock()
	if err != nil {
		if errors.Is(err, ErrStopped) {
			err = errors.Join(err, g.Stop())
		}
		return nil, err
	}
	for _, m := range g.members() {
		if m.ID != h.cfg.Self {
			h.net.peer(m.ID).kick()
		}
	}
	return g, nil
}

func (h *Host) reserve(id GroupID) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return ErrStopped
	}
	if _, ok := h.groups[id]; ok {
		return fmt.Errorf("%w: %d", ErrExists, id)
	}
	h.groups[id] = nil
	return nil
}

// Self returns the server's id.
func (h *Host) Self() ServerID { return h.cfg.Self }

// Group returns a running group.
func (h *Host) Group(id GroupID) (*Group, bool) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	g := h.groups[id]
	return g, g != nil
}

// all returns the running groups in the order of their ids.
func (h *Host) all() []*Group {
	h.mu.RLock()
	gs := make([]*Group, 0, len(h.groups))
	for _, g := range h.groups {
		if g != nil {
			gs = append(gs, g)
		}
	}
	h.mu.RUnlock()
	slices.SortFunc(gs, func(a, b *Group) int { return int(int64(a.id) - int64(b.id)) })
	return gs
}

// hide stops requests for a group that is being stopped; its id stays reserved.
func (h *Host) hide(g *Group) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.groups[g.id] = nil
}

// release frees the id of a group that has stopped.
func (h *Host) release(id GroupID) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.groups, id)
}

// Close stops all groups, then closes the listener, the connections and the disk. It does not transfer
// leaderships; call Transfer before.
func (h *Host) Close() error {
	h.mu.Lock()
	if h.closed {
		h.mu.Unlock()
		return nil
	}
	h.closed = true
	h.mu.Unlock()
	err := h.stopGroups()
	h.net.close()
	return errors.Join(err, h.cfg.Disk.Close())
}

func (h *Host) stopGroups() error {
	gs := h.all()
	errs := make([]error, len(gs))
	var wg sync.WaitGroup
	for i, g := range gs {
		wg.Go(func() { errs[i] = g.Stop() })
	}
	wg.Wait()
	return errors.Join(errs...)
}
