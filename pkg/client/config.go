package client

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"
	"unicode/utf8"

	"teahouse/pkg/game"
	"teahouse/pkg/wire/wirepb"
)

// Config tells how to reach the cluster. Only Addr is required.
type Config struct {
	// Addr is the gateway's host:port.
	Addr string
	// Name is a new guest's visible name; empty = made up by the cluster.
	Name string
	// Token resumes the session of a player; empty = a new guest. It is a secret.
	Token string
	// Program is the program and version shown in the operator's logs. Default: "teahouse-go".
	Program string

	// Dial opens a connection. Default: TCP.
	Dial func(ctx context.Context, addr string) (net.Conn, error)
	// ConnectTimeout bounds one attempt to connect and log in. Default: 20 s, because a
	// login waits at the gateway while the cluster has no leader.
	ConnectTimeout time.Duration
	// BackoffMin and BackoffMax bound the pause before reconnecting: a random part of a span that
	// doubles from the one to the other. Defaults: 50 ms and 5 s.
	BackoffMin, BackoffMax time.Duration
	// Games are those whose views are kept, see Table.View; the function returns nil for one that it
	// does not know. Default: none.
	Games func(name string) game.Game
	// MaxEvents is how many received events of a table are kept for Receive. Any more are dropped,
	// and fetched again once those have been read. Default: 1024.
	MaxEvents int
	// Seed makes the jitter repeatable; 0 = random.
	Seed uint64
	// Now is the clock that Event.At is told by. Default: time.Now.
	Now func() time.Time

	// Hooks must not block. They are called on the client's own goroutines: Disconnected, Resumed,
	// Departed and Noticed on one; Received and Sent on any, each of them one at a time; MoveAnswered on the
	// caller's.
	Hooks Hooks
	// Logger gets lost connections. Default: no logging.
	Logger *slog.Logger
}

// Hooks are called as things happen; each may be nil.
type Hooks struct {
	// Received gets every message from the gateway before it is acted on. While the client changes to
	// another gateway the messages of both come, in the order of their arrival.
	Received func(*wirepb.Envelope)
	// Sent sees every message to the gateway right before it is written, from whichever
	// goroutine writes it, one at a time.
	Sent func(*wirepb.Envelope)
	// Disconnected is called when a logged-in connection is lost, with the reason.
	Disconnected func(error)
	// Resumed is called when the session continues over a new connection after that.
	Resumed func()
	// Departed is called when the session continues over another gateway because the one before had
	// announced its end. No connection was lost.
	Departed func()
	// Noticed gets news of the tables that the client has attached to: Waiting, if nobody runs one for
	// longer than a moment, and that it is over once that was told; and Moving. There is nothing to be
	// done: what was sent is not lost.
	Noticed func(*wirepb.Notice)
	// MoveAnswered is called once per move with the code of its definite answer and the time from
	// the first send to that answer, resends included.
	MoveAnswered func(table game.TableID, number uint64, code wirepb.Code, took time.Duration)
}

// oneAtATime keeps the promise of Received and Sent while there are two connections, during a change
// of gateways.
func (h Hooks) oneAtATime() Hooks {
	serial := func(hook func(*wirepb.Envelope)) func(*wirepb.Envelope) {
		if hook == nil {
			return nil
		}
		var mu sync.Mutex
		return func(e *wirepb.Envelope) {
			mu.Lock()
			defer mu.Unlock()
			hook(e)
		}
	}
	h.Received, h.Sent = serial(h.Received), serial(h.Sent)
	return h
}

func (c Config) withDefaults() (Config, error) {
	if c.Addr == "" {
		return c, errors.New("client: Addr is empty")
	}
	for _, text := range []struct{ name, value string }{{"Name", c.Name}, {"Token", c.Token}, {"Program", c.Program}} {
		if !utf8.ValidString(text.value) {
			return c, fmt.Errorf("client: %s is not UTF-8", text.name)
		}
	}
	if c.Program == "" {
		c.Program = "teahouse-go"
	}
	if c.Dial == nil {
		var d net.Dialer
		c.Dial = func(ctx context.Context, addr string) (net.Conn, error) {
			return d.DialContext(ctx, "tcp", addr)
		}
	}
	for _, d := range []struct {
		name     string
		value    *time.Duration
		fallback time.Duration
	}{
		{"ConnectTimeout", &c.ConnectTimeout, 20 * time.Second},
		{"BackoffMin", &c.BackoffMin, 50 * time.Millisecond},
		{"BackoffMax", &c.BackoffMax, 5 * time.Second},
	} {
		if *d.value == 0 {
			*d.value = d.fallback
		}
		if *d.value < 0 {
			return c, fmt.Errorf("client: %s is %v", d.name, *d.value)
		}
	}
	if c.BackoffMax < c.BackoffMin {
		return c, fmt.Errorf("client: BackoffMax %v is below BackoffMin %v", c.BackoffMax, c.BackoffMin)
	}
	if c.MaxEvents == 0 {
		c.MaxEvents = 1024
	}
	if c.MaxEvents < 0 {
		return c, fmt.Errorf("client: MaxEvents is %d", c.MaxEvents)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c, nil
}
