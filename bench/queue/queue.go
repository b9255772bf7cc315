// Package queue loads the coordinator: many players join queues, half of them cancel, some
// of them twice or too late or with an old ticket, while its leader may be killed and a proxy
// may mistreat their commands. Afterwards every binding is read from the coordinator, and
// the whole history is checked.
//
//	b, err := queue.New(queue.Config{State: file, Players: 1000, Cancel: 0.5, Kill: true})
//	summary, err := b.Run(ctx)
//
// Whoever gets a table leaves it alone: the load is to be on the queues. The tables wait
// ten seconds for their seats and then play themselves, slowly, which may go on after the
// run. Each run spreads over kinds of tables, by mode and stake, for which nobody waits when it
// begins. Two runs at the same time on one cluster may choose the same one and find each other.
//
// It starts no cluster. Only bench and tests import it.
package queue

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"teahouse/bench/history"
	"teahouse/bench/openloop"
	"teahouse/bench/proxy"
	"teahouse/bench/report"
	"teahouse/bench/target"
	"teahouse/deploy/cluster"
)

// Config is what a run does. Only State or Addr must be set.
type Config struct {
	State  string   // state file of the cluster; "" = it has none
	Addr   string   // of a gateway; overrides that of the state file
	Status []string // status pages of nodes, without a state file

	Players   int           // default 1000
	Cancel    float64       // share of the tickets that their players give back
	Duration  time.Duration // in which players join; 0 = all at once
	Queues    int           // how many kinds of tables they spread over; default 16, at most as many as are free
	Rate      float64       // joins a second, in an open loop, instead of at random; 0 = none
	SpawnRate float64       // logins a second; 0 = all at once
	Kill      bool          // the coordinator's leader, in the middle; it is started again
	Faults    bool          // a proxy mistreats the commands
	Seed      uint64        // of players and faults

	Grace  time.Duration // bounds what comes after Duration; default 60 s
	Logger *slog.Logger  // default: none
}

