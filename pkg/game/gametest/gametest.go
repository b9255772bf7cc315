package gametest

import (
	"cmp"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"teahouse/pkg/game"
)

// Config is what the suite cannot know of a game. Its functions are called by several goroutines.
type Config struct {
	// Legal lists answers to a prompt that the hand must accept: all that the prompt allows or, where these are too
	// many, some that rng draws. It gets what Think gets. It is required.
	Legal func(rules, view, prompt []byte, rng *rand.Rand) ([][]byte, error)
	// Twins makes a pair of hands of g, by these rules, that some viewers must not be able to tell apart. Each call draws
	// another pair, with all sorts of viewers. It is required, unless Open is set: then the game hides nothing, and all
	// are told and shown the same.
	Twins func(g game.Game, rules []byte, rng *rand.Rand) (*Twins, error)
	Open  bool
	// Rules are overrides that are played beside the default, the presets and what is drawn from the catalogue.
	Rules []string
	// Bounds are those of the game.
	Bounds Bounds
	// OptionsFile is a file that holds rulebook.JSON of the game, for clients that are not in Go; "" = there is
	// none. A file that is not fresh breaks the promise "options"; TEAHOUSE_UPDATE=1 writes it.
	OptionsFile string
	// Event, if not nil, hears of every event that somebody is told while views are followed: a test can see that
	// all kinds of events were met.
	Event func(payload []byte)
}

// Bounds is how large things may become: in bytes, or in number. A zero field means its default, with which
// everything fits into frames, batches and logs.
type Bounds struct {
	Prompt   int // default 1 KiB
	Event    int // for one seat; default 8 KiB
	View     int // and Result's summary, and rules; default 32 KiB
	Snapshot int // default 64 KiB
	Move     int // default 4 KiB
	Events   int // of one act; default 256
	Acts     int // moves, time-outs and releases of a hand; default 5000
}

func (b Bounds) withDefaults() Bounds {
	return Bounds{
		Prompt: cmp.Or(b.Prompt, 1<<10), Event: cmp.Or(b.Event, 8<<10), View: cmp.Or(b.View, 32<<10), Snapshot: cmp.Or(b.Snapshot, 64<<10),
		Move: cmp.Or(b.Move, 4<<10), Events: cmp.Or(b.Events, 256), Acts: cmp.Or(b.Acts, 5000),
	}
}

// maxSeats is how many seats a table has room for.
const maxSeats = 8

// Run demands every promise of g, each as a subtest.
func Run(t *testing.T, g game.Game, cfg Config) {
	for _, p := range Promises() {
		t.Run(p.Name, func(t *testing.T) {
			if err := p.Check(g, cfg); err != nil {
				t.Errorf("%s: broken: %s\n%v", g.Name(), p.Says, err)
			}
		})
	}
}

// Promise is one part of the contract.
type Promise struct {
	Name  string // a word
	Says  string // a sentence
	check func(*suite) error
}

// Promises lists the contract.
func Promises() []Promise {
	return []Promise{
		{"options", "Options and Rules say the same, in every language", checkOptions},
		{"rules", "Rules are read strictly, and written in one form", checkRules},
		{"idle", "an option has no effect where Options says that it has none", checkIdle},
		{"deal", "Deal starts a hand by all rules that Rules takes, and by no others", checkDeal},
		{"determinism", "the same calls give the same bytes", checkDeterminism},
		{"snapshots", "a restored hand goes on as the one whose snapshot it was", checkSnapshots},
		{"damage", "a damaged snapshot is refused, or is one of some hand", checkDamage},
		{"views", "a viewer's view follows from what the viewer is told", checkViews},
		{"secrets", "nobody is told or shown what they may not know", checkSecrets},
		{"public", "the public is told no more than every seat", checkPublic},
		{"bounds", "all that a hand gives out is bounded", checkBounds},
		{"answers", "a hand goes on until it is over, and takes every legal answer", checkAnswers},
		{"refusals", "what is refused has a code and changes nothing", checkRefusals},
		{"ends", "time-outs and releases end a hand, and so does auto-play", checkEnds},
		{"results", "the scores of a hand sum to zero, and nothing follows its end", checkResults},
	}
}

// Check returns how g breaks the promise, or nil. A panic of the game is an error too.
func (p Promise) Check(g game.Game, cfg Config) error {
	cfg.Bounds = cfg.Bounds.withDefaults()
	return guarded(func() error { return p.check(&suite{g: g, cfg: cfg}) })
}

type suite struct {
	g   game.Game
	cfg Config
}

// guarded turns a panic into an error.
func guarded(f func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = caught(r)
		}
	}()
	return f()
}

// caught is the error of a panic, where it is recovered.
func caught(value any) error { return fmt.Errorf("a panic: %v\n%s", value, debug.Stack()) }

// slowly is many if the slow checks are run, else few.
func slowly(few, many int) int {
	if os.Getenv("TEAHOUSE_SLOW") != "" {
		return many
	}
	return few
}

// each runs check for the numbers below count, on all cores, and returns the error of the lowest number.
func each(count int, check func(n int) error) error {
	var next, failed atomic.Int64
	failed.Store(int64(count))
	errs := make([]error, count)
	var workers sync.WaitGroup
	for range min(count, runtime.GOMAXPROCS(0)) {
		workers.Go(func() {
			for n := next.Add(1) - 1; n < failed.Load(); n = next.Add(1) - 1 {
				errs[n] = guarded(func() error { return check(int(n)) })
				for at := failed.Load(); errs[n] != nil && n < at && !failed.CompareAndSwap(at, n); at = failed.Load() {
				}
			}
		})
	}
	workers.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// found collects what is wrong, so that a developer sees more of it than the first.
type found struct{ errs []error }

// most is how much of it is shown.
const most = 12

func (f *found) add(format string, args ...any) {
	f.errs = append(f.errs, fmt.Errorf(format, args...))
}

func (f *found) err() error {
	if more := len(f.errs) - most; more > 0 {
		return errors.Join(slices.Concat(f.errs[:most], []error{fmt.Errorf("… and %d more", more)})...)
	}
	return errors.Join(f.errs...)
}
