package reconnect

import (
	"context"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"teahouse/bench/outage"
	"teahouse/pkg/client"
	"teahouse/pkg/wire/wirepb"
)

// seats is how many players a table needs.
const seats = 4

// victim is the player whose connection is cut, and its table.
type victim struct {
	clients  []*client.Client // the first one is cut
	conn     atomic.Pointer[net.TCPConn]
	resumed  chan struct{} // a token once it is resumed
	cut      int           // so far
	switches atomic.Int64

	mu      sync.Mutex
	gateway string
	kept    outage.Keeper
}

func (v *victim) watch(f func(*outage.Keeper, time.Time)) {
	now := time.Now()
	v.mu.Lock()
	defer v.mu.Unlock()
	f(&v.kept, now)
}

// sit brings four players to one table.
func sit(ctx context.Context, addr string) (_ *victim, err error) {
	v := &victim{resumed: make(chan struct{}, 1)}
	defer func() {
		if err != nil {
			v.close()
		}
	}()
	for i := range seats {
		cfg := client.Config{Addr: addr, Program: "teahouse-bench"}
		if i == 0 {
			cfg.Dial, cfg.BackoffMin, cfg.BackoffMax = v.dial, time.Millisecond, 20*time.Millisecond
			cfg.Hooks.Received = v.received
			cfg.Hooks.Resumed = v.back
			cfg.Hooks.Sent = func(e *wirepb.Envelope) { v.watch(func(k *outage.Keeper, now time.Time) { k.Sent(e, now) }) }
			cfg.Hooks.Disconnected = func(error) { v.watch(func(k *outage.Keeper, now time.Time) { k.Lost(now) }) }
		}
		c, err := client.Dial(ctx, cfg)
		if err != nil {
			return nil, err
		}
		v.clients = append(v.clients, c)
	}
	joined := make(chan error, seats)
	for _, c := range v.clients {
		go func() { joined <- join(ctx, c) }()
	}
	for range v.clients {
		if e := <-joined; e != nil {
			err = e
		}
	}
	return v, err
}

// join queues and sits down; what the table says is left to wait.
func join(ctx context.Context, c *client.Client) error {
	if _, err := c.Join(ctx, &wirepb.JoinRequest{Queue: "bench", Hands: 1}); err != nil {
		return err
	}
	id, err := c.WaitMatched(ctx)
	if err != nil {
		return err
	}
	_, err = c.Attach(ctx, id)
	return err
}

func (v *victim) dial(ctx context.Context, addr string) (net.Conn, error) {
	var d net.Dialer
	c, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	v.conn.Store(c.(*net.TCPConn))
	return c, nil
}

// received notes which gateway speaks.
func (v *victim) received(e *wirepb.Envelope) {
	v.watch(func(k *outage.Keeper, now time.Time) { k.Received(e, now) })
	w := e.GetWelcome()
	if w == nil {
		return
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.gateway != "" && v.gateway != w.Gateway {
		v.switches.Add(1)
	}
	v.gateway = w.Gateway
}

// back notes a resume. Nobody may be waiting for it: whoever else breaks connections
// must not make the client wait.
func (v *victim) back() {
	select {
	case v.resumed <- struct{}{}:
	default:
	}
}

// forget takes back what back has noted.
func (v *victim) forget() {
	select {
	case <-v.resumed:
	default:
	}
}

// cuts cuts the connection so many times, each time when the session goes on.
func (v *victim) cuts(ctx context.Context, times int) error {
	for range times {
		v.forget()
		v.cut++
		v.breakConn(v.cut)
		select {
		case <-v.resumed:
		case <-ctx.Done():
			return ctx.Err()
		case <-v.clients[0].Done():
			return fmt.Errorf("cut %d has ended the client: %w", v.cut, v.clients[0].Err())
		}
		// Somebody who asks something, so that the session is used.
		if err := v.clients[0].Repeat(ctx, "queue.binding", 0, &wirepb.BindingRequest{}, nil); err != nil {
			return fmt.Errorf("after cut %d: %w", v.cut, err)
		}
	}
	return nil
}

// breakConn ends the present connection, in one of three ways.
func (v *victim) breakConn(way int) {
	c := v.conn.Load()
	switch way % 3 {
	case 1:
		c.SetLinger(0) // a reset
	case 2:
		c.Write([]byte{0, 0, 1, 0, 0x2a}) // of a frame of 256 bytes
		c.SetLinger(0)
	}
	c.Close()
}

func (v *victim) counts() (resumes, switches, wrong int) {
	s := v.clients[0].Stats()
	return int(s.Resumes), int(v.switches.Load()), int(s.Duplicates + s.Gaps)
}

func (v *victim) close() {
	for _, c := range v.clients {
		c.Close()
	}
}
