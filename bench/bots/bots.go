package bots

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"time"

	"teahouse/pkg/game"
	"teahouse/pkg/mahjong"
)

// Random is the name of the player that picks any legal answer; the others are those of
// game.Strength.
const Random = "random"

// MaxHands bounds the hands of one run.
const MaxHands = 100_000_000

// Config describes a run.
type Config struct {
	A, B  string        // game.Strength by name, or Random
	Hands int           // a minimum, rounded up to whole sets of six; default 10,000
	Rules mahjong.Rules // default: mahjong.DefaultRules
	Seed  uint64        // for the deals and the random players
	// Workers is how many hands are played at the same time; default: one per CPU. It does not
	// affect the result.
	Workers int
}

func (c Config) withDefaults() (Config, error) {
	for _, name := range []string{c.A, c.B} {
		if name == Random {
			continue
		}
		if _, err := game.ParseStrength(name); err != nil {
			return c, fmt.Errorf("bots: %q is no player: want %s or one of %v", name, Random, game.Strengths())
		}
	}
	if c.Hands == 0 {
		c.Hands = 10_000
	}
	if c.Hands < 0 || c.Hands > MaxHands {
		return c, fmt.Errorf("bots: %d hands: want 1 to %d", c.Hands, MaxHands)
	}
	if c.Rules == (mahjong.Rules{}) {
		c.Rules = mahjong.DefaultRules()
	}
	if err := c.Rules.Validate(); err != nil {
		return c, err
	}
	if c.Workers == 0 {
		c.Workers = runtime.GOMAXPROCS(0)
	}
	if c.Workers < 0 {
		return c, errors.New("bots: a negative number of workers")
	}
	return c, nil
}

// Run plays until all hands are done; if ctx ends first, that is an error.
func Run(ctx context.Context, cfg Config) (*Report, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	start := time.Now()
	deals := max(2, (cfg.Hands+len(seatings)-1)/len(seatings)) // one alone has no deviation
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var (
		workers sync.WaitGroup
		mu      sync.Mutex
		total   tally
		failed  error
	)
	for w := range cfg.Workers {
		workers.Go(func() {
			t, err := playDeals(ctx, cfg, w, deals)
			mu.Lock()
			defer mu.Unlock()
			total.add(&t)
			if err != nil && failed == nil {
				failed = err
				cancel() // the others need not continue
			}
		})
	}
	workers.Wait()
	if failed != nil {
		return nil, failed
	}
	return total.report(cfg, time.Since(start)), nil
}

// playDeals plays the deals assigned to worker w.
func playDeals(ctx context.Context, cfg Config, w, deals int) (tally, error) {
	var t tally
	sides := [2]*side{newSide(cfg.A, cfg, &t.sides[0]), newSide(cfg.B, cfg, &t.sides[1])}
	for n := w; n < deals; n += cfg.Workers {
		if err := ctx.Err(); err != nil {
			return t, err
		}
		d := deal(cfg.Seed, uint64(n))
		difference := 0
		for i, seating := range seatings {
			scores, err := playHand(cfg, d, seating, sides, uint64(n)*uint64(len(seatings))+uint64(i))
			if err != nil {
				return t, err
			}
			difference += scores
		}
		t.deal(difference)
	}
	return t, nil
}
