package upstream

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"teahouse/gateway/route"
	"teahouse/pkg/game"
	"teahouse/pkg/link/linkpb"
)

// landscape is a routing snapshot under change.
type landscape struct {
	t    failer
	s    *route.Snapshot
	a    *absences
	now  time.Time
	term uint64
}

// failer is a testing.T or a rapid.T.
type failer interface {
	Helper()
	Fatal(args ...any)
	Errorf(format string, args ...any)
}

func newLandscape(t failer, shards uint32) *landscape {
	s, _, err := (&route.Snapshot{}).WithMembers(&linkpb.Members{
		Number: 1, Shards: shards, Members: []*linkpb.Member{{Name: "a", Weight: 1}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return &landscape{t: t, s: s, a: newAbsences(), now: time.Unix(1000, 0)}
}

// leads gives a group a leader, or takes it away.
func (l *landscape) leads(group game.GroupID, led bool) {
	if led {
		l.term++
		l.s, _ = l.s.Announced("a", &linkpb.Announce{Group: uint32(group), Term: l.term})
		l.a.led(group)
		return
	}
	l.s, _ = l.s.Refused(group, l.s.Leader(group))
}

func (l *landscape) sweep(after time.Duration) []game.GroupID {
	l.now = l.now.Add(after)
	return l.a.sweep(l.now, l.s)
}

func (l *landscape) want(after time.Duration, want ...game.GroupID) {
	l.t.Helper()
	if got := l.sweep(after); !slices.Equal(got, want) {
		l.t.Errorf("after %v it is news of %v, want %v", after, got, want)
	}
}

func TestAbsences(t *testing.T) {
	const ms = time.Millisecond
	l := newLandscape(t, 3)
	l.leads(1, true)
	l.leads(2, true)
	l.want(100 * ms)
	l.leads(1, false)
	l.want(100 * ms)
	l.leads(1, true) // a failover
	l.want(time.Hour)
	l.leads(1, false)
	l.want(50 * ms) // found now
	l.want(100 * ms)
	l.want(100 * ms)
	l.leads(2, false)
	l.want(99 * ms)
	l.want(ms, 1)
	l.want(100 * ms)
	l.want(100 * ms)
	l.want(100*ms, 2)
	l.want(time.Hour) // once
	// It was led in between, for so short a time that no sweep has seen it.
	l.leads(1, true)
	l.leads(1, false)
	l.want(250 * ms)
	l.want(250 * ms)
	l.want(250*ms, 1)
	// Who did not run himself says nothing of others.
	l.leads(2, true)
	l.leads(2, false)
	l.want(100 * ms)
	l.want(time.Hour)
	l.want(100*ms, 2)
	l.want(time.Hour)
	// Nobody has ever led shard 3, and 0 is the coordinator.
	l.leads(game.Coordinator, true)
	l.leads(game.Coordinator, false)
	for range 10 {
		l.want(200 * ms)
	}
}

func TestMovingIsNewsOncePerLeader(t *testing.T) {
	a := newAbsences()
	for i, step := range []struct {
		group game.GroupID
		term  uint64
		news  bool
	}{{1, 4, true}, {1, 4, false}, {2, 4, true}, {1, 5, true}, {1, 4, false}, {1, 5, false}, {1, 9, true}} {
		if got := a.moving(step.group, step.term); got != step.news {
			t.Errorf("%d: %+v is news %v", i, step, got)
		}
	}
}

// TestAbsencesAreToldInTurns: whatever happens, a group is news only while nobody leads it and nobody
// has for waitAfter of the time that this process ran; and once until it has been led.
func TestAbsencesAreToldInTurns(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const shards = 3
		l := newLandscape(t, shards)
		var led, told [shards + 1]bool
		var lasts [shards + 1]time.Duration // without a leader, as far as this process ran
		for range rapid.IntRange(1, 80).Draw(t, "steps") {
			group := game.GroupID(rapid.Uint32Range(1, shards).Draw(t, "group"))
			switch rapid.SampledFrom([]string{"led", "lost", "sweep", "sweep", "sweep"}).Draw(t, "what") {
			case "led":
				l.leads(group, true)
				led[group], told[group], lasts[group] = true, false, 0
			case "lost":
				l.leads(group, false)
				led[group] = false
			case "sweep":
				after := time.Duration(rapid.Int64Range(1, int64(400*time.Millisecond)).Draw(t, "after"))
				for g := range lasts {
					if !led[g] {
						lasts[g] += min(after, longestSweep)
					}
				}
				for _, g := range l.sweep(after) {
					if led[g] || told[g] || lasts[g] < waitAfter {
						t.Fatalf("group %d is news: led %v, told %v, for %v", g, led[g], told[g], lasts[g])
					}
					told[g] = true
				}
				for g := range told {
					if lasts[g] >= waitAfter+longestSweep && !told[g] && l.term > 0 && l.s.Leader(game.GroupID(g)).Term > 0 && g > 0 {
						t.Fatalf("group %d is no news, for %v", g, lasts[g])
					}
				}
			}
		}
	})
}