func (c Config) withDefaults() (Config, error) {
	if err := (target.Target{State: c.State, Addr: c.Addr}).Check("queue"); err != nil {
		return c, err
	}
	if c.Kill && c.State == "" {
		return c, errors.New("queue: only the supervisor of a local cluster kills: --kill needs its state file")
	}
	if c.Players < 0 || !(c.Cancel >= 0 && c.Cancel <= 1) || c.Duration < 0 || c.Queues < 0 || c.SpawnRate < 0 || !(c.Rate >= 0) || c.Grace < 0 {
		return c, errors.New("queue: nothing may be below zero, and Cancel is a share")
	}
	if c.Players == 0 {
		c.Players = 1000
	}
	if c.Queues == 0 {
		c.Queues = 16
	}
	if c.Grace == 0 {
		c.Grace = time.Minute
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c, nil
}

const (
	seats     = 4       // of a table
	hands     = 1       // of a round
	queueName = "bench" // has no bots: who finds no company waits
)

// Bench is one run.
type Bench struct {
	cfg     Config
	cluster *cluster.Client // nil = nobody kills
	target  target.Target
	rate    *openloop.Schedule // of joins; nil = at random
	addr    string
	kinds   []kind // of tables: the queues of this run
	players []*player
	began   time.Time // all times of the history count from here

	proxy *proxy.Proxy // nil = none

	mu      sync.Mutex
	due     report.Latency // joins, from when they should have been made
	missing int            // joins that were due when the play ended

	stopped chan struct{} // closed by Stop
	once    sync.Once
}

// New checks cfg and finds the cluster.
func New(cfg Config) (*Bench, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	b := &Bench{
		cfg: cfg, target: target.Target{State: cfg.State, Addr: cfg.Addr, Status: cfg.Status}, stopped: make(chan struct{}),
	}
	if b.addr, _, err = b.target.Find(); err != nil {
		return nil, err
	}
	if cfg.State != "" {
		if b.cluster, err = cluster.Open(cfg.State); err != nil {
			return nil, err
		}
	}
	if cfg.Rate > 0 {
		b.rate = openloop.New(cfg.Rate)
	}
	for i := range cfg.Players {
		b.players = append(b.players, newPlayer(b, i))
	}
	return b, nil
}

// Stop ends the joining before its time; the rest goes on.
func (b *Bench) Stop() { b.once.Do(func() { close(b.stopped) }) }

// Run makes the run. The summary is whole even if a promise was broken: see Held. It may be
// called once.
func (b *Bench) Run(ctx context.Context) (s Summary, err error) {
	b.began = time.Now()
	if err := target.Probe(ctx, b.addr); err != nil {
		return s, err
	}
	if err := b.target.Unanswered(ctx); err != nil {
		return s, err
	}
	if b.cfg.Faults {
		b.proxy, err = proxy.Listen(proxy.Config{
			Target: b.addr, Seed: b.cfg.Seed, Delay: 0.1, Reorder: 0.1, Repeat: 0.2, Cut: 0.03,
		})
		if err != nil {
			return s, err
		}
		defer b.proxy.Close()
		b.addr = b.proxy.Addr()
	}
	defer b.closeAll()
	if err := b.login(ctx, &s); err != nil {
		return s, err
	}
	if err := b.play(ctx, &s); err != nil {
		return s, err
	}
	graced, cancel := context.WithTimeout(ctx, b.cfg.Grace)
	defer cancel()
	if s.Stuck, err = b.settle(graced); err != nil {
		return s, err
	}
	over, err := b.over(graced)
	if err != nil {
		return s, err
	}
	b.summarize(&s, history.Config{Seats: seats, Over: over})
	b.leave(graced)
	return s, nil
}

// login brings everybody in.
func (b *Bench) login(ctx context.Context, s *Summary) error {
	ctx, cancel := context.WithTimeout(ctx, b.cfg.Grace)
	defer cancel()
	began := time.Now()
	err := b.each(func(p *player) error {
		if b.cfg.SpawnRate > 0 {
			sleep(ctx, time.Until(began.Add(time.Duration(float64(p.index)/b.cfg.SpawnRate*float64(time.Second)))))
		}
		return p.login(ctx)
	})
	if err != nil {
		return fmt.Errorf("login: %w", err)
	}
	s.LoginsPerS = float64(len(b.players)) / time.Since(began).Seconds()
	return b.offered(ctx)
}

// tail is how long tickets wait once nobody joins any more.
const tail = time.Second

// play lets them join and cancel until the time is over, and kills meanwhile.
func (b *Bench) play(ctx context.Context, s *Summary) error {
	ctx, cancel := context.WithTimeout(ctx, b.cfg.Duration+b.cfg.Grace)
	defer cancel()
	open, end := context.WithTimeout(ctx, b.cfg.Duration+tail)
	defer end()
	go func() {
		select {
		case <-b.stopped:
			end()
		case <-open.Done():
		}
	}()

	began := time.Now()
	load := func() float64 { return 0 }
	if b.target.Visible() {
		leader, err := b.leader(ctx)
		if err != nil {
			return err
		}
		load = b.measure(ctx, leader)
	}
	b.each(func(p *player) error { p.forget(began); return nil }) // the logins are no part of it
	killed := make(chan error, 1)
	go func() {
		if b.cfg.Kill {
			sleep(open, b.cfg.Duration/2)
		} else {
			sleep(open, b.cfg.Duration+tail)
		}
		s.LeaderCPU = load()
		if b.rate != nil {
			b.mu.Lock()
			b.missing = b.rate.Missing(began.Add(b.cfg.Duration))
			b.mu.Unlock()
		}
		if !b.cfg.Kill {
			killed <- nil
			return
		}
		var err error
		s.Kill, err = b.kill(ctx)
		killed <- err
	}()
	b.each(func(p *player) error { p.run(ctx, open); return nil })
	b.outages(s, time.Now())
	s.DurationS, s.played = time.Since(began).Seconds(), b.now()
	end()
	if err := <-killed; err != nil {
		return err
	}
	if ctx.Err() != nil {
		return fmt.Errorf("not everybody was answered within %v: %w", b.cfg.Grace, ctx.Err())
	}
	return nil
}

// each does something for all players at once. It returns the first error.
func (b *Bench) each(do func(*player) error) error {
	var wg sync.WaitGroup
	var once sync.Once
	var first error
	for _, p := range b.players {
		wg.Go(func() {
			if err := do(p); err != nil {
				once.Do(func() { first = err })
			}
		})
	}
	wg.Wait()
	return first
}

func (b *Bench) closeAll() {
	b.each(func(p *player) error {
		if p.client != nil {
			p.client.Close()
		}
		return nil
	})
}

func sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// now is the time of the history.
func (b *Bench) now() int64 { return int64(time.Since(b.began)) }
