package raftgroup

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	dialTimeout = time.Second

	// redialPause is how long calls fail at once after a failed dial; then the next one dials again.
	// It is short so that a restarted peer is used soon.
	redialPause = 10 * time.Millisecond

	// refusedPause is the same for a peer that refuses the handshake: it is not restarting but
	// misconfigured.
	refusedPause = time.Second

	// silence is how long a peer may send nothing while calls wait for its answers.
	silence = 2 * time.Second
)

var (
	errTimeout  = errors.New("raftgroup: peer does not answer in time")
	errCanceled = errors.New("raftgroup: call was canceled")
	errNoAddr   = errors.New("raftgroup: peer has no known address")
)

// peer is this host's client side towards one server. It keeps at most one connection, which is made when
// a call needs it.
type peer struct {
	net *network
	id  ServerID

	mu      sync.Mutex
	link    *link         // live connection or nil
	dialing chan struct{} // closed when the current dial ends; nil without one
	retryAt time.Time     // calls fail with lastErr until then
	lastErr error
	up      chan struct{} // closed at the next connect
}

// link is a connection with the calls that wait for answers on it.
type link struct {
	*conn
	heard atomic.Int64 // unix ns of the last frame received

	mu      sync.Mutex
	waiting map[uint64]*call // nil once the link is broken
	nextID  uint64
}

// call is one request that waits for its answer. The goroutine that removes it from the link's map must
// finish it.
type call struct {
	id    uint64
	reply message
	done  chan error // capacity 1
}

// call sends a request and waits for the answer, which is decoded into reply.
// A timeout of 0 means until the link breaks.
func (p *peer) call(kind byte, group GroupID, req, reply message, timeout time.Duration, cancel <-chan struct{}) error {
	var expired <-chan time.Time
	if timeout > 0 {
		t := time.NewTimer(timeout)
		defer t.Stop()
		expired = t.C
	}
	l, err := p.connect(expired, cancel)
	if err != nil {
		return err
	}
	c, err := l.start(kind, group, req, reply)
	if err != nil {
		return err
	}
	return l.wait(c, expired, cancel)
}

func (l *link) start(kind byte, group GroupID, req, reply message) (*call, error) {
	c := &call{reply: reply, done: make(chan error, 1)}
	l.mu.Lock()
	if l.waiting == nil {
		l.mu.Unlock()
		return nil, errConnClosed
	}
	if len(l.waiting) == 0 {
		l.heard.Store(time.Now().UnixNano()) // silence is measured from the first waiting request
	}
	l.nextID++
	c.id = l.nextID
	l.waiting[c.id] = c
	l.mu.Unlock()
	if err := l.send(kind, group, c.id, req); err != nil {
		l.take(c.id)
		return nil, err
	}
	return c, nil
}

func (l *link) wait(c *call, expired <-chan time.Time, cancel <-chan struct{}) error {
	var err error
	select {
	case err := <-c.done:
		return err
	case <-expired:
		err = errTimeout
	case <-cancel:
		err = errCanceled
	}
	if l.take(c.id) == nil {
		return <-c.done // readLoop was faster and is decoding the reply
	}
	if quiet := time.Since(time.Unix(0, l.heard.Load())); err == errTimeout && quiet > silence {
		l.close()
	}
	return err
}

// take removes a call and returns it; nil means that another goroutine has removed it.
func (l *link) take(id uint64) *call {
	l.mu.Lock()
	defer l.mu.Unlock()
	c := l.waiting[id]
	delete(l.waiting, id)
	return c
}

// readLoop passes answers to their calls until the link breaks.
func (l *link) readLoop() error {
	defer func() {
		l.close()
		l.mu.Lock()
		waiting := l.waiting
		l.waiting = nil
		l.mu.Unlock()
		for _, c := range waiting {
			c.done <- errConnClosed
		}
	}()
	for {
		f, err := l.read()
		if err != nil {
			return err
		}
		l.heard.Store(time.Now().UnixNano())
		if f.kind&responseBit == 0 || len(f.body) == 0 {
			return errFrame
		}
		c := l.take(f.id)
		if c == nil {
			continue // the call has given up
		}
		switch f.body[0] {
		case statusOK:
			c.done <- decodeBody(f.body[1:], c.reply)
		case statusFinal:
			c.done <- finalError(f.body[1:])
		default:
			c.done <- remoteError(f.body[1:])
		}
	}
}

