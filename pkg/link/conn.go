package link

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"teahouse/pkg/link/linkpb"
	"teahouse/pkg/wire"
)

// Peer is who is at the other end, as proved by the handshake.
type Peer struct {
	Name string
	Role string
	Addr string // of this connection, for logs

	Version uint32 // the highest that both sides speak
}

// Handler is what a link calls for the frames it receives. All functions are called on the link's
// one reader goroutine, in the order of the frames: Up first, Down last. They must not block.
// Frames without a function are dropped and counted, except that a Request is answered with
// UNKNOWN_METHOD.
type Handler struct {
	Up            func(*Conn)
	Request       func(*Conn, *linkpb.Request) // answer with Conn.Respond, from anywhere
	Push          func(*Conn, *linkpb.Push)
	Announce      func(*Conn, *linkpb.Announce)
	Members       func(*Conn, *linkpb.Members)
	SessionClosed func(*Conn, *linkpb.SessionClosed)
	Down          func(*Conn, error) // why the link ended; its open calls have already failed
}

// Conn is one link. Its methods are safe for concurrent use and do not block,
// except Call.
type Conn struct {
	// Immutable.
	cfg     Config
	nc      net.Conn
	peer    Peer
	handler Handler
	dialed  bool         // by this end
	born    time.Time    // when the handshake was over
	in      *wire.Reader // owned by read
	out     *queue
	calls   *calls

	received atomic.Uint64 // reads that returned data
	heard    atomic.Int64  // see Heard; nanoseconds since born, so that it is monotonic
	ignored  atomic.Uint64

	ending  sync.Once
	err     error          // written before closing is closed
	closing chan struct{}  // closed by end
	done    chan struct{}  // closed when all goroutines are gone
	writers sync.WaitGroup // write and keepAlive
}

// Stats counts what happened on a link.
type Stats struct {
	Out     QueueStats
	Reads   uint64 // system calls that returned data
	Ignored uint64 // frames that were dropped: no handler, unknown kind, late response
}

// Dial connects to addr and authenticates both sides. The link works when Dial returns, and is
// closed by Close, not by ctx.
func Dial(ctx context.Context, cfg Config, addr string, h Handler) (*Conn, error) {
	return dial(ctx, cfg, "", addr, h)
}

// dial is Dial with the name that the peer must have, if not empty.
func dial(ctx context.Context, cfg Config, want, addr string, h Handler) (*Conn, error) {
	cfg, err := cfg.WithDefaults()
	if err != nil {
		return nil, err
	}
	dialer := net.Dialer{Timeout: cfg.DialTimeout}
	nc, err := dialer.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("link: %w", err)
	}
	c, err := connect(ctx, cfg, nc, want, h)
	if err != nil {
		return nil, err
	}
	c.start()
	return c, nil
}

// connect is the dialer's handshake over nc, which it closes on an error.
func connect(ctx context.Context, cfg Config, nc net.Conn, want string, h Handler) (*Conn, error) {
	c, err := establish(ctx, cfg, nc, h, func(s *handshake) (Peer, error) { return s.dial(want) })
	if err == nil {
		c.dialed = true
	}
	return c, err
}

// Accept answers a dialer's handshake over nc, and closes nc on an error. The link works when
// Accept returns, and is closed by Close, not by ctx.
func Accept(ctx context.Context, cfg Config, nc net.Conn, h Handler) (*Conn, error) {
	c, err := accept(ctx, cfg, nc, h)
	if err != nil {
		return nil, err
	}
	c.start()
	return c, nil
}

// accept is Accept without starting the link.
func accept(ctx context.Context, cfg Config, nc net.Conn, h Handler) (*Conn, error) {
	cfg, err := cfg.WithDefaults()
	if err != nil {
		nc.Close()
		return nil, err
	}
	return establish(ctx, cfg, nc, h, (*handshake).accept)
}

