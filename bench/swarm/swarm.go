// Package swarm plays: many guests made of code log in through one address, queue,
// sit down, play their hands to the end and queue again, and afterwards everything
// that they were told is audited.
//
//	s, err := swarm.New(swarm.Config{State: file, Players: 200, Duration: 30 * time.Second})
//	summary, err := s.Run(ctx)
//
// A player knows what its prompts say and nothing else. What a seat receives is
// kept in memory until its table is audited, after the play, so that auditing does
// not disturb what is measured; beyond Config.Memory the oldest tables are audited
// at once.
//
// It starts no cluster and breaks none: deploy/local does the one, bench/failover
// the other. Only bench imports it.
package swarm

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"runtime/pprof"
	"sync"
	"sync/atomic"
	"time"

	"teahouse/bench/audit"
	"teahouse/bench/openloop"
	"teahouse/bench/outage"
	"teahouse/bench/proof"
	"teahouse/bench/report"
	"teahouse/bench/target"
	"teahouse/pkg/game"
)

// Swarm is one run.
type Swarm struct {
	// immutable
	cfg     Config
	target  target.Target
	addr    string
	players []*player
	games   func(name string) game.Game
	ours    map[game.PlayerID]bool // set before playing is closed
	playing chan struct{}          // closed when the clock starts
	ended   chan struct{}          // closed when the play is over and hands are played out

	endOnce  sync.Once
	meter    meter
	book     *book
	cpu      *cpuMeter
	hearing  hearing
	rate     *openloop.Schedule // of moves; nil = everybody thinks for itself
	unscored bool               // nobody can ask the database: archives come from the gateways
	deaf     atomic.Bool        // set when nothing that is said counts any more

	// owned by play
	terms     map[uint32]uint64 // when the clock started
	elections *int              // since then; nil = unknown
}

// New checks cfg and finds the cluster.
func New(cfg Config) (*Swarm, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	t := target.Target{State: cfg.State, Addr: cfg.Addr, DB: cfg.DB, Status: cfg.Status}
	addr, _, err := t.Find()
	if err != nil {
		return nil, err
	}
	known, err := games()
	if err != nil {
		return nil, err
	}
	s := &Swarm{
		cfg: cfg, target: t, games: known, addr: addr, ours: make(map[game.PlayerID]bool),
		playing: make(chan struct{}), ended: make(chan struct{}), cpu: newCPUMeter(t),
	}
	if cfg.Rate > 0 {
		s.rate = openloop.New(cfg.Rate)
	}
	for i := range cfg.Players {
		s.players = append(s.players, newPlayer(s, i))
	}
	return s, nil
}

// Playing is closed when everybody is logged in and the clock starts.
func (s *Swarm) Playing() <-chan struct{} { return s.playing }

// Stop ends the play before its time. The open hands are played out, and Run returns
// the summary and the audit.
func (s *Swarm) Stop() { s.endOnce.Do(func() { close(s.ended) }) }

// Run plays. It may be called once. If ctx ends, there is no summary.
func (s *Swarm) Run(ctx context.Context) (report.Summary, error) {
	if err := target.Probe(ctx, s.addr); err != nil {
		return report.Summary{}, err
	}
	if err := s.target.Unanswered(ctx); err != nil {
		return report.Summary{}, err
	}
	records, done, err := s.records(ctx)
	if err != nil {
		return report.Summary{}, err
	}
	defer done()
	s.book = newBook(records, s.cfg.Memory)
	auditing := s.book.start(ctx, s.cfg.Auditors)
	defer auditing.Wait()
	defer s.book.finish() // so that the auditors end, whatever happens below

	defer s.closeAll()
	progress := s.startProgress()
	defer progress()
	if err := s.login(ctx); err != nil {
		return report.Summary{}, err
	}
	played := s.play(ctx)
	progress()
	if err := ctx.Err(); err != nil {
		return report.Summary{}, err
	}
	summary := s.summary(played)
	// What is said to a player from here on nobody notes, so it is no finding either.
	s.deaf.Store(true)
	for _, p := range s.players {
		p.cutOff()
	}
	if !s.unscored {
		s.closeAll()
	}
	s.book.finish()
	auditing.Wait()
	if err := errors.Join(ctx.Err(), s.book.err); err != nil {
		return summary, err
	}
	s.judge(&summary, s.book.result)
	return summary, nil
}

