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
// run. Each run has queues of its own, by stakes that nobody else plays for.
//
// It starts no cluster. Only bench and tests import it.
package queue

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"teahouse/bench/history"
	"teahouse/bench/proxy"
	"teahouse/deploy/cluster"
)

// Config is what a run does. Only State must be set.
type Config struct {
	State string // state file of the cluster
	Addr  string // overrides the address in it

	Players   int           // default 1000
	Cancel    float64       // share of the tickets that their players give back
	Duration  time.Duration // in which players join; 0 = all at once
	Queues    int           // how many queues they spread over; default 16, at most 10,000
	SpawnRate float64       // logins a second; 0 = all at once
	Kill      bool          // the coordinator's leader, in the middle; it is started again
	Faults    bool          // a proxy mistreats the commands
	Seed      uint64        // of players and faults

	Grace  time.Duration // bounds what comes after Duration; default 60 s
	Logger *slog.Logger  // default: none
}

func (c Config) withDefaults() (Config, error) {
	if c.State == "" {
		return c, errors.New("queue: Config.State is empty")
	}
	if c.Players < 0 || !(c.Cancel >= 0 && c.Cancel <= 1) || c.Duration < 0 || c.Queues < 0 || c.SpawnRate < 0 || c.Grace < 0 {
		return c, errors.New("queue: nothing may be below zero, and Cancel is a share")
	}
	if c.Queues > maxQueues {
		return c, fmt.Errorf("queue: %d queues, at most %d", c.Queues, maxQueues)
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
	queueName = "bench" // has no bots: who finds no company waits
	// Stakes are of this run alone, so that no player meets one of another run.
	minStake, maxStake = 1_000, 900_000
	maxQueues          = 10_000
)

// Bench is one run.
type Bench struct {
	cfg     Config
	cluster *cluster.Client
	addr    string
	stake   uint32 // of the first queue
	players []*player
	began   time.Time // all times of the history count from here

	proxy *proxy.Proxy // nil = none

	stopped chan struct{} // closed by Stop
	once    sync.Once
}

// New checks cfg and finds the cluster.
func New(cfg Config) (*Bench, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	client, err := cluster.Open(cfg.State)
	if err != nil {
		return nil, err
	}
	state, err := cluster.ReadState(cfg.State)
	if err != nil {
		return nil, err
	}
	b := &Bench{cfg: cfg, cluster: client, addr: state.Address, stopped: make(chan struct{})}
	b.stake = minStake + rand.Uint32N(maxStake-minStake-uint32(cfg.Queues))
	if cfg.Addr != "" {
		b.addr = cfg.Addr
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
	return nil
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
	leader, err := b.leader(ctx)
	if err != nil {
		return err
	}
	load := leader.measure()
	killed := make(chan error, 1)
	go func() {
		if b.cfg.Kill {
			sleep(open, b.cfg.Duration/2)
		} else {
			sleep(open, b.cfg.Duration+tail)
		}
		s.LeaderCPU = load()
		if !b.cfg.Kill {
			killed <- nil
			return
		}
		var err error
		s.Kill, err = b.kill(ctx)
		killed <- err
	}()
	b.each(func(p *player) error { p.run(ctx, open); return nil })
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
