package client

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	"teahouse/pkg/client/engine"
	"teahouse/pkg/game"
	"teahouse/pkg/wire/wirepb"
)

// ErrClosed is returned after Close.
var ErrClosed = errors.New("client: closed")

// Client is one player's session. Its methods may be called from any goroutine.
type Client struct {
	// immutable
	cfg    Config
	cancel context.CancelFunc
	done   chan struct{} // closed when run has ended

	// owned by run
	rand *rand.Rand

	mu      sync.Mutex
	engine  *engine.Engine
	conn    *conn         // nil unless logged in
	changed chan struct{} // closed and replaced when anything that is waited for changes
}

// Stats counts what happened to a client.
type Stats = engine.Stats

func (c *Client) Stats() Stats {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.engine.Stats()
}

// Dial connects and logs in, as a new guest or with the Config's token, and retries until ctx ends.
// The error is that of the last attempt, or a definite refusal, which carries a code (see
// game.CodeOf). ctx bounds the dialling only; the client lives until Close.
func Dial(ctx context.Context, cfg Config) (*Client, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	seed := cfg.Seed
	if seed == 0 {
		seed = rand.Uint64()
	}
	cfg.Hooks = cfg.Hooks.oneAtATime()
	life, cancel := context.WithCancel(context.Background())
	c := &Client{
		cfg:     cfg,
		cancel:  cancel,
		done:    make(chan struct{}),
		rand:    rand.New(rand.NewPCG(seed, 0)),
		engine:  engine.New(engine.Config{Name: cfg.Name, Token: cfg.Token, Device: rand.Uint64(), MaxEvents: cfg.MaxEvents}),
		changed: make(chan struct{}),
	}
	last := &lastError{}
	go c.run(life, last)
	if err := c.await(ctx, func() bool { return c.conn != nil }); err != nil {
		c.Close()
		return nil, errors.Join(err, last.get())
	}
	return c, nil
}

// Close ends the session's connection and waits until the client has ended. The player may come
// back later with the Token.
func (c *Client) Close() error {
	c.cancel()
	<-c.done
	return nil
}

// Done is closed when the client has ended: by Close, or because reconnecting is pointless.
func (c *Client) Done() <-chan struct{} { return c.done }

// Err returns why the client has ended: ErrClosed, or an error that carries a code such as
// SUPERSEDED; nil while it lives.
func (c *Client) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.engine.Err()
}

// Player is the logged-in player.
func (c *Client) Player() game.PlayerID {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.engine.Player()
}

// Token resumes this session elsewhere. It is a secret.
func (c *Client) Token() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.engine.Token()
}

// Table is the table that the player was bound to at the last login or resume, or by a match since
// then; 0 = none.
func (c *Client) Table() game.TableID {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.engine.Bound()
}

// Call sends one request and waits for its answer; resp may be nil. Without a connection it waits
// for one. A refusal is an error that carries the answer's code (see game.CodeOf); resp is filled
// in if the refusal has a payload. If the connection breaks before the answer, the code is
// OUTCOME_UNKNOWN. Other errors: that of ctx, and Err.
func (c *Client) Call(ctx context.Context, method string, table game.TableID, req, resp proto.Message) error {
	return c.call(ctx, c.engine.Call, method, table, req, resp)
}

// Repeat is Call for idempotent requests: it resends until the answer is definite (see
// wire.Definite).
func (c *Client) Repeat(ctx context.Context, method string, table game.TableID, req, resp proto.Message) error {
	return c.call(ctx, c.engine.Repeat, method, table, req, resp)
}

type calling func(method string, table game.TableID, payload []byte, resp proto.Message, done func(error)) *engine.Request

func (c *Client) call(ctx context.Context, how calling, method string, table game.TableID, req, resp proto.Message) error {
	payload, err := proto.Marshal(req)
	if err != nil {
		return fmt.Errorf("client: %s: %w", method, err)
	}
	err, waited := wait(ctx, c, func(done func(error)) *engine.Request { return how(method, table, payload, resp, done) })
	if waited != nil {
		return waited
	}
	return err
}

// wait starts a request and waits for its result. If ctx ends first, the request is given up and
// the error is that of ctx.
func wait[T any](ctx context.Context, c *Client, start func(done func(T)) *engine.Request) (result T, err error) {
	ended := make(chan T, 1)
	c.mu.Lock()
	r := start(func(v T) { ended <- v })
	c.unlock()
	select {
	case result = <-ended:
		return result, nil
	case <-ctx.Done():
	}
	c.mu.Lock()
	r.Cancel()
	c.unlock()
	return result, ctx.Err()
}

// unlock releases mu and carries out the Engine's output.
func (c *Client) unlock() {
	out := c.engine.Take()
	conn := c.conn
	if out.Changed {
		close(c.changed)
		c.changed = make(chan struct{})
	}
	c.mu.Unlock()
	var refused []*wirepb.Reply
	for _, call := range out.Calls {
		// A failed write also ends the read loop, which answers all open calls.
		err := conn.send(&wirepb.Envelope{Body: &wirepb.Envelope_Call{Call: call}})
		if code := game.CodeOf(err, wirepb.Code_OK); code != wirepb.Code_OK {
			refused = append(refused, &wirepb.Reply{Id: call.Id, Code: code, Detail: err.Error()})
		}
	}
	if len(refused) > 0 {
		c.mu.Lock()
		for _, r := range refused {
			c.engine.Reply(r)
		}
		c.unlock()
	}
	for _, t := range out.Timers {
		time.AfterFunc(t.After, func() {
			c.mu.Lock()
			t.Fire()
			c.unlock()
		})
	}
	if hook := c.cfg.Hooks.Noticed; hook != nil {
		for _, n := range out.Notices {
			hook(n)
		}
	}
	for _, done := range out.Done {
		done()
	}
}

// await blocks until cond, which is called with c.mu held, is true, or until ctx or the client
// ends.
func (c *Client) await(ctx context.Context, cond func() bool) error {
	for {
		c.mu.Lock()
		ok, err, changed := cond(), c.engine.Err(), c.changed
		c.mu.Unlock()
		if ok {
			return nil
		}
		if err != nil {
			return err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
