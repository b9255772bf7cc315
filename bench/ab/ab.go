package ab

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"time"
)

// Config says what is compared, and how.
type Config struct {
	A string // folder of one checkout
	B string // of the other; may be the same

	Players  []int         // of the runs; 4 at least
	Pairs    int           // of runs for each number of players
	Duration time.Duration // of each play
	Warmup   time.Duration // of a play before that on the same cluster, which does not count; 0 = none
	Pace     time.Duration // mean thinking time; 0 = at once
	Nodes    int
	Sync     string // the log policy: sync or nosync

	Began func(what string) // called before each step that takes a while; nil = nobody
}

func (c Config) check() error {
	if c.A == "" || c.B == "" {
		return errors.New("ab: two folders are needed, A and B")
	}
	if len(c.Players) == 0 {
		return errors.New("ab: no number of players")
	}
	for i, n := range c.Players {
		if n < 4 {
			return fmt.Errorf("ab: %d players do not fill a table", n)
		}
		if slices.Contains(c.Players[:i], n) {
			return fmt.Errorf("ab: %d players twice", n)
		}
	}
	switch {
	case c.Pairs < 1:
		return fmt.Errorf("ab: %d pairs: want at least one", c.Pairs)
	case c.Nodes < 1:
		return fmt.Errorf("ab: %d nodes: want at least one", c.Nodes)
	case c.Duration <= 0:
		return fmt.Errorf("ab: a play of %v is none", c.Duration)
	case c.Warmup < 0 || c.Pace < 0:
		return errors.New("ab: warm-up and pace may not be below zero")
	case c.Sync != "sync" && c.Sync != "nosync":
		return fmt.Errorf("ab: sync %q: want sync or nosync", c.Sync)
	}
	return nil
}

// Run is one cluster with one swarm.
type Run struct {
	Side    Side            `json:"side"`
	Players int             `json:"players"`
	Pair    int             `json:"pair"` // from 1
	Figures Figures         `json:"figures"`
	Summary json.RawMessage `json:"summary"` // as the swarm wrote it
}

// Result is what was measured.
type Result struct {
	A        Checkout `json:"a"`
	B        Checkout `json:"b"`
	Settings Settings `json:"settings"`
	Tables   []Table  `json:"tables"`
	Runs     []Run    `json:"runs"` // in the order in which they were made
}

// Settings are the same for all runs.
type Settings struct {
	CPUs      int     `json:"cpus"` // of the machine
	Pairs     int     `json:"pairs"`
	DurationS float64 `json:"duration_s"`
	WarmupS   float64 `json:"warmup_s"`
	PaceMS    float64 `json:"pace_ms"`
	Nodes     int     `json:"nodes"`
	Sync      string  `json:"sync"`
}

// Runner compares. Make it with New, and Run it once.
type Runner struct{ cfg Config }

// New checks cfg.
func New(cfg Config) (*Runner, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	if cfg.Began == nil {
		cfg.Began = func(string) {}
	}
	return &Runner{cfg}, nil
}

// contender is one side with its checkout.
type contender struct {
	Side
	is *Checkout
}

// Run builds, and makes all runs. The error says which side failed; the result then holds the
// runs before it. When Run returns, whatever it started has ended.
func (r *Runner) Run(ctx context.Context) (result Result, err error) {
	cfg := r.cfg
	result.Settings = Settings{
		CPUs: runtime.NumCPU(), Pairs: cfg.Pairs, Nodes: cfg.Nodes, Sync: cfg.Sync,
		DurationS: cfg.Duration.Seconds(), WarmupS: cfg.Warmup.Seconds(), PaceMS: float64(cfg.Pace) / 1e6,
	}
	tmp, err := os.MkdirTemp("", "teahouse-ab-")
	if err != nil {
		return result, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(tmp)) }()
	result.A.Dir, result.B.Dir = cfg.A, cfg.B
	sides := []contender{{A, &result.A}, {B, &result.B}}
	// Both are looked at before either is built, which takes a while.
	for _, s := range sides {
		if err := s.is.open(ctx); err != nil {
			return result, fmt.Errorf("%s: %w", s.Side, err)
		}
	}
	for _, s := range sides {
		cfg.Began(fmt.Sprintf("building %s: %v", s.Side, s.is))
		if err := s.is.build(ctx, filepath.Join(tmp, string(s.Side))); err != nil {
			return result, fmt.Errorf("%s (%s): %w", s.Side, s.is.Dir, err)
		}
	}
	defer func() { result.Tables = compare(result.Runs) }()
	for _, players := range cfg.Players {
		for pair := 1; pair <= cfg.Pairs; pair++ {
			for _, s := range sides {
				cfg.Began(fmt.Sprintf("%d players, pair %d of %d: %s", players, pair, cfg.Pairs, s.Side))
				dir := filepath.Join(tmp, "run")
				run, err := r.measure(ctx, s.is, players, dir)
				if err != nil {
					return result, fmt.Errorf("%s (%s), %d players, pair %d: %w", s.Side, s.is.Dir, players, pair, err)
				}
				run.Side, run.Players, run.Pair = s.Side, players, pair
				result.Runs = append(result.Runs, run)
				if err := os.RemoveAll(dir); err != nil {
					return result, err
				}
			}
			slices.Reverse(sides) // A B B A: what drifts hits both alike
		}
	}
	return result, nil
}