// establish makes a link without starting it; side is this end's part of the handshake.
func establish(
	ctx context.Context, cfg Config, nc net.Conn, h Handler, side func(*handshake) (Peer, error),
) (*Conn, error) {
	c := &Conn{
		cfg: cfg, nc: nc, handler: h,
		out: newQueue(cfg), calls: newCalls(cfg.MaxCalls),
		closing: make(chan struct{}), done: make(chan struct{}),
	}
	c.in = wire.NewReader(countingReader{nc, &c.received}, maxHandshake, readBuffer)
	s := newHandshake(cfg, nc, c.in)
	peer, err := s.run(ctx, func() (Peer, error) { return side(s) })
	if err != nil {
		nc.Close()
		return nil, err
	}
	c.peer, c.born = peer, time.Now()
	c.in.SetMaxFrame(cfg.MaxFrame)
	return c, nil
}

// start runs the link's goroutines; they end with the link.
func (c *Conn) start() {
	c.writers.Go(c.write)
	c.writers.Go(c.keepAlive)
	go c.read()
}

// Peer identifies the other end.
func (c *Conn) Peer() Peer { return c.peer }

// Heard is when anything was last received from the peer, pings included. Reads take no time of
// the clock: the keep-alive notes at its next tick, or at the link's end, that there were some. So
// it is late by at most Config.PingEvery, between two nodes by four times that.
func (c *Conn) Heard() time.Time { return c.born.Add(time.Duration(c.heard.Load())) }

// Done is closed when the link has ended, its calls have failed and its Handler has been called.
func (c *Conn) Done() <-chan struct{} { return c.done }

// Err is why the link ended, nil while it works.
func (c *Conn) Err() error {
	select {
	case <-c.closing:
		return c.err
	default:
		return nil
	}
}

// Close ends the link at once, without writing what is queued. It may be called from a Handler,
// which must not wait for Done.
func (c *Conn) Close() { c.end(ErrClosed) }

// Abort is Close with a reason for Err and Handler.Down.
func (c *Conn) Abort(err error) { c.end(err) }

// Stats returns the link's counters.
func (c *Conn) Stats() Stats {
	return Stats{Out: c.out.stats(), Reads: c.received.Load(), Ignored: c.ignored.Load()}
}

// SendPush, like the other senders, queues a frame. ErrFull, ErrClosed and ErrTooLong mean that
// nothing was sent. The message must not be changed until it returns.
func (c *Conn) SendPush(m *linkpb.Push) error { return c.out.add(kindPush, m, 0) }

func (c *Conn) SendAnnounce(m *linkpb.Announce) error { return c.out.add(kindAnnounce, m, 0) }

func (c *Conn) SendMembers(m *linkpb.Members) error { return c.out.add(kindMembers, m, 0) }

func (c *Conn) SendSessionClosed(m *linkpb.SessionClosed) error {
	return c.out.add(kindSessionClosed, m, 0)
}

// Respond answers the request with this id; m's own id is ignored.
func (c *Conn) Respond(id uint64, m *linkpb.Response) error {
	return c.out.add(kindResponse, m, id)
}

// Go sends a request; its own id is ignored. On an error nothing was sent and done is never called.
// Otherwise done is called exactly once on the link's reader goroutine and must not block: with the
// response, or with ErrBroken if the link ended first, unless Forget comes before. The id is for
// Forget.
func (c *Conn) Go(req *linkpb.Request, done func(*linkpb.Response, error)) (id uint64, err error) {
	id, err = c.calls.add(done)
	if err != nil {
		return 0, err
	}
	if err := c.out.add(kindRequest, req, id); err != nil && c.calls.remove(id) != nil {
		return 0, err
	}
	return id, nil // sent, or already failed because the link ended
}

// Forget drops an open call: true means that its done will never be called. The request may still
// take effect.
func (c *Conn) Forget(id uint64) bool { return c.calls.remove(id) != nil }

// Call sends a request and waits for its response. ErrFull, ErrBusy, ErrClosed
// and ErrTooLong mean that nothing was sent; after ErrBroken or ctx's error the
// outcome is unknown.
func (c *Conn) Call(ctx context.Context, req *linkpb.Request) (*linkpb.Response, error) {
	type result struct {
		response *linkpb.Response
		err      error
	}
	got := make(chan result, 1)
	id, err := c.Go(req, func(r *linkpb.Response, err error) { got <- result{r, err} })
	if err != nil {
		return nil, err
	}
	select {
	case r := <-got:
		return r.response, r.err
	case <-ctx.Done():
		c.Forget(id)
		return nil, ctx.Err()
	}
}

