// Package proxy sits between clients and a gateway and mistreats queue commands: it delays and
// repeats them, lets later messages overtake them, and breaks connections.
//
//	p, err := proxy.Listen(proxy.Config{Target: "127.0.0.1:7700", Seed: 1, Delay: 0.2, Repeat: 0.2, Reorder: 0.2, Cut: 0.05})
//	defer p.Close()
//	c, err := client.Dial(ctx, client.Config{Addr: p.Addr()})
//
// It breaks a connection only on the client's side. The gateway's side stays open for a while, and
// delayed frames still arrive there, followed by one more copy of the last command: by then the
// client uses another connection.
//
// Everything else passes unchanged and in order. Only bench imports it.
package proxy

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// Config says what to do to queue commands. Target is required.
type Config struct {
	Target string // the gateway's host:port
	Seed   uint64 // for all random choices; the n-th connection has its own

	// Delay holds a command and all that follows it, Reorder only the command. Repeat sends a copy
	// later. Cut breaks the connection soon after. Each is a probability per command.
	Delay, Reorder, Repeat, Cut float64

	MaxHold time.Duration // bounds each delay; default 30 ms
	Linger  time.Duration // how long the gateway's side outlives the client's; default 200 ms
}

func (c Config) withDefaults() (Config, error) {
	if c.Target == "" {
		return c, errors.New("proxy: Config.Target is empty")
	}
	for _, chance := range []float64{c.Delay, c.Reorder, c.Repeat, c.Cut} {
		if !(chance >= 0 && chance <= 1) {
			return c, fmt.Errorf("proxy: a chance of %v", chance)
		}
	}
	if c.MaxHold < 0 || c.Linger < 0 {
		return c, errors.New("proxy: no time may be below zero")
	}
	if c.MaxHold == 0 {
		c.MaxHold = 30 * time.Millisecond
	}
	if c.Linger == 0 {
		c.Linger = 200 * time.Millisecond
	}
	return c, nil
}

// Counts are what was done so far.
type Counts struct {
	Connections int `json:"connections"`
	Commands    int `json:"queue_commands"`
	Delayed     int `json:"delayed"`
	Reordered   int `json:"reordered"`
	Repeated    int `json:"repeated"`
	Cut         int `json:"cut"`
}

// Proxy is one listener.
type Proxy struct {
	cfg    Config
	ln     net.Listener
	cancel context.CancelFunc
	done   sync.WaitGroup

	counts struct{ connections, commands, delayed, reordered, repeated, cut atomic.Int64 }
}

// Listen starts on a free port of 127.0.0.1.
func Listen(cfg Config) (*Proxy, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	p := &Proxy{cfg: cfg, ln: ln, cancel: cancel}
	p.done.Go(func() { p.accept(ctx) })
	return p, nil
}

// Addr is where clients connect.
func (p *Proxy) Addr() string { return p.ln.Addr().String() }

// Counts may be called at any time.
func (p *Proxy) Counts() Counts {
	n := &p.counts
	return Counts{
		Connections: int(n.connections.Load()), Commands: int(n.commands.Load()),
		Delayed: int(n.delayed.Load()), Reordered: int(n.reordered.Load()),
		Repeated: int(n.repeated.Load()), Cut: int(n.cut.Load()),
	}
}

// Close breaks all connections and waits for their goroutines.
func (p *Proxy) Close() error {
	p.cancel()
	err := p.ln.Close()
	p.done.Wait()
	return err
}

func (p *Proxy) accept(ctx context.Context) {
	for {
		client, err := p.ln.Accept()
		if err != nil {
			return // closed
		}
		n := p.counts.connections.Add(1)
		chance := rand.New(rand.NewPCG(p.cfg.Seed, uint64(n)))
		p.done.Go(func() { p.serve(ctx, client, chance) })
	}
}

// serve handles one connection.
func (p *Proxy) serve(ctx context.Context, client net.Conn, chance *rand.Rand) {
	defer client.Close()
	var dial net.Dialer
	gateway, err := dial.DialContext(ctx, "tcp", p.cfg.Target)
	if err != nil {
		return
	}
	defer gateway.Close()
	defer context.AfterFunc(ctx, func() { client.Close(); gateway.Close() })()

	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var wg sync.WaitGroup
	frames := make(chan held)
	wg.Go(func() {
		defer close(frames)
		p.read(ctx, client, frames, chance)
	})
	wg.Go(func() {
		defer cancel() // without the gateway there is nothing to wait for
		defer client.Close()
		answers(client, gateway)
	})
	newQueue(p.cfg, client, gateway).run(ctx, frames)
	gateway.Close()
	client.Close()
	cancel()
	wg.Wait()
}
