package client

import (
	"errors"
	"net"
	"os"
	"sync"
	"time"

	"teahouse/pkg/client/engine"
	"teahouse/pkg/game"
	"teahouse/pkg/wire"
	"teahouse/pkg/wire/wirepb"
)

// conn is one connection. Its heartbeat needs neither a goroutine nor a timer: the read deadline
// triggers it, and reading continues afterwards.
type conn struct {
	// immutable
	nc   net.Conn
	stop func() bool // what closes it when the client ends

	// owned by run, and before that by who logs in
	welcome  *wirepb.Welcome
	away     time.Time // when the gateway will end the connection; zero = it has not said so
	frames   *wire.Reader
	every    time.Duration // between two heartbeat checks
	idle     time.Duration // silence after which the gateway is considered gone
	heard    time.Time     // when something was last read
	received func(*wirepb.Envelope)
	now      func() time.Time
	clock    engine.Clock // the gateway's

	sending func(*wirepb.Envelope) // immutable; nil = nobody watches

	mu   sync.Mutex // serialises writes
	buf  []byte     // reused between writes
	sent time.Time  // guarded by mu: when something was last written

	longest int // guarded by mu: longest frame body that the gateway accepts, in bytes
}

// errIdle means that the gateway has been silent for too long.
var errIdle = errors.New("client: the gateway is silent")

func newConn(nc net.Conn, cfg Config) *conn {
	now, timeout := time.Now(), cfg.ConnectTimeout
	c := &conn{
		nc: nc, every: timeout, idle: timeout, heard: now, sent: now, now: cfg.Now,
		received: cfg.Hooks.Received, sending: cfg.Hooks.Sent, longest: handshakeFrame,
	}
	c.frames = wire.NewReader(c, handshakeFrame, 2<<10)
	nc.SetDeadline(now.Add(timeout))
	return c
}

// handshakeFrame bounds frames until Welcome announces the limit.
const handshakeFrame = 16 << 10

// close ends the connection for both sides.
func (c *conn) close() {
	if c.stop != nil {
		c.stop()
	}
	c.nc.Close()
}

// welcomed takes over the heartbeats and limits of Welcome.
func (c *conn) welcomed() {
	w := c.welcome
	limits, err := wire.Limits{
		MaxFrame:  int(w.MaxFrame),
		Heartbeat: time.Duration(w.HeartbeatMs) * time.Millisecond,
		Idle:      time.Duration(w.IdleMs) * time.Millisecond,
	}.WithDefaults()
	if err != nil {
		limits, _ = wire.Limits{}.WithDefaults()
	}
	c.frames.SetMaxFrame(limits.MaxFrame)
	c.mu.Lock()
	c.longest = limits.MaxFrame
	c.mu.Unlock()
	// Twice as often as the gateway asks, so that a late ping still arrives in time.
	c.every, c.idle = limits.Heartbeat/2, limits.Idle
}

// Read implements io.Reader for the framing; each passed deadline triggers a heartbeat check.
func (c *conn) Read(p []byte) (int, error) {
	for {
		n, err := c.nc.Read(p)
		if n > 0 {
			c.heard = time.Now()
		}
		if n > 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
			return n, err
		}
		if err := c.beat(); err != nil {
			return 0, err
		}
	}
}

// askEvery is how often the gateway is asked for its time even if there is no need for a heartbeat:
// two clocks may drift apart by some milliseconds in that time.
const askEvery = 30 * time.Second

// beat pings if nothing was sent since the last check, or the gateway's time was not asked for in a
// while, and gives up on a silent gateway.
func (c *conn) beat() error {
	now := time.Now()
	if now.Sub(c.heard) >= c.idle {
		return errIdle
	}
	c.nc.SetReadDeadline(now.Add(c.every))
	// This one deadline holds for all writes until the next check: a gateway that does not read
	// must not block the callers forever.
	c.nc.SetWriteDeadline(now.Add(c.every + c.idle))
	c.mu.Lock()
	quiet := now.Sub(c.sent) >= c.every
	c.mu.Unlock()
	if !quiet && c.now().Sub(c.clock.Asked()) < askEvery {
		return nil
	}
	return c.send(c.ping())
}

// ping asks for a sign of life, and for the time. It is sent at once.
func (c *conn) ping() *wirepb.Envelope {
	return &wirepb.Envelope{Body: &wirepb.Envelope_Ping{Ping: &wirepb.Ping{Nonce: c.clock.Ping(c.now())}}}
}

// localize tells a push's time by this client's clock: what the gateway's said, or, while that is
// not known, that of its arrival. It is never later than that.
func (c *conn) localize(p *wirepb.Push) {
	at := c.now()
	if then, ok := c.clock.Local(p.TimeMs); ok && then.Before(at) {
		at = then
	}
	p.TimeMs = uint64(at.UnixMilli())
}

// send writes messages, in one go. One that no gateway would accept is not written, nor are the
// others, and the error carries a code; any other error closes the connection, so that the read loop
// ends too. It may be called from any goroutine.
func (c *conn) send(messages ...*wirepb.Envelope) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	buf := c.buf[:0]
	for _, e := range messages {
		before := len(buf)
		var err error
		if buf, err = wire.AppendEnvelope(buf, e); err != nil {
			return game.Errorf(wirepb.Code_BAD_REQUEST, "%v", err)
		}
		if n := len(buf) - before - wire.HeaderLen; n > c.longest {
			return game.Errorf(wirepb.Code_FRAME_TOO_LONG, "%d bytes, at most %d", n, c.longest)
		}
	}
	c.buf = buf
	if c.sending != nil {
		for _, e := range messages {
			c.sending(e)
		}
	}
	if _, err := c.nc.Write(buf); err != nil {
		c.nc.Close()
		return err
	}
	c.sent = time.Now()
	return nil
}

// goesAway takes the news that the gateway will end the connection.
func (c *conn) goesAway(g *wirepb.GoingAway) {
	if c.away.IsZero() {
		c.away = time.Now().Add(time.Duration(g.InMs) * time.Millisecond)
	}
}

// answer is next for the handshake, during which nobody can go anywhere yet.
func (c *conn) answer() (*wirepb.Envelope, error) {
	for {
		e, err := c.next()
		if err != nil || e.GetGoingAway() == nil {
			return e, err
		}
		c.goesAway(e.GetGoingAway())
	}
}

// next returns the next message that is not about the connection itself.
func (c *conn) next() (*wirepb.Envelope, error) {
	for {
		body, err := c.frames.Next()
		if err != nil {
			return nil, err
		}
		e, err := wire.ParseEnvelope(body)
		if err != nil {
			return nil, err
		}
		if c.received != nil {
			c.received(e)
		}
		switch b := e.Body.(type) {
		case *wirepb.Envelope_Ping:
			pong := &wirepb.Pong{Nonce: b.Ping.Nonce}
			if err := c.send(&wirepb.Envelope{Body: &wirepb.Envelope_Pong{Pong: pong}}); err != nil {
				return nil, err
			}
		case *wirepb.Envelope_Pong:
			c.clock.Pong(b.Pong, c.now())
		case *wirepb.Envelope_Bye:
			return nil, &engine.ByeError{Bye: b.Bye}
		default:
			return e, nil
		}
	}
}
