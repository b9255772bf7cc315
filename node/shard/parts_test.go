package shard

import (
	"errors"
	"maps"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"teahouse/node/table"
	"teahouse/node/table/tablepb"
	"teahouse/node/table/tabletest"
	"teahouse/pkg/game"
	"teahouse/pkg/link/linkpb"
)

func TestConfigIsChecked(t *testing.T) {
	good := (&cluster{t: t, results: &fakeResults{}}).newShard(0, nil).cfg
	for name, spoil := range map[string]func(*Config){
		"group":    func(c *Config) { c.Group = game.Coordinator },
		"games":    func(c *Config) { c.Games = nil },
		"cluster":  func(c *Config) { c.Cluster = "" },
		"node":     func(c *Config) { c.Node = "" },
		"results":  func(c *Config) { c.Results = nil },
		"ended":    func(c *Config) { c.Ended = nil },
		"push":     func(c *Config) { c.Push = nil },
		"announce": func(c *Config) { c.Announce = nil },
		"pool":     func(c *Config) { c.Pool = nil },
		"duration": func(c *Config) { c.DetachAfter = -1 },
		"bound":    func(c *Config) { c.Mailbox = -1 },
	} {
		bad := good
		spoil(&bad)
		if _, err := New(bad); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if tm := good.timing(&linkpb.CreateTable{Queue: "bench"}); tm.GetIntermissionMs() != 0 || tm.GetAttachMs() != 10_000 || tm.GetClock().GetReserveMs() != 0 {
		t.Errorf("timing of bench: %v", tm)
	}
	tm := good.timing(&linkpb.CreateTable{Queue: "standard", Untimed: true})
	if tm.GetIntermissionMs() != 3000 || tm.GetRetentionMs() != 120_000 || tm.GetClock().GetReserveMs() != 20_000 || !tm.GetClock().GetUntimed() || tm.GetClock().GetStrength() != 3 {
		t.Errorf("timing of standard: %v", tm)
	}
}

// What level 1 does not know is not written before the cluster is at level 2.
func TestLevelBoundsWhatIsWritten(t *testing.T) {
	level := uint32(1)
	cfg := Config{Level: func() uint32 { return level }, DefaultQueue: People()}
	slow := &linkpb.Request{LagMs: 137}
	if tm := cfg.timing(&linkpb.CreateTable{}); tm.GetClock() != nil || cfg.lag(slow) != 0 {
		t.Errorf("level 1: %v, lag %d", tm, cfg.lag(slow))
	}
	level = 2
	if tm := cfg.timing(&linkpb.CreateTable{}); tm.GetClock() == nil || cfg.lag(slow) != 120 {
		t.Errorf("level 2: %v, lag %d", tm, cfg.lag(slow))
	}
	slow.LagMs = 1 << 31
	if cfg.lag(slow) != table.MaxGrace {
		t.Errorf("lag %d", cfg.lag(slow))
	}
}

// The index of deadlines finds the same as a walk over all tables.
func TestDeadlinesMatchAWalk(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		d := newDeadlines()
		due := make(map[game.TableID]uint64)
		for range rapid.IntRange(1, 100).Draw(rt, "steps") {
			id := tableID(rapid.Uint64Range(1, 20).Draw(rt, "table"))
			if rapid.IntRange(0, 3).Draw(rt, "remove") == 0 {
				d.remove(id)
				delete(due, id)
			} else {
				tb := tableDueAt(rt, id, rapid.Uint64Range(1, 50).Draw(rt, "due"))
				d.remove(id) // another table with the same id
				d.set(tb)
				due[id], _ = tb.NextDeadline()
			}
			now := rapid.Uint64Range(0, 60).Draw(rt, "now")
			var want, got []game.TableID
			for id, at := range due {
				if at <= now {
					want = append(want, id)
				}
			}
			for _, tb := range d.due(now, 100) {
				got = append(got, tb.ID())
			}
			slices.Sort(want)
			slices.Sort(got)
			if !slices.Equal(want, got) {
				rt.Fatalf("due at %d: %v, want %v", now, got, want)
			}
			first, ok := d.next()
			if ok != (len(due) > 0) || ok && first != slices.Min(slices.Collect(maps.Values(due))) {
				rt.Fatalf("next is %d, %t of %v", first, ok, due)
			}
		}
	})
}

func tableDueAt(rt *rapid.T, id game.TableID, due uint64) *table.Table {
	spec := createTable(id.Seq(), "bench", ``, 1, 11, 12, 13, 14)
	tb, err := table.New(tabletest.Game{}, &tablepb.Create{Spec: spec, Timing: &tablepb.Timing{AttachMs: uint32(due)}}, 0)
	if err != nil {
		rt.Fatal(err)
	}
	return tb
}

// A pool that refuses work delays bots and settlements but stops neither.
func TestFullPool(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls atomic.Int64
		c := newCluster(t, 1, nil)
		defer c.close()
		pool := poolFunc(func(f func()) error {
			if calls.Add(1)%3 != 0 {
				return errors.New("full")
			}
			return c.Go(f)
		})
		c.shards[0].cfg.Pool = pool // before anything leads
		c.lead(0)
		c.create(createTable(1, "bench", `{"limit_ms":60000}`, 2, 0, 0, 0, 0), false)
		time.Sleep(time.Minute)
		if n, _ := c.results.count(); n != 2 || c.endings(1) != 1 {
			t.Errorf("%d hands settled, %d endings, %d calls", n, c.endings(1), calls.Load())
		}
	})
}

type poolFunc func(func()) error

func (p poolFunc) Go(f func()) error { return p(f) }
