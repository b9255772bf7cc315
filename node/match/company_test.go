package match

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// Each ticket is told the most that a table can have within its window: here by trying all groups.
func TestCompanies(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := settingsGen.Draw(t, "settings")
		tickets := ticketsGen(10).Draw(t, "tickets")
		if rapid.Bool().Draw(t, "few ratings") {
			for i := range tickets {
				tickets[i].Rating %= 40
			}
		}
		now := rapid.Uint64Range(0, 40_000).Draw(t, "now")
		got := Companies(rapid.Permutation(tickets).Draw(t, "order"), now, s)
		if len(got) != len(tickets) {
			t.Fatalf("%d companies of %d tickets", len(got), len(tickets))
		}
		for i, c := range got {
			tk := tickets[c.Ticket-1]
			if i > 0 && tickets[got[i-1].Ticket-1].JoinedMs > tk.JoinedMs {
				t.Fatalf("ticket %d comes after a younger one", tk.ID)
			}
			if want := most(tickets, tk, s.Seats, s.window(tk, now)); c.People != want {
				t.Fatalf("ticket %d: %d people, want %d", tk.ID, c.People, want)
			}
		}
	})
}

// most is the size of the largest group of at most seats that holds a ticket and fits a window.
func most(tickets []Ticket, with Ticket, seats int, window uint64) int {
	best := 1
	for _, lowest := range tickets {
		if lowest.Rating > with.Rating {
			continue
		}
		n := 0
		for _, other := range tickets {
			if other.Rating >= lowest.Rating && uint64(max(other.Rating, with.Rating)-lowest.Rating) <= window {
				n++
			}
		}
		if uint64(with.Rating-lowest.Rating) <= window {
			best = max(best, n)
		}
	}
	return min(best, seats)
}

func TestCompanyOfWhoPlaysAlone(t *testing.T) {
	got := Companies(at(0, 0, 0), 0, Settings{Seats: 4, Window: 100, Alone: true})
	if want := []Company{{1, 1}, {2, 1}, {3, 1}}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestNoCompanies(t *testing.T) {
	if got := Companies(at(1, 2), 0, Settings{}); got != nil {
		t.Error(got)
	}
	if got := Companies(nil, 0, Settings{Seats: 4}); got != nil {
		t.Error(got)
	}
}

func BenchmarkCompanies(b *testing.B) {
	for _, spread := range []int64{1, 4000} {
		var tickets []Ticket
		for i := range 20_000 {
			tickets = append(tickets, Ticket{ID: uint64(i + 1), Rating: int64(i*7919) % spread, JoinedMs: uint64(i)})
		}
		slices.Reverse(tickets)
		b.Run(map[int64]string{1: "equal", 4000: "spread"}[spread], func(b *testing.B) {
			for b.Loop() {
				Companies(tickets, 30_000, Settings{Seats: 4, Window: 200, WidenPerSecond: 50, MaxWindow: 2000})
			}
		})
	}
}

// Who has waited longer accepts more, also of two with equal ratings.
func TestCompanyOfTheWindow(t *testing.T) {
	tickets := []Ticket{{ID: 1}, {ID: 2, JoinedMs: 5000}, {ID: 3, Rating: 100, JoinedMs: 5000}}
	got := Companies(tickets, 5000, Settings{Seats: 4, Window: 50, WidenPerSecond: 10, MaxWindow: 1000})
	if want := []Company{{1, 3}, {2, 2}, {3, 1}}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}
