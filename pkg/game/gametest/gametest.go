package gametest

import (
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"slices"
	"testing"

	"teahouse/pkg/game"
)

// Config is what the suite cannot know of a game.
type Config struct {
	// OptionsFile is a file that holds rulebook.JSON of the game, for clients that are not in Go; "" = there is
	// none. A file that is not fresh breaks the promise "options"; TEAHOUSE_UPDATE=1 writes it.
	OptionsFile string
}

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
	Name  string // one or two words
	Says  string // in a sentence
	check func(*suite) error
}

// Promises lists the contract.
func Promises() []Promise {
	return []Promise{
		{"options", "Options and Rules say the same, in every language", checkOptions},
		{"rules", "Rules are read strictly, and written in one form", checkRules},
	}
}

// Check returns how g breaks the promise, or nil. A panic of the game is an error too.
func (p Promise) Check(g game.Game, cfg Config) error {
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
			err = fmt.Errorf("a panic: %v\n%s", r, debug.Stack())
		}
	}()
	return f()
}

// slowly is many if the slow checks are run, else few.
func slowly(few, many int) int {
	if os.Getenv("TEAHOUSE_SLOW") != "" {
		return many
	}
	return few
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
