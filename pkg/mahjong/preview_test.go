package mahjong_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"teahouse/pkg/mahjong"
)

// What a preview promises is what the answer brings, if nobody else claims anything.
func TestPreviewsComeTrue(t *testing.T) {
	const hands, actions = 150, 5
	kept := make([][actions]int, hands) // by hand: promises of each action
	inParallel(t, hands, func(t *testing.T, n uint64) {
		rng := rand.New(rand.NewPCG(n, 6))
		h := mustNew(t, randomRules(t, rng), testDeal(n))
		look := func() {
			for seat := range mahjong.Seats {
				for _, p := range h.Previews(seat) {
					keepsPromise(t, h, seat, p)
					kept[n][slices.Index([]mahjong.Action{mahjong.ActHu, mahjong.ActGang, mahjong.ActAnGang, mahjong.ActBuGang}, p.Action)]++
					if p.Later {
						kept[n][4]++
					}
				}
				checkOffers(t, h, seat)
			}
		}
		look()
		playRandomly(t, h, rng, func([]mahjong.Event) { look() })
	})
	var sum [actions]int
	for _, k := range kept {
		for i := range k {
			sum[i] += k[i]
		}
	}
	if slices.Min(sum[:]) < 5 {
		t.Errorf("only %v promises were seen", sum)
	}
}

// checkOffers checks that exactly the answers that can bring something have a preview.
func checkOffers(t *testing.T, h *mahjong.Hand, seat int) {
	t.Helper()
	p := h.Prompt(seat)
	var want, got []string
	if p.Hu {
		want = append(want, fmt.Sprint(mahjong.ActHu))
	}
	if p.Gang {
		want = append(want, fmt.Sprint(mahjong.ActGang, p.Tile.Kind()))
	}
	for _, k := range p.An {
		want = append(want, fmt.Sprint(mahjong.ActAnGang, k))
	}
	for _, k := range p.Bu {
		want = append(want, fmt.Sprint(mahjong.ActBuGang, k))
	}
	for _, v := range h.Previews(seat) {
		if v.Action == mahjong.ActHu {
			got = append(got, fmt.Sprint(v.Action))
		} else {
			got = append(got, fmt.Sprint(v.Action, v.Kind))
		}
	}
	if !slices.Equal(want, got) {
		t.Fatalf("offered %v, previews of %v", want, got)
	}
}

// keepsPromise gives the answer in a copy of the hand, lets the others pass, and compares what it brings.
func keepsPromise(t *testing.T, h *mahjong.Hand, seat int, p mahjong.Preview) {
	t.Helper()
	var twin mahjong.Hand
	if err := twin.UnmarshalBinary(mustMarshal(t, h)); err != nil {
		t.Fatal(err)
	}
	events := mustApply(t, &twin, mahjong.Command{Action: p.Action, Seat: seat, Kind: p.Kind})
	for !brings(events, p.Action) {
		c := mahjong.Command{Action: mahjong.ActRelease}
		for i := range mahjong.Seats {
			if k := twin.Prompt(i).Kind; k == mahjong.PromptClaim || k == mahjong.PromptRob {
				c = mahjong.Command{Action: mahjong.ActPass, Seat: i}
			}
		}
		events = mustApply(t, &twin, c)
	}
	e := events[slices.IndexFunc(events, func(e mahjong.Event) bool { return e.Kind == mahjong.EventHu || e.Kind == mahjong.EventGang })]
	if e.Kind == mahjong.EventHu && (e.Win.Score.Fan != p.Score.Fan || !slices.Equal(e.Win.Score.Items(), p.Score.Items()) || e.Win.Tile.Kind() != p.Kind) {
		t.Fatalf("promised %+v, got %+v", p, e.Win)
	}
	var paid []mahjong.Pays
	for _, item := range e.Items {
		// Gang money that passes on with the discard comes besides.
		if item.Why != mahjong.WhyTransfer && (e.Kind == mahjong.EventGang || item.Why == mahjong.WhyHu) {
			paid = append(paid, mahjong.Pays{From: item.From, Points: item.Points})
		}
	}
	if p.Later {
		if len(paid) != 0 {
			t.Fatalf("promised to be paid at the end, paid at once: %v", paid)
		}
		return
	}
	if !slices.Equal(paid, p.Pays) {
		t.Fatalf("%v of seat %d: promised %v, paid %v", p.Action, seat, p.Pays, paid)
	}
}

// brings reports whether the events hold what an action is for.
func brings(events []mahjong.Event, a mahjong.Action) bool {
	return slices.ContainsFunc(events, func(e mahjong.Event) bool {
		return a == mahjong.ActHu && e.Kind == mahjong.EventHu || a != mahjong.ActHu && e.Kind == mahjong.EventGang
	})
}