// connect returns the live link; it dials if there is none.
func (p *peer) connect(expired <-chan time.Time, cancel <-chan struct{}) (*link, error) {
	for {
		p.mu.Lock()
		if p.link != nil {
			l := p.link
			p.mu.Unlock()
			return l, nil
		}
		if p.dialing == nil {
			if time.Now().Before(p.retryAt) {
				err := p.lastErr
				p.mu.Unlock()
				return nil, err
			}
			p.dialLocked()
		}
		dialing := p.dialing
		p.mu.Unlock()
		select {
		case <-dialing:
		case <-expired:
			return nil, errTimeout
		case <-cancel:
			return nil, errCanceled
		}
	}
}

// kick starts a dial unless the peer is connected or being dialed.
func (p *peer) kick() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.link == nil && p.dialing == nil {
		p.dialLocked()
	}
}

func (p *peer) connected() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.link != nil
}

// ready reports whether the peer is connected, and returns a channel that is closed at the next
// connect.
func (p *peer) ready() (now bool, next <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.link != nil, p.up
}

// dialLocked starts one dial; p.mu is held.
func (p *peer) dialLocked() {
	done := make(chan struct{})
	p.dialing = done
	if !p.net.run(func() { p.dial(done) }) {
		p.dialing, p.retryAt, p.lastErr = nil, time.Now().Add(redialPause), ErrStopped
		close(done)
	}
}

func (p *peer) dial(done chan struct{}) {
	c, err := p.net.dial(p.id)
	p.mu.Lock()
	p.dialing = nil
	defer close(done)
	if err != nil {
		pause := redialPause
		if errors.Is(err, ErrWrongCluster) || errors.Is(err, ErrWrongSecret) || errors.Is(err, ErrWrongServer) || errors.Is(err, ErrWrongVersion) {
			pause = refusedPause
			p.net.logger.Error("peer refused", "peer", p.id, "error", err)
		}
		p.retryAt, p.lastErr = time.Now().Add(pause), err
		p.mu.Unlock()
		return
	}
	l := &link{conn: c, waiting: make(map[uint64]*call)}
	p.link = l
	close(p.up)
	p.up = make(chan struct{})
	p.mu.Unlock()
	started := p.net.serve(c, func() {
		err := l.readLoop()
		p.mu.Lock()
		p.link = nil
		p.mu.Unlock()
		p.net.logger.Debug("link is broken", "peer", p.id, "error", err)
		p.net.broken(p.id)
	})
	if !started {
		p.mu.Lock()
		p.link = nil
		p.mu.Unlock()
	}
}

// dial makes an authenticated connection.
func (n *network) dial(id ServerID) (*conn, error) {
	nc, err := n.dialTCP(id)
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(n.ctx, func() { nc.Close() })
	br, version, err := n.cred.dial(nc, id)
	if !stop() || err != nil {
		nc.Close()
		return nil, fmt.Errorf("raftgroup: handshake with %s: %w", id, errors.Join(err, n.ctx.Err()))
	}
	n.logger.Debug("connected", "peer", id, "version", version)
	return newConn(nc, br, id), nil
}

func (n *network) dialTCP(id ServerID) (net.Conn, error) {
	addr, ok := n.resolve(id)
	if !ok {
		return nil, fmt.Errorf("%w: %s", errNoAddr, id)
	}
	ctx, cancel := context.WithTimeout(n.ctx, dialTimeout)
	defer cancel()
	var d net.Dialer
	return d.DialContext(ctx, "tcp", addr)
}

// refused reports whether an error means that nobody listens at an address.
func refused(err error) bool { return errors.Is(err, syscall.ECONNREFUSED) }
