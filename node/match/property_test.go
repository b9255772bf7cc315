package match

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

var settingsGen = rapid.Custom(func(t *rapid.T) Settings {
	return Settings{
		Seats:          rapid.IntRange(2, 4).Draw(t, "seats"),
		Window:         rapid.Uint32Range(0, 40).Draw(t, "window"),
		WidenPerSecond: rapid.Uint32Range(0, 20).Draw(t, "widen"),
		MaxWindow:      rapid.Uint32Range(0, 200).Draw(t, "max"),
		BotsAfterMs:    rapid.SampledFrom([]uint32{0, 1, 3000}).Draw(t, "bots"),
	}
})

func ticketsGen(most int) *rapid.Generator[[]Ticket] {
	return rapid.Custom(func(t *rapid.T) []Ticket {
		n := rapid.IntRange(0, most).Draw(t, "n")
		var list []Ticket
		var joined uint64
		for i := range n {
			joined += rapid.Uint64Range(0, 800).Draw(t, "pause")
			list = append(list, Ticket{
				ID: uint64(i + 1), JoinedMs: joined,
				// Few ratings, so that ties are common.
				Rating: 10 * rapid.Int64Range(0, 20).Draw(t, "rating"),
			})
		}
		return list
	})
}

func TestProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := settingsGen.Draw(t, "settings")
		tickets := ticketsGen(40).Draw(t, "tickets")
		now := rapid.Uint64Range(0, 40_000).Draw(t, "now")
		shuffled := rapid.Permutation(tickets).Draw(t, "order")
		plan := Run(shuffled, now, s)

		again := Run(tickets, now, s)
		if !slices.EqualFunc(plan.Tables, again.Tables, func(a, b Table) bool {
			return a.Bots == b.Bots && slices.Equal(a.Tickets, b.Tickets)
		}) || plan.NextMs != again.NextMs {
			t.Fatalf("the order of the input matters: %+v, %+v", plan, again)
		}

		seated := map[uint64]bool{}
		for _, table := range plan.Tables {
			checkTable(t, table, tickets, now, s)
			for _, id := range table.Tickets {
				if seated[id] {
					t.Fatalf("ticket %d at two tables", id)
				}
				seated[id] = true
			}
		}
		for i, a := range tickets {
			for _, b := range tickets[i+1:] {
				if a.Rating == b.Rating && seated[b.ID] && !seated[a.ID] {
					t.Fatalf("ticket %d was seated before the equal, older %d", b.ID, a.ID)
				}
			}
			if s.botsDue(a, now) && !seated[a.ID] {
				t.Fatalf("ticket %d waits although bots are allowed", a.ID)
			}
		}
		if plan.NextMs != 0 && plan.NextMs <= now {
			t.Fatalf("next at %d, now is %d", plan.NextMs, now)
		}
	})
}

func checkTable(t *rapid.T, table Table, tickets []Ticket, now uint64, s Settings) {
	if len(table.Tickets) == 0 || len(table.Tickets)+table.Bots != s.Seats || table.Bots < 0 {
		t.Fatalf("table of %d: %+v", s.Seats, table)
	}
	var lo, hi int64
	var widest uint64
	waited := false
	for i, id := range table.Tickets {
		tk := tickets[id-1] // panics on an unknown ticket
		if i == 0 {
			lo, hi = tk.Rating, tk.Rating
		}
		lo, hi = min(lo, tk.Rating), max(hi, tk.Rating)
		widest = max(widest, s.window(tk, now))
		waited = waited || s.botsDue(tk, now)
	}
	if uint64(hi-lo) > widest {
		t.Fatalf("spread %d of %+v in a window of %d", hi-lo, table, widest)
	}
	if table.Bots > 0 && !waited {
		t.Fatalf("bots were seated before anybody had waited: %+v", table)
	}
}

// TestNobodyWaitsInVain tries all groups of the remaining tickets.
func TestNobodyWaitsInVain(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := settingsGen.Draw(t, "settings")
		s.Seats, s.BotsAfterMs = 3, 0
		tickets := ticketsGen(12).Draw(t, "tickets")
		now := rapid.Uint64Range(0, 20_000).Draw(t, "now")
		plan := Run(tickets, now, s)
		left := without(tickets, plan)
		if fits(left, now, s) {
			t.Fatalf("a table is possible among %+v", left)
		}
		// Time alone makes the next table exactly when the plan says so.
		if plan.NextMs == 0 {
			if fits(left, now+maxWidenMs, s) {
				t.Fatalf("a table will be possible among %+v", left)
			}
			return
		}
		if fits(left, plan.NextMs-1, s) || !fits(left, plan.NextMs, s) {
			t.Fatalf("next at %d is wrong for %+v", plan.NextMs, left)
		}
	})
}

func without(tickets []Ticket, plan Plan) []Ticket {
	return slices.DeleteFunc(slices.Clone(tickets), func(tk Ticket) bool {
		return slices.ContainsFunc(plan.Tables, func(t Table) bool { return slices.Contains(t.Tickets, tk.ID) })
	})
}

// fits reports whether any three tickets fit the window of the oldest.
func fits(left []Ticket, now uint64, s Settings) bool {
	for i, a := range left {
		for j, b := range left[i+1:] {
			for _, c := range left[i+j+2:] {
				spread := max(a.Rating, b.Rating, c.Rating) - min(a.Rating, b.Rating, c.Rating)
				if uint64(spread) <= s.window(a, now) {
					return true
				}
			}
		}
	}
	return false
}