// play lasts until the duration is over and the open hands are played out.
func (s *Swarm) play(ctx context.Context) (played time.Duration) {
	if s.cfg.Profile != nil {
		if err := pprof.StartCPUProfile(s.cfg.Profile); err != nil {
			s.cfg.Logger.Warn("no profile", "err", err)
		}
	}
	s.cpu.begin()
	s.terms = terms(ctx, s.target)
	began := time.Now()
	s.forget(began) // the logins are no part of the play
	close(s.playing)
	graced, abort := context.WithCancel(ctx)
	defer abort()
	var players sync.WaitGroup
	for _, p := range s.players {
		players.Go(func() { p.run(graced) })
	}
	clock := time.NewTimer(s.cfg.Duration)
	defer clock.Stop()
	select {
	case <-clock.C:
	case <-s.ended:
	case <-ctx.Done():
	}
	s.meter.freeze()
	if s.rate != nil {
		s.meter.missing.Store(int64(s.rate.Missing(time.Now())))
	}
	s.cpu.end()
	played = time.Since(began)
	s.elections = elections(s.terms, terms(ctx, s.target))
	if s.cfg.Profile != nil {
		pprof.StopCPUProfile()
	}
	s.Stop()
	grace := time.AfterFunc(s.cfg.Grace, abort)
	defer grace.Stop()
	players.Wait()
	return played
}

// summary is what the players lived through. Their clients still run.
func (s *Swarm) summary(played time.Duration) report.Summary {
	sum := report.Summary{Players: len(s.players), DurationS: played.Seconds(), Elections: s.elections}
	s.meter.into(&sum)
	if s.rate != nil {
		sum.Open = s.meter.open(s.cfg.Rate)
	}
	sum.Outages = s.outages(time.Now())
	sum.LongestOutageMS = sum.Outages.LongestMS
	for _, p := range s.players {
		stats := p.client.Stats()
		sum.Disconnects += int(stats.Disconnects)
		sum.Resumes += int(stats.Resumes)
		sum.Departures += int(stats.Departures)
	}
	sum.CPUPerMove = s.cpu.perMove(s.meter.inPlay())
	return sum
}

// judge adds the audit.
func (s *Swarm) judge(sum *report.Summary, r audit.Result) {
	sum.Audit, sum.NotAudited = r.Audit, s.notAudited()
	sum.HandsFinished, sum.HandsUnfinished, sum.PromptsUnreachable = r.HandsFinished, r.HandsUnfinished, r.Unreachable
	for _, note := range r.Notes {
		s.cfg.Logger.Warn("audit", "found", note)
	}
}

// Busy is how many moves are unanswered now, of those that match. gateway is the
// one that the player is connected to.
func (s *Swarm) Busy(match func(table game.TableID, gateway string) bool) (n int) {
	for _, p := range s.players {
		if table := game.TableID(p.moving.Load()); table != 0 && match(table, p.gatewayName()) {
			n++
		}
	}
	return n
}

// Moves is how many are acknowledged so far.
func (s *Swarm) Moves() int { return s.meter.acked() }

// LongestGap is the longest time so far from a move's first attempt to its answer.
func (s *Swarm) LongestGap() time.Duration { return time.Duration(s.meter.gap.Load()) }

// ForgetGap lets LongestGap and LongestOutage, and the summary's, begin anew.
func (s *Swarm) ForgetGap() {
	s.meter.gap.Store(0)
	s.forget(time.Now())
}

func (s *Swarm) forget(now time.Time) {
	for _, p := range s.players {
		p.watch.do(func(k *outage.Keeper) { k.Forget(now) })
	}
}

