package shard

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"teahouse/node/table/tabletest"
	"teahouse/pkg/game"
	"teahouse/pkg/link/linkpb"
)

// seldom panics at every second call.
type seldom struct{ calls atomic.Int64 }

func (s *seldom) call() {
	if s.calls.Add(1)%2 == 1 {
		panic("tiles 9m9m9m")
	}
}

type forgetfulGame struct {
	tabletest.Game
	seldom *seldom
}

func (g forgetfulGame) Think(rules, view, prompt []byte, strength game.Strength) ([]byte, error) {
	g.seldom.call()
	return g.Game.Think(rules, view, prompt, strength)
}

type forgetfulResults struct {
	game.Results
	settling *seldom
}

func (r forgetfulResults) Settle(ctx context.Context, result game.HandResult) error {
	r.settling.call()
	return r.Results.Settle(ctx, result)
}

// shownLog is a log that several goroutines write.
type shownLog struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *shownLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *shownLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// TestJobsThatPanic: whatever runs in the pool may panic. Its job is done all the same, a bot's by the
// deadline, and nobody reads the value.
func TestJobsThatPanic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var thinking, settling, ending seldom
		said := new(shownLog)
		c := newCluster(t, 1, func(cfg *Config) {
			cfg.Games = map[string]game.Game{"tiny": forgetfulGame{seldom: &thinking}}
			cfg.Results = forgetfulResults{cfg.Results, &settling}
			cfg.Logger = slog.New(slog.NewTextHandler(said, nil))
			ended := cfg.Ended
			cfg.Ended = func(ctx context.Context, e *linkpb.TableEnded) error {
				ending.call()
				return ended(ctx, e)
			}
		})
		defer c.close()
		c.lead(0)
		c.create(createTable(1, "bench", `{"limit_ms":60000}`, 2, 0, 0, 0, 0), false)
		time.Sleep(time.Hour)
		if n, _ := c.results.count(); n != 2 || c.endings(1) != 1 {
			t.Errorf("%d hands settled, %d endings", n, c.endings(1))
		}
		for what, s := range map[string]*seldom{"thoughts": &thinking, "settlements": &settling, "endings": &ending} {
			if s.calls.Load() < 2 {
				t.Errorf("%d %s", s.calls.Load(), what)
			}
		}
		if text := said.String(); strings.Contains(text, "9m") || !strings.Contains(text, "panicked with a string") || !strings.Contains(text, "seldom") {
			t.Errorf("the log says: %s", text)
		}
	})
}
