package match

import (
	"fmt"
	"slices"
	"testing"
)

// at makes tickets with the given ratings that joined one after the other, from 0 on.
func at(ratings ...int64) []Ticket {
	var list []Ticket
	for i, r := range ratings {
		list = append(list, Ticket{ID: uint64(i + 1), Rating: r})
	}
	return list
}

func TestRun(t *testing.T) {
	four := Settings{Seats: 4, Window: 100, WidenPerSecond: 10, MaxWindow: 300, BotsAfterMs: 10_000}
	narrow := four
	narrow.BotsAfterMs = 0
	for _, c := range []struct {
		name    string
		tickets []Ticket
		now     uint64
		s       Settings
		want    string
	}{
		{"nobody", nil, 0, four, "[] next 0"},
		{"three, bots to come", at(0, 0, 0), 0, four, "[] next 10000"},
		{"three, no bots", at(0, 0, 0), 0, narrow, "[] next 0"},
		{"four", at(0, 0, 0, 0), 0, four, "[{[1 2 3 4] 0}] next 0"},
		{"oldest first", at(0, 0, 0, 0, 0), 0, narrow, "[{[1 2 3 4] 0}] next 0"},
		{"window wide enough", at(0, 100, 50, 70), 0, narrow, "[{[1 3 4 2] 0}] next 0"},
		{"window too narrow", at(0, 101, 50, 70), 0, narrow, "[] next 100"},
		{"window widened", at(0, 101, 50, 70), 100, narrow, "[{[1 3 4 2] 0}] next 0"},
		{"beyond any window", at(0, 301, 50, 70), 1 << 40, narrow, "[] next 0"},
		{"least spread", at(100, 0, 10, 20, 110, 120, 130), 0, narrow, "[{[1 5 6 7] 0}] next 0"},
		{"both sides", at(100, 90, 20, 110, 180, 105), 0, narrow, "[{[1 2 6 4] 0}] next 0"},
		{"the oldest of a rating goes first", at(100, 90, 90, 90, 90), 0, narrow, "[{[1 2 3 4] 0}] next 0"},
		{"bots fill", at(0, 0), 10_000, four, "[{[1 2] 2}] next 0"},
		{"bots for each", at(0, 1000), 10_000, four, "[{[1] 3} {[2] 3}] next 0"},
		{"people before bots", at(1000, 0, 0, 0, 0), 10_000, four, "[{[2 3 4 5] 0} {[1] 3}] next 0"},
		{"no seats", at(0, 0), 10_000, Settings{}, "[] next 0"},
		{"alone", at(0, 0, 1000, 0, 0), 0, Settings{Seats: 4, Alone: true, Window: 100}, "[{[1] 3} {[2] 3} {[3] 3} {[4] 3} {[5] 3}] next 0"},
		{"alone, without bots", at(0, 0), 0, Settings{Seats: 1, Alone: true}, "[{[1] 0} {[2] 0}] next 0"},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := slices.Clone(c.tickets)
			plan := Run(c.tickets, c.now, c.s)
			if got := fmt.Sprintf("%v next %d", plan.Tables, plan.NextMs); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
			if !slices.Equal(before, c.tickets) {
				t.Error("the caller's slice changed")
			}
		})
	}
}

func TestExtremeNumbers(t *testing.T) {
	const most = 1<<64 - 1
	s := Settings{Seats: 4, Window: 1<<32 - 1, WidenPerSecond: 1<<32 - 1, MaxWindow: 1<<32 - 1, BotsAfterMs: 1}
	tickets := []Ticket{
		{ID: 1, Rating: -1 << 63, JoinedMs: most}, {ID: 2, Rating: 1<<63 - 1}, {ID: 3, JoinedMs: most}, {ID: 4, Rating: 1 << 62},
	}
	plan := Run(tickets, most, s)
	if len(plan.Tables) != 2 {
		t.Errorf("plan: %+v", plan) // 2 and 4 have waited long enough for bots, but their ratings are too far apart; the others have just joined
	}
}

func BenchmarkRun(b *testing.B) {
	for _, n := range []int{200, 10_000} {
		for _, spread := range []int64{1, 4000} {
			var tickets []Ticket
			for i := range n {
				tickets = append(tickets, Ticket{ID: uint64(i + 1), Rating: int64(i*7919) % spread, JoinedMs: uint64(i)})
			}
			b.Run(fmt.Sprintf("tickets=%d/ratings=%d", n, spread), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					Run(tickets, uint64(n), Settings{Seats: 4, Window: 200, WidenPerSecond: 50, MaxWindow: 2000})
				}
			})
		}
	}
}