// end closes the link; the first reason counts.
func (c *Conn) end(err error) {
	c.ending.Do(func() {
		c.err = err
		close(c.closing)
		c.out.close()
		c.nc.Close() // wakes reader and writer
	})
}

// write sends the queue, everything in it with one system call.
func (c *Conn) write() {
	var buf []byte
	for {
		select {
		case <-c.out.wake:
		case <-c.closing:
			return
		}
		for {
			// Let other senders go first: under load this makes one system call out of thirty, and
			// it costs an idle process nothing.
			runtime.Gosched()
			buf = c.out.take(buf)
			if len(buf) == 0 {
				break
			}
			if _, err := c.nc.Write(buf); err != nil {
				c.end(fmt.Errorf("%w: %w", ErrBroken, err))
				return
			}
		}
	}
}

// keepAlive pings and watches for silence. It is separate from write, which may be stuck in a
// system call when the peer is stuck.
func (c *Conn) keepAlive() {
	every, deadAfter := c.cfg.PingEvery, c.cfg.DeadAfter
	if c.cfg.Role == RoleNode && c.peer.Role == RoleNode {
		every, deadAfter = nodePace*every, nodePace*deadAfter
	}
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	peer := quiet{every: every, deadAfter: deadAfter, last: time.Now()}
	ping := new(linkpb.Ping)
	for {
		select {
		case <-ticker.C:
		case <-c.closing:
			c.hear(time.Now(), peer.heard)
			return
		}
		now := time.Now()
		if peer.silent(now, c.hear(now, peer.heard)) {
			c.end(ErrSilent)
			return
		}
		c.out.ping(kindPing, ping)
	}
}

// hear counts the reads that have returned data, and notes the time if there were fewer before.
func (c *Conn) hear(now time.Time, before uint64) uint64 {
	received := c.received.Load()
	if received != before {
		c.heard.Store(int64(now.Sub(c.born)))
	}
	return received
}

// quiet measures a peer's silence, less what this process did not run.
type quiet struct {
	every, deadAfter time.Duration
	last             time.Time // of the last tick
	heard            uint64    // reads by then
	silence          time.Duration
}

// silent takes a tick and reports whether the peer is to be called dead. A late tick means that
// this process was paused: what the peer sent meanwhile is still unread, so it cannot be called
// silent.
func (q *quiet) silent(now time.Time, received uint64) bool {
	step := min(now.Sub(q.last), 2*q.every)
	q.last = now
	if received != q.heard {
		q.heard, q.silence = received, 0
		return false
	}
	q.silence += step
	return q.silence >= q.deadAfter
}

// read passes the peer's frames to the handler until the link ends, then ends the rest of it.
func (c *Conn) read() {
	defer close(c.done)
	if c.cfg.Contacts != nil {
		c.cfg.Contacts.up(c)
	}
	if c.handler.Up != nil {
		c.handler.Up(c)
	}
	for c.Err() == nil {
		body, err := c.in.Next()
		if err == nil {
			err = c.dispatch(body)
		}
		if err != nil {
			c.end(readError(err))
		}
	}
	c.calls.fail(ErrBroken)
	c.writers.Wait()
	if c.cfg.Contacts != nil {
		c.cfg.Contacts.down(c)
	}
	if c.handler.Down != nil {
		c.handler.Down(c, c.err)
	}
}

func readError(err error) error {
	if errors.Is(err, io.EOF) {
		return fmt.Errorf("%w: closed by the peer", ErrBroken)
	}
	return fmt.Errorf("%w: %w", ErrBroken, err)
}

// countingReader counts the reads that returned data.
type countingReader struct {
	io.Reader
	n *atomic.Uint64
}

func (r countingReader) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	if n > 0 {
		r.n.Add(1)
	}
	return n, err
}
