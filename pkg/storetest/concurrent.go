package storetest

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"teahouse/pkg/game"
)

// workers is how many goroutines use a store at once.
const workers = 16

// together runs f in all workers, which share two handles, and waits.
func together(open Opener, f func(worker int, s Store)) {
	handles := []Store{open(), open()}
	start := make(chan struct{})
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			<-start
			f(w, handles[w%len(handles)])
		})
	}
	close(start)
	wg.Wait()
}

func testSameHandAtOnce(t *testing.T, open Opener) {
	r := result(game.MakeTableID(1, 1), 1, 1, 2, 3, 4)
	together(open, func(w int, s Store) {
		if err := s.Settle(t.Context(), r); err != nil {
			t.Errorf("worker %d: %v", w, err)
		}
	})
	for seat, p := range r.Players {
		wantProfile(t, open(), game.Profile{Player: p, Score: r.Scores[seat], Hands: 1})
	}
}

func testTwoResultsAtOnce(t *testing.T, open Opener) {
	results := [2]game.HandResult{}
	for i := range results {
		results[i] = result(game.MakeTableID(1, 1), 1, 1, 2, 3, 4)
		results[i].Hash[0] = byte(i)
	}
	var settled, refused [2]atomic.Int32
	together(open, func(w int, s Store) {
		which := w / 2 % 2
		switch err := s.Settle(t.Context(), results[which]); {
		case err == nil:
			settled[which].Add(1)
		case errors.Is(err, game.ErrResultConflict):
			refused[which].Add(1)
		default:
			t.Errorf("worker %d: %v", w, err)
		}
	})
	winner := 0
	if settled[1].Load() > 0 {
		winner = 1
	}
	if settled[winner].Load() != workers/2 || refused[1-winner].Load() != workers/2 {
		t.Errorf("settled %d and %d, refused %d and %d; want one result everywhere",
			settled[0].Load(), settled[1].Load(), refused[0].Load(), refused[1].Load())
	}
	wantProfile(t, open(), game.Profile{Player: 1, Score: 6, Hands: 1})
}

// testOverlappingHands settles hands of few players in many seatings, each by two workers: a lost
// update would show in the totals, a wrong lock order as a deadlock.
func testOverlappingHands(t *testing.T, open Opener) {
	const players, rounds = 6, 8
	seating := func(n int) []game.PlayerID {
		seats := make([]game.PlayerID, 4)
		for i := range seats {
			seats[i] = game.PlayerID((n*5+i*(1+4*(n%2)))%players + 1) // forwards and backwards
		}
		return seats
	}
	together(open, func(w int, s Store) {
		for round := range rounds {
			n := w/2*rounds + round
			if err := s.Settle(t.Context(), result(game.MakeTableID(1, uint64(n+1)), 1, seating(n)...)); err != nil {
				t.Errorf("worker %d, hand %d: %v", w, n, err)
			}
		}
	})
	want := make(map[game.PlayerID]*game.Profile)
	for n := range workers / 2 * rounds {
		r := result(1, 1, seating(n)...)
		for seat, p := range r.Players {
			if want[p] == nil {
				want[p] = &game.Profile{Player: p}
			}
			want[p].Score += r.Scores[seat]
			want[p].Hands++
		}
	}
	s := open()
	for _, p := range want {
		wantProfile(t, s, *p)
	}
}

func testBirthAtOnce(t *testing.T, open Opener) {
	var inForce [workers]game.Birth
	together(open, func(w int, s Store) {
		var err error
		proposal := game.Birth{Cluster: fmt.Sprintf("cluster %d", w), Created: finished}
		if inForce[w], err = s.Bear(t.Context(), proposal); err != nil {
			t.Errorf("worker %d: %v", w, err)
		}
	})
	for w := range inForce {
		if inForce[w].Cluster == "" || inForce[w].Cluster != inForce[0].Cluster {
			t.Errorf("worker %d was told %q, worker 0 %q", w, inForce[w].Cluster, inForce[0].Cluster)
		}
	}
}
