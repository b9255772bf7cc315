package client

import (
	"context"
	"errors"
	"fmt"
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
		if c.sleep(ctx, wait+c.jitter(failures)) != nil {
			err = ErrClosed
			break
		}
	}
	c.cancel() // in case the cluster ended it
	c.mu.Lock()
	c.engine.End(err)
	c.unlock()
}

// serve handles one connection and returns why it ended.
func (c *Client) serve(ctx context.Context) (loggedIn bool, err error) {
	setup, cancel := context.WithTimeout(ctx, c.cfg.ConnectTimeout)
	defer cancel()
	nc, err := c.cfg.Dial(setup, c.cfg.Addr)
	if err != nil {
		return false, err
	}
	defer nc.Close()
	stop := context.AfterFunc(ctx, func() { nc.Close() })
	defer stop()

	conn := newConn(nc, c.cfg)
	login, err := c.handshake(conn)
	if err != nil {
		return false, err
	}
	c.up(conn, login)
	err = c.read(conn)
	c.down(err)
	return true, err
}

// handshake says Hello and logs in. Nothing else is in flight yet, so it may simply wait.
func (c *Client) handshake(conn *conn) (*wirepb.LoginReply, error) {
	hello := &wirepb.Hello{Version: wire.Version, Client: c.cfg.Program}
	if err := conn.send(&wirepb.Envelope{Body: &wirepb.Envelope_Hello{Hello: hello}}); err != nil {
		return nil, err
	}
	e, err := conn.next()
	if err != nil {
		return nil, err
	}
	welcome := e.GetWelcome()
	if welcome == nil {
		return nil, errors.New("client: the gateway did not say Welcome")
	}

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
	if e, err = conn.next(); err != nil {
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
	// Only now: until the login, the deadline of the whole attempt applies.
	conn.welcomed(welcome)
	return login, conn.beat()
}

// up makes conn the connection of the session.
func (c *Client) up(conn *conn, login *wirepb.LoginReply) {
	c.mu.Lock()
	c.conn = conn
	resumed := c.engine.Up(login)
	c.unlock()
	if resumed && c.cfg.Hooks.Resumed != nil {
		c.cfg.Hooks.Resumed()
	}
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

// read handles the gateway's messages until the connection ends.
func (c *Client) read(conn *conn) error {
	for {
		e, err := conn.next()
		if err != nil {
			return err
		}
		c.mu.Lock()
		switch b := e.Body.(type) {
		case *wirepb.Envelope_Reply:
			c.engine.Reply(b.Reply)
		case *wirepb.Envelope_Push:
			conn.localize(b.Push)
			c.engine.Push(b.Push)
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
func (c *Client) jitter(failures int) time.Duration {
	span := c.cfg.BackoffMin << min(failures, 20)
	if span > c.cfg.BackoffMax || span <= 0 {
		span = c.cfg.BackoffMax
	}
	return time.Duration(c.rand.Int64N(int64(span) + 1))
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
