package client

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"teahouse/pkg/client/engine"
	"teahouse/pkg/wire"
	"teahouse/pkg/wire/wirepb"
)

// run keeps the session: connect, log in, read until the connection breaks, repeat.
func (c *Client) run(ctx context.Context, last *lastError) {
	defer close(c.done)
	var err error
	for failures := 0; ; failures++ {
		var loggedIn bool
		loggedIn, err = c.serve(ctx)
		if ctx.Err() != nil {
			err = ErrClosed
			break
		}
		last.set(err)
		wait, final := engine.ComeBack(err)
		if final != nil {
			err = final
			break
		}
		if loggedIn {
			failures = 0
		}
		if c.sleep(ctx, wait+jitter(c.rand, c.cfg, failures)) != nil {
			err = ErrClosed
			break
		}
	}
	c.cancel() // in case the cluster ended it
	c.mu.Lock()
	c.engine.End(err)
	c.unlock()
}

// serve keeps one connection, and those that take its place because its gateway is going away, and
// returns why the last one ended.
func (c *Client) serve(ctx context.Context) (loggedIn bool, err error) {
	conn, err := c.connect(ctx, ctx)
	if err != nil {
		return false, err
	}
	defer func() { conn.close() }()
	login, err := c.login(conn)
	if err != nil {
		return false, err
	}
	if c.up(conn, login) && c.cfg.Hooks.Resumed != nil {
		c.cfg.Hooks.Resumed()
	}
	for {
		d := c.departure(ctx, conn)
		next, err := d.end(c, c.read(conn, d))
		if next == nil {
			c.down(err)
			return true, err
		}
		conn.close()
		conn = next
		if c.cfg.Hooks.Departed != nil {
			c.cfg.Hooks.Departed()
		}
	}
}

// connect dials and says Hello, while ctx lasts. The connection is closed at the end of life. Until
// the login the deadline of the whole attempt applies.
func (c *Client) connect(life, ctx context.Context) (_ *conn, err error) {
	setup, cancel := context.WithTimeout(ctx, c.cfg.ConnectTimeout)
	defer cancel()
	nc, err := c.cfg.Dial(setup, c.cfg.Addr)
	if err != nil {
		return nil, err
	}
	conn := newConn(nc, c.cfg)
	conn.stop = context.AfterFunc(life, func() { nc.Close() })
	defer context.AfterFunc(setup, func() { nc.Close() })()
	defer func() {
		if err != nil {
			conn.close()
		}
	}()
	hello := &wirepb.Hello{Version: wire.Version, Client: c.cfg.Program}
	if err := conn.send(&wirepb.Envelope{Body: &wirepb.Envelope_Hello{Hello: hello}}); err != nil {
		return nil, err
	}
	e, err := conn.answer()
	if err != nil {
		return nil, err
	}
	if conn.welcome = e.GetWelcome(); conn.welcome == nil {
		return nil, errors.New("client: the gateway did not say Welcome")
	}
	return conn, nil
}

// login logs in. Nothing else is in flight on the connection yet, so it may simply wait.
func (c *Client) login(conn *conn) (*wirepb.LoginReply, error) {
	c.mu.Lock()
	call, err := c.engine.Login()
	c.mu.Unlock()
	if err != nil {
		return nil, err
	}
	// The ping is answered before the login, so the gateway's time is known before the first event.
	if err := conn.send(conn.ping(), &wirepb.Envelope{Body: &wirepb.Envelope_Call{Call: call}}); err != nil {
		return nil, err
	}
	e, err := conn.answer()
	if err != nil {
		return nil, err
	}
	reply := e.GetReply()
	if reply == nil {
		return nil, fmt.Errorf("client: no reply to %s", call.Method)
	}
	login, err := engine.LoggedIn(call.Method, reply)
	if err != nil {
		return nil, err
	}
	conn.welcomed()
	return login, conn.beat()
}

// up makes conn the connection of the session.
func (c *Client) up(conn *conn, login *wirepb.LoginReply) (resumed bool) {
	c.mu.Lock()
	defer c.unlock()
	c.conn = conn
	return c.engine.Up(login)
}

// down removes the session's connection.
func (c *Client) down(err error) {
	c.mu.Lock()
	c.conn = nil
	c.engine.Down(err)
	c.unlock()
	c.cfg.Logger.Debug("connection lost", "err", err)
	if c.cfg.Hooks.Disconnected != nil {
		c.cfg.Hooks.Disconnected(err)
	}
}

// read handles the gateway's messages until the connection ends or another one has taken its place.
func (c *Client) read(conn *conn, d *departure) error {
	for {
		if !conn.away.IsZero() {
			d.begin(c, conn.away)
		}
		e, err := conn.next()
		if err != nil {
			return err
		}
		c.mu.Lock()
		switch b := e.Body.(type) {
		case *wirepb.Envelope_Reply:
			if c.conn == conn {
				c.engine.Reply(b.Reply)
			}
		case *wirepb.Envelope_Push:
			if c.conn == conn {
				conn.localize(b.Push)
				c.engine.Push(b.Push)
			}
		case *wirepb.Envelope_GoingAway:
			conn.goesAway(b.GoingAway)
		default:
			err = fmt.Errorf("client: the gateway sent an unexpected %T", e.Body)
		}
		c.unlock()
		if err != nil {
			return err
		}
	}
}

// jitter is a random part of a span that doubles with each consecutive failure.
func jitter(r *rand.Rand, cfg Config, failures int) time.Duration {
	span := cfg.BackoffMin << min(failures, 20)
	if span > cfg.BackoffMax || span <= 0 {
		span = cfg.BackoffMax
	}
	return time.Duration(r.Int64N(int64(span) + 1))
}

func (c *Client) sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// lastError remembers why the last attempt failed, for callers that give up waiting.
type lastError struct {
	mu  sync.Mutex
	err error
}

func (l *lastError) set(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.err = err
}

func (l *lastError) get() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.err
}