// login brings everybody in.
func (s *Swarm) login(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, s.cfg.LoginTimeout,
		fmt.Errorf("not everybody could log in within %v", s.cfg.LoginTimeout))
	defer cancel()
	// Ended is a reason to give up too: somebody pressed Ctrl-C.
	ctx, giveUp := context.WithCancelCause(ctx)
	defer giveUp(nil)
	go func() {
		select {
		case <-s.ended:
			giveUp(errors.New("stopped before the play began"))
		case <-ctx.Done():
		}
	}()

	var pause <-chan time.Time
	if s.cfg.SpawnRate > 0 {
		tick := time.NewTicker(time.Duration(float64(time.Second) / s.cfg.SpawnRate))
		defer tick.Stop()
		pause = tick.C
	}
	free := make(chan struct{}, maxLogins)
	var wg sync.WaitGroup
	for _, p := range s.players {
		if pause != nil {
			select {
			case <-pause:
			case <-ctx.Done():
			}
		}
		free <- struct{}{}
		wg.Go(func() {
			defer func() { <-free }()
			if err := p.login(ctx); err != nil {
				s.meter.failed(err)
				giveUp(fmt.Errorf("login: %w", err))
			}
		})
	}
	wg.Wait()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	for _, p := range s.players {
		s.ours[p.id] = true
	}
	return s.offered(ctx, s.players[0].client)
}

// maxLogins bounds the logins on their way.
const maxLogins = 32

// closeAll ends all clients. It may be called again.
func (s *Swarm) closeAll() {
	var wg sync.WaitGroup
	for _, p := range s.players {
		if p.client != nil {
			wg.Go(func() { p.client.Close() })
		}
	}
	wg.Wait()
}

// Config is what a swarm does. Only State or Addr must be set.
type Config struct {
	State  string   // state file of the cluster; "" = it has none
	Addr   string   // of a gateway; overrides that of the state file
	DB     string   // DSN of the database; overrides that of the state file
	Status []string // status pages of nodes and gateways, without a state file

	Players   int           // default 200
	Duration  time.Duration // of the play, from when all are logged in; default 30 s
	Queue     string        // default "bench"
	Mode      string        // of the queue; "" = its first
	Hands     uint32        // a round; default 1
	Pace      time.Duration // mean thinking time, exponential; 0 = at once
	Rate      float64       // moves a second of all players together, instead of Pace: an open loop; 0 = none
	SpawnRate float64       // logins a second; 0 = as fast as it goes
	Seed      uint64        // of thinking times and of what players leave to chance
	Grace     time.Duration // to play the open hands out; players then answer at once; default 60 s

	LoginTimeout time.Duration // for all together; default 60 s
	Memory       int           // bytes of received messages that wait for their audit; default 1 GiB
	Auditors     int           // workers; default 2

	// Acknowledged is called, from any goroutine, for each move that was
	// acknowledged, when its player has left the table; nil = nobody.
	Acknowledged func(game.TableID, game.PlayerID, audit.Move)

	// Proof is called, from any goroutine, for each hand that a player has played:
	// players then answer commitments with nonces. nil = nobody wants proofs.
	Proof func(*proof.Record)

	Profile  io.Writer      // gets a CPU profile of the play; nil = none
	Progress func(Progress) // called about once a second; nil = nobody
	Logger   *slog.Logger   // default: none
}

func (c Config) withDefaults() (Config, error) {
	if err := (target.Target{State: c.State, Addr: c.Addr}).Check("swarm"); err != nil {
		return c, err
	}
	if c.Players < 0 || c.Duration < 0 || c.Pace < 0 || !(c.Rate >= 0) || c.SpawnRate < 0 || c.Grace < 0 || c.LoginTimeout < 0 || c.Memory < 0 || c.Auditors < 0 {
		return c, errors.New("swarm: nothing may be below zero")
	}
	if c.Queue == "" {
		c.Queue = "bench"
	}
	setDefault(&c.Players, 200)
	setDefault(&c.Duration, 30*time.Second)
	setDefault(&c.Hands, 1)
	setDefault(&c.Grace, 60*time.Second)
	setDefault(&c.LoginTimeout, 60*time.Second)
	setDefault(&c.Memory, 1<<30)
	setDefault(&c.Auditors, 2)
	if c.Acknowledged == nil {
		c.Acknowledged = func(game.TableID, game.PlayerID, audit.Move) {}
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c, nil
}

func setDefault[T comparable](v *T, value T) {
	if *v == *new(T) {
		*v = value
	}
}
