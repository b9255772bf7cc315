package client

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"

	"google.golang.org/protobuf/proto"

	"teahouse/pkg/game"
	"teahouse/pkg/wire"
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

	commands chan struct{} // one token: the right to have a queue command on its way

	// owned by run
	rand *rand.Rand

	stats counters

	mu      sync.Mutex
	changed chan struct{} // closed and replaced when one of the fields below changes
	err     error         // why the client has ended for good
	conn    *conn         // nil unless logged in
	gen     uint64        // counts connections
	login   wirepb.LoginReply
	nextID  uint64
	calls   map[uint64]func(*wirepb.Reply, error) // by call id; taken out, then called without mu
	tables  map[game.TableID]*Table
	queue   queueState
}

type counters struct {
	disconnects, resumes, resends, duplicates, gaps, overflows atomic.Uint64
}

// Stats counts what a client has lived through.
type Stats struct {
	Disconnects uint64 // logged-in connections lost
	Resumes     uint64 // sessions continued over a new connection
	Resends     uint64 // calls sent again because the outcome was unknown
	Duplicates  uint64 // events received again and dropped
	Gaps        uint64 // events that came too early; the table was attached again
	Overflows   uint64 // times a table's queue was full
}

// Stats may be called at any time.
func (c *Client) Stats() Stats {
	return Stats{
		Disconnects: c.stats.disconnects.Load(),
		Resumes:     c.stats.resumes.Load(),
		Resends:     c.stats.resends.Load(),
		Duplicates:  c.stats.duplicates.Load(),
		Gaps:        c.stats.gaps.Load(),
		Overflows:   c.stats.overflows.Load(),
	}
}

// Dial connects and logs in, as a new guest or with the Config's token, trying again until
// ctx ends. The error is that of the last attempt, or a definite refusal, which carries a
// code (see game.CodeOf). ctx bounds the dialling only; the client lives until Close.
func Dial(ctx context.Context, cfg Config) (*Client, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	seed := cfg.Seed
	if seed == 0 {
		seed = rand.Uint64()
	}
	life, cancel := context.WithCancel(context.Background())
	c := &Client{
		cfg:      cfg,
		cancel:   cancel,
		done:     make(chan struct{}),
		commands: make(chan struct{}, 1),
		rand:     rand.New(rand.NewPCG(seed, 0)),
		changed:  make(chan struct{}),
		calls:    map[uint64]func(*wirepb.Reply, error){},
		tables:   map[game.TableID]*Table{},
	}
	c.login.Token = cfg.Token
	last := &lastError{}
	go c.run(life, last)
	if err := c.await(ctx, func() bool { return c.conn != nil }); err != nil {
		c.Close()
		return nil, errors.Join(err, last.get())
	}
	return c, nil
}

// Close ends the session's connection and waits until the client has ended. The player may
// come back with the Token.
func (c *Client) Close() error {
	c.cancel()
	<-c.done
	return nil
}

// Done is closed when the client has ended: by Close, or because coming back makes no sense.
func (c *Client) Done() <-chan struct{} { return c.done }

// Err tells why the client has ended: ErrClosed, or an error that carries a code such as
// SUPERSEDED; nil while it lives.
func (c *Client) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// Player is who has logged in.
func (c *Client) Player() game.PlayerID {
	c.mu.Lock()
	defer c.mu.Unlock()
	return game.PlayerID(c.login.Player)
}

// Token resumes this session elsewhere. It is a secret.
func (c *Client) Token() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.login.Token
}

// Table is the table that the player was bound to at the last login or resume, or since
// then by a match; 0 = none.
func (c *Client) Table() game.TableID {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.queue.table
}

// Call sends one request and waits for its answer; resp may be nil. While there is no
// connection it waits for one. A refusal is an error that carries the answer's code (see
// game.CodeOf); resp is filled in if the refusal has a payload. When the connection breaks
// before the answer, the code is OUTCOME_UNKNOWN. Other errors: of ctx, and Err.
func (c *Client) Call(ctx context.Context, method string, table game.TableID, req, resp proto.Message) error {
	payload, err := proto.Marshal(req)
	if err != nil {
		return fmt.Errorf("client: %s: %w", method, err)
	}
	if err := c.await(ctx, func() bool { return c.conn != nil }); err != nil {
		return err
	}
	return c.callNow(ctx, method, table, payload, resp)
}

// Repeat is Call for requests whose repetition does no harm: it sends again until the answer
// is definite (see wire.Definite).
func (c *Client) Repeat(ctx context.Context, method string, table game.TableID, req, resp proto.Message) error {
	for try := 0; ; try++ {
		err := c.Call(ctx, method, table, req, resp)
		if !again(err) {
			return err
		}
		if err := c.pause(ctx, try); err != nil {
			return err
		}
	}
}

// callNow sends over the present connection, if there is one, and waits.
func (c *Client) callNow(ctx context.Context, method string, table game.TableID, payload []byte, resp proto.Message) error {
	type answer struct {
		reply *wirepb.Reply
		err   error
	}
	answered := make(chan answer, 1)
	id := c.send(method, table, payload, func(r *wirepb.Reply, err error) { answered <- answer{r, err} })
	select {
	case a := <-answered:
		if a.err != nil {
			return a.err
		}
		return decode(method, a.reply, resp)
	case <-ctx.Done():
		c.mu.Lock()
		delete(c.calls, id)
		c.mu.Unlock()
		return ctx.Err()
	}
}

// decode fills resp in, and turns a refusal into an error.
func decode(method string, r *wirepb.Reply, resp proto.Message) error {
	if resp != nil && (r.Code == wirepb.Code_OK || len(r.Payload) > 0) {
		if err := proto.Unmarshal(r.Payload, resp); err != nil {
			return fmt.Errorf("client: reply to %s: %w", method, err)
		}
	}
	if r.Code != wirepb.Code_OK {
		return game.Errorf(r.Code, "%s: %s", method, r.Detail)
	}
	return nil
}

// send starts a call over the present connection. done is called exactly once unless the
// caller takes the call out of c.calls: with the reply, or with an error that carries
// NOT_SENT or OUTCOME_UNKNOWN. It may be called before send returns, must not block, and
// must not be called with c.mu held.
func (c *Client) send(method string, table game.TableID, payload []byte, done func(*wirepb.Reply, error)) (id uint64) {
	c.mu.Lock()
	conn := c.conn
	if conn == nil {
		c.mu.Unlock()
		done(nil, game.Errorf(wirepb.Code_NOT_SENT, "%s: no connection", method))
		return 0
	}
	c.nextID++
	id = c.nextID
	c.calls[id] = done
	c.mu.Unlock()
	// A failed write also ends the read loop, which answers all open calls.
	conn.send(&wirepb.Envelope{Body: &wirepb.Envelope_Call{Call: &wirepb.Call{
		Id: id, Method: method, Table: uint64(table), Payload: payload,
	}}})
	return id
}

// again reports whether the same request should be sent again.
func again(err error) bool {
	return err != nil && !wire.Definite(game.CodeOf(err, wirepb.Code_OK))
}

// await blocks until cond, which is called with c.mu held, or until ctx or the client ends.
func (c *Client) await(ctx context.Context, cond func() bool) error {
	for {
		c.mu.Lock()
		ok, err, changed := cond(), c.err, c.changed
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

// changedLocked wakes whoever awaits. The caller holds c.mu.
func (c *Client) changedLocked() {
	close(c.changed)
	c.changed = make(chan struct{})
}
