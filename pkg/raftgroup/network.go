package raftgroup

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// maxHandshakes bounds the incoming connections that have not finished their handshake.
const maxHandshakes = 64

// network is the transport of a host: one listener, one outgoing connection to each peer (peer.go), and
// the incoming connections.
type network struct {
	cred     credentials
	listener net.Listener
	resolve  func(ServerID) (string, bool)
	logger   *slog.Logger

	onRequest func(*conn, frame) error // runs on the connection's reader; an error ends the connection
	onBroken  func(ServerID)           // a connection from or to a server ended
	onJoined  func(ServerID)           // a server connected

	ctx    context.Context // ends with close
	cancel context.CancelFunc
	wg     sync.WaitGroup

	mu     sync.Mutex
	closed bool
	peers  map[ServerID]*peer
	in     map[ServerID]*conn // the newest incoming connection of each server

	counters networkCounters
	refusals atomic.Uint64 // incoming connections that failed the handshake
}

func newNetwork(cfg Config) *network {
	n := &network{
		cred:     credentials{self: cfg.Self, cluster: cfg.ClusterID, secret: cfg.Secret, speaks: cfg.Versions},
		listener: cfg.Listener,
		resolve:  cfg.Resolve,
		logger:   cfg.Logger,
		peers:    make(map[ServerID]*peer),
		in:       make(map[ServerID]*conn),
	}
	n.ctx, n.cancel = context.WithCancel(context.Background())
	return n
}

// run starts a goroutine that close waits for. It returns false after close.
func (n *network) run(f func()) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		return false
	}
	n.wg.Go(f)
	return true
}

// close ends the listener, all connections and all goroutines.
func (n *network) close() {
	n.mu.Lock()
	n.closed = true
	n.mu.Unlock()
	n.cancel()
	n.listener.Close()
	n.wg.Wait()
}

// serve runs a connection: a goroutine that writes, and one that calls read, which must return when the
// connection ends.
func (n *network) serve(c *conn, read func()) bool {
	stop := context.AfterFunc(n.ctx, c.close)
	if !n.run(func() {
		defer stop()
		defer c.close()
		read()
	}) || !n.run(func() { c.writeLoop(&n.counters.bytes) }) {
		c.close()
		return false
	}
	return true
}

// peer returns the calling side towards a server.
func (n *network) peer(id ServerID) *peer {
	n.mu.Lock()
	defer n.mu.Unlock()
	p := n.peers[id]
	if p == nil {
		p = &peer{net: n, id: id, up: make(chan struct{})}
		n.peers[id] = p
	}
	return p
}

// reachable reports whether there is a live connection from or to the server.
func (n *network) reachable(id ServerID) bool {
	return n.incoming(id) != nil || n.peer(id).connected()
}

func (n *network) incoming(id ServerID) *conn {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.in[id]
}

// broken reports the end of a connection, unless the host itself is closing.
func (n *network) broken(id ServerID) {
	if n.ctx.Err() == nil {
		n.onBroken(id)
	}
}

func (n *network) acceptLoop() {
	handshakes := make(chan struct{}, maxHandshakes)
	for {
		nc, err := n.listener.Accept()
		if err != nil {
			if n.ctx.Err() != nil || errors.Is(err, net.ErrClosed) {
				return
			}
			n.logger.Warn("accept failed", "error", err)
			select { // probably out of file descriptors: pause
			case <-time.After(50 * time.Millisecond):
			case <-n.ctx.Done():
				return
			}
			continue
		}
		select {
		case handshakes <- struct{}{}:
		default:
			n.refusals.Add(1)
			nc.Close()
			continue
		}
		if !n.run(func() {
			defer func() { <-handshakes }()
			n.accept(nc)
		}) {
			nc.Close()
		}
	}
}

func (n *network) accept(nc net.Conn) {
	stop := context.AfterFunc(n.ctx, func() { nc.Close() })
	id, br, version, err := n.cred.accept(nc)
	if !stop() || err != nil {
		if err != nil && !errors.Is(err, io.EOF) { // EOF: a probe (see gone) only connects and closes
			n.refusals.Add(1)
			n.logger.Warn("connection refused", "from", nc.RemoteAddr().String(), "error", err)
		}
		nc.Close()
		return
	}
	n.logger.Debug("accepted", "peer", id, "version", version)
	c := newConn(nc, br, id)
	n.mu.Lock()
	old := n.in[id]
	n.in[id] = c
	n.mu.Unlock()
	if old != nil {
		old.close() // the peer has made a new connection, so it no longer uses this one
	}
	n.serve(c, func() { n.readRequests(c) })
	n.onJoined(id)
}

func (n *network) readRequests(c *conn) {
	var err error
	for err == nil {
		var f frame
		if f, err = c.read(); err == nil {
			err = n.onRequest(c, f)
		}
	}
	c.close()
	close(c.drained)
	n.mu.Lock()
	newest := n.in[c.peer] == c
	if newest {
		delete(n.in, c.peer)
	}
	n.mu.Unlock()
	n.logger.Debug("incoming connection ended", "peer", c.peer, "error", err)
	if newest {
		n.broken(c.peer)
	}
}
