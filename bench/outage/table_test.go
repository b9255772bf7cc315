package outage

import (
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"teahouse/pkg/game"
	"teahouse/pkg/mahjong/tablegame"
	"teahouse/pkg/wire/wirepb"
)

func event(t *testing.T, kind wirepb.Push_Kind, e *wirepb.TableEvent) *wirepb.Push {
	t.Helper()
	payload, err := proto.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	return &wirepb.Push{Kind: kind, Payload: payload}
}

// One seat hears everything, the other not.
func TestTable(t *testing.T) {
	opened := event(t, wirepb.Push_EVENT, &wirepb.TableEvent{Body: &wirepb.TableEvent_Opened{Opened: &wirepb.Opened{
		Game: tablegame.Name, Seats: []*wirepb.SeatInfo{{Player: 1}, {Player: 2}, {Player: 3}},
	}}})
	auto := event(t, wirepb.Push_EVENT, &wirepb.TableEvent{Body: &wirepb.TableEvent_AutoPlay{AutoPlay: &wirepb.AutoPlayChanged{Seat: 1, On: true}}})
	prompt := event(t, wirepb.Push_EVENT, &wirepb.TableEvent{Body: &wirepb.TableEvent_Prompt{Prompt: &wirepb.Prompt{LimitMs: 9}}})
	hand := func(n uint32) *wirepb.Push {
		return event(t, wirepb.Push_EVENT, &wirepb.TableEvent{Body: &wirepb.TableEvent_HandStarted{HandStarted: &wirepb.HandStarted{Hand: n}}})
	}
	settled := event(t, wirepb.Push_EVENT, &wirepb.TableEvent{Body: &wirepb.TableEvent_HandSettled{HandSettled: &wirepb.HandSettled{Hand: 1}}})
	view := &wirepb.Push{Kind: wirepb.Push_SNAPSHOT}
	ours := func(id game.PlayerID) bool { return id < 3 }
	type step struct {
		player game.PlayerID
		push   *wirepb.Push
		late   int // ms; 0 = not late
	}
	for name, c := range map[string]struct {
		steps []step // one each ms, from 1
		owed  int    // the moment since when somebody is owed something; 0 = nobody
	}{
		"both hear it":                      {[]step{{1, opened, 0}, {2, opened, 1}}, 0},
		"one has never come":                {[]step{{1, opened, 0}, {1, hand(1), 0}}, 1},
		"a prompt is for one":               {[]step{{1, opened, 0}, {2, opened, 1}, {1, prompt, 0}}, 0},
		"auto-play is told to the others":   {[]step{{1, opened, 0}, {2, opened, 1}, {1, auto, 0}}, 0},
		"one is left behind":                {[]step{{1, opened, 0}, {2, opened, 1}, {1, hand(1), 0}, {1, settled, 0}}, 3},
		"and comes after":                   {[]step{{1, opened, 0}, {2, opened, 1}, {1, hand(1), 0}, {1, settled, 0}, {2, hand(1), 2}, {2, settled, 2}}, 0},
		"in part":                           {[]step{{1, opened, 0}, {2, opened, 1}, {1, hand(1), 0}, {1, settled, 0}, {2, hand(1), 2}}, 4},
		"a view tells all until then":       {[]step{{1, opened, 0}, {2, opened, 1}, {1, hand(1), 0}, {1, settled, 0}, {2, view, 2}}, 0},
		"but not what comes then":           {[]step{{1, opened, 0}, {2, opened, 1}, {2, view, 0}, {1, hand(1), 0}, {1, settled, 0}}, 4},
		"until a hand starts it is behind":  {[]step{{1, opened, 0}, {2, view, 1}, {2, settled, 0}, {1, hand(1), 0}, {2, hand(1), 1}, {1, settled, 0}}, 6},
		"who has heard more makes no views": {[]step{{1, opened, 0}, {2, view, 1}, {2, settled, 0}, {2, settled, 0}}, 0},
	} {
		table, now := NewTable(), time.UnixMilli(0)
		for i, s := range c.steps {
			now = now.Add(time.Millisecond)
			since, late := table.Heard(s.player, s.push, ours, now)
			if late != (s.late > 0) || late && now.Sub(since) != time.Duration(s.late)*time.Millisecond {
				t.Errorf("%s: step %d is late by %v (%v)", name, i+1, now.Sub(since), late)
			}
		}
		owed := 0
		table.Owed(func(_ game.PlayerID, since time.Time) { owed = int(since.UnixMilli()) })
		if owed != c.owed {
			t.Errorf("%s: owed since %d, want %d", name, owed, c.owed)
		}
		if table.Left(1)+table.Left(2) > 1 {
			t.Errorf("%s: somebody is left", name)
		}
	}
}

// However long one seat hears nothing, what is remembered is bounded, and since when is not forgotten.
func TestTableIsBounded(t *testing.T) {
	table, now := NewTable(), time.UnixMilli(0)
	settled := event(t, wirepb.Push_EVENT, &wirepb.TableEvent{Body: &wirepb.TableEvent_HandSettled{HandSettled: &wirepb.HandSettled{Hand: 1}}})
	ours := func(game.PlayerID) bool { return true }
	table.Heard(2, settled, ours, now)
	for range 3 * maxBeats {
		now = now.Add(time.Millisecond)
		table.Heard(1, settled, ours, now)
	}
	since := time.Time{}
	table.Owed(func(_ game.PlayerID, at time.Time) { since = at })
	if len(table.beats) > maxBeats+1 || since.UnixMilli() > 3 {
		t.Errorf("%d beats, owed since %v", len(table.beats), since)
	}
}
