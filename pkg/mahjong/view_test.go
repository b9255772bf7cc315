package mahjong_test

import (
	"testing"

	"teahouse/pkg/mahjong"
)

// TestProjection checks each kind of event for the seat itself, another seat and a
// spectator.
func TestProjection(t *testing.T) {
	rules := mahjong.DefaultRules()
	h := mustNew(t, rules, testDeal(4))
	kinds := map[mahjong.EventKind]bool{}
	check := func(e mahjong.Event) {
		kinds[e.Kind] = true
		for viewer := mahjong.Spectator; viewer < mahjong.Seats; viewer++ {
			shown := e.For(viewer)
			if shown == nil {
				if e.Kind != mahjong.EventAnswered || viewer == e.Seat {
					t.Errorf("viewer %d is not told of %s by %d", viewer, e.Kind, e.Seat)
				}
				continue
			}
			if e.Kind == mahjong.EventDraw && (shown.Tile == mahjong.NoTile) == (viewer == e.Seat) {
				t.Errorf("viewer %d sees seat %d draw %d", viewer, e.Seat, shown.Tile)
			}
			for seat := range mahjong.Seats {
				if e.Shown == nil {
					break
				}
				open, shown, e := e.Kind == mahjong.EventEnd, shown.Shown, *e.Shown
				if (shown.Hands[seat] != nil) != (e.Hands[seat] != nil && (open || seat == viewer)) {
					t.Errorf("viewer %d, hand of %d: %v", viewer, seat, shown.Hands[seat])
				}
				if seat != viewer && (shown.Given[seat] != nil || shown.Received[seat] != nil) {
					t.Errorf("viewer %d sees the swap of %d", viewer, seat)
				}
			}
		}
	}
	check(h.Opening())
	playOut(t, h, mixedPlayers(rules, 4), func(_ mahjong.Command, events []mahjong.Event) {
		for _, e := range events {
			check(e)
		}
		if h.Finished() {
			return
		}
		for viewer := mahjong.Spectator; viewer < mahjong.Seats; viewer++ {
			v := h.View(viewer)
			if v.Prompt.Serial != 0 || v.End != nil || (viewer < 0) != (v.Hand == nil) {
				t.Errorf("view of %d: %+v", viewer, v)
			}
			for i := range v.Seats {
				if v.Seats[i].Hand != nil || v.Phase < mahjong.PhaseTurn && v.Seats[i].Void != mahjong.NoSuit {
					t.Errorf("viewer %d sees too much of seat %d", viewer, i)
				}
			}
		}
	})
	for _, kind := range []mahjong.EventKind{mahjong.EventAnswered, mahjong.EventSwap, mahjong.EventVoid, mahjong.EventDraw, mahjong.EventEnd} {
		if !kinds[kind] {
			t.Errorf("no %s in the hand", kind)
		}
	}
	for i, s := range h.View(mahjong.Spectator).Seats {
		if len(s.Hand) != s.Concealed {
			t.Errorf("after the end the hand of seat %d is not shown", i)
		}
	}
}
