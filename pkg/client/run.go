package client

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	"teahouse/pkg/game"
	"teahouse/pkg/wire"
	"teahouse/pkg/wire/wirepb"
)

// run keeps the session: connect, log in, read until the connection breaks, again.
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
		wait, final := c.verdict(err)
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
	c.cancel() // for the case that the cluster ended it
	c.mu.Lock()
	c.err = err
	c.changedLocked()
	for _, t := range c.tables {
		t.stopRetryLocked()
		t.wakeUp()
	}
	c.mu.Unlock()
}

// serve is the life of one connection. It returns why it ended.
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

	conn := newConn(nc, c.cfg.ConnectTimeout, c.cfg.Hooks.Received)
	login, err := c.handshake(conn)
	if err != nil {
		return false, err
	}
	c.up(conn, login)
	err = c.read(conn)
	c.down(err)
	return true, err
}

// handshake says Hello and logs in. Nothing else is on its way yet, so it may simply wait.
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
	token := c.login.Token
	c.mu.Unlock()
	method, req := "auth.guest", proto.Message(&wirepb.GuestRequest{Name: c.cfg.Name})
	if token != "" {
		method, req = "auth.resume", &wirepb.ResumeRequest{Token: token}
	}
	payload, err := proto.Marshal(req)
	if err != nil {
		return nil, err
	}
	call := &wirepb.Call{Method: method, Payload: payload}
	if err := conn.send(&wirepb.Envelope{Body: &wirepb.Envelope_Call{Call: call}}); err != nil {
		return nil, err
	}
	if e, err = conn.next(); err != nil {
		return nil, err
	}
	reply := e.GetReply()
	if reply == nil {
		return nil, fmt.Errorf("client: no reply to %s", method)
	}
	login := &wirepb.LoginReply{}
	if err := decode(method, reply, login); err != nil {
		return nil, err
	}
	// Only now: until the login the deadline of the whole attempt holds.
	conn.welcomed(welcome)
	return login, conn.beat()
}

// up makes conn the connection of the session and attaches the tables to it.
func (c *Client) up(conn *conn, login *wirepb.LoginReply) {
	c.mu.Lock()
	resumed := c.gen > 0
	if login.Token == "" {
		login.Token = c.login.Token
	}
	c.gen++
	c.conn = conn
	proto.Reset(&c.login)
	proto.Merge(&c.login, login)
	c.queue.loggedIn(login)
	tables := make([]*Table, 0, len(c.tables))
	for _, t := range c.tables {
		tables = append(tables, t)
	}
	c.changedLocked()
	c.mu.Unlock()
	if resumed {
		c.stats.resumes.Add(1)
		if c.cfg.Hooks.Resumed != nil {
			c.cfg.Hooks.Resumed()
		}
	}
	for _, t := range tables {
		t.attach()
	}
}

// down takes the connection away from the session. The open calls end with OUTCOME_UNKNOWN.
func (c *Client) down(err error) {
	c.mu.Lock()
	c.conn = nil
	calls := c.calls
	c.calls = map[uint64]func(*wirepb.Reply, error){}
	c.changedLocked()
	c.mu.Unlock()
	c.stats.disconnects.Add(1)
	c.cfg.Logger.Debug("connection lost", "err", err)
	if c.cfg.Hooks.Disconnected != nil {
		c.cfg.Hooks.Disconnected(err)
	}
	for _, done := range calls {
		done(nil, game.Errorf(wirepb.Code_OUTCOME_UNKNOWN, "connection lost: %v", err))
	}
}

// read handles what the gateway says until the connection ends.
func (c *Client) read(conn *conn) error {
	for {
		e, err := conn.next()
		if err != nil {
			return err
		}
		switch b := e.Body.(type) {
		case *wirepb.Envelope_Reply:
			c.mu.Lock()
			done := c.calls[b.Reply.Id]
			delete(c.calls, b.Reply.Id)
			c.mu.Unlock()
			if done != nil {
				done(b.Reply, nil)
			}
		case *wirepb.Envelope_Push:
			c.push(b.Push)
		default:
			return fmt.Errorf("client: the gateway sent an unexpected %T", e.Body)
		}
	}
}

func (c *Client) push(p *wirepb.Push) {
	if p.Kind == wirepb.Push_NOTICE {
		c.notice(p)
		return
	}
	c.mu.Lock()
	t := c.tables[game.TableID(p.Table)]
	c.mu.Unlock()
	if t != nil {
		t.push(p)
	}
}

// verdict says whether coming back makes sense, and how long to wait at least.
func (c *Client) verdict(err error) (wait time.Duration, final error) {
	var bye *byeError
	if errors.As(err, &bye) {
		if !bye.bye.Reconnect {
			return 0, game.Errorf(bye.bye.Code, "the gateway ended the session: %s", bye.bye.Detail)
		}
		return time.Duration(bye.bye.AfterMs) * time.Millisecond, nil
	}
	switch game.CodeOf(err, wirepb.Code_OK) {
	case wirepb.Code_TOKEN_INVALID, wirepb.Code_TOKEN_EXPIRED, wirepb.Code_BAD_REQUEST,
		wirepb.Code_SUPERSEDED, wirepb.Code_VERSION_UNSUPPORTED:
		return 0, err
	}
	return 0, nil
}

// jitter is a random part of a span that doubles with each failure in a row.
func (c *Client) jitter(failures int) time.Duration {
	span := c.cfg.BackoffMin << min(failures, 20)
	if span > c.cfg.BackoffMax || span <= 0 {
		span = c.cfg.BackoffMax
	}
	return time.Duration(c.rand.Int64N(int64(span) + 1))
}

// pause waits before the same call is sent again: not at all the first time, because a
// broken connection has taken its time already.
func (c *Client) pause(ctx context.Context, try int) error {
	c.stats.resends.Add(1)
	if try == 0 {
		return nil
	}
	return c.sleep(ctx, min(5*time.Millisecond<<min(try, 10), 500*time.Millisecond))
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

// lastError remembers why the last attempt failed, for whoever gives up waiting.
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
