package mahjong_test

import (
	"encoding/json"
	"math/rand/v2"
	"sync/atomic"
	"testing"

	"teahouse/pkg/mahjong"
)

// TestNonInterference plays the same inputs on two deals that differ in two tiles, both
// hidden from a viewer. What the viewer is told and may look up is the same, byte for
// byte, until one of the two tiles comes into the open or to the viewer.
func TestNonInterference(t *testing.T) {
	var compared, exposed atomic.Int64
	hands := slowly(hiddenHands, manyHiddenHands)
	inParallel(t, hands, func(t *testing.T, n uint64) {
		text := `{"min_claim_ms":700}`
		switch n % 4 {
		case 0:
			text = `{"min_claim_ms":700,"mode":"xueliu"}`
		case 1:
			text = `{"min_claim_ms":700,"hide_angang":true,"must_hu_last4":true}`
		case 2:
			text = `{"min_claim_ms":700,"show_winners":true,"bankrupt":"leave","balances":[9,30,30,9]}`
		}
		rules := mustRules(t, text)
		rng := rand.New(rand.NewPCG(n, 3))
		viewer := int(n%5) - 1
		a := testDeal(n)
		b := a
		i, j := hiddenPlace(rng, a.Dealer, viewer), hiddenPlace(rng, a.Dealer, viewer)
		b.Wall[i], b.Wall[j] = b.Wall[j], b.Wall[i]
		if a.Wall[i].Kind() == a.Wall[j].Kind() {
			return
		}

		one := newWitness(t, rules, a, viewer)
		var inputs []mahjong.Command
		playOut(t, one.h, mixedPlayers(rules, n), func(c mahjong.Command, events []mahjong.Event) {
			inputs = append(inputs, c)
			one.see(events)
		})
		two := newWitness(t, rules, b, viewer)
		for _, c := range inputs {
			events, err := two.h.Apply(c)
			if err != nil && c.Action == mahjong.ActPass {
				continue // this seat was offered something on one deal only
			}
			if err != nil {
				break // from here on the deals are played differently
			}
			two.see(events)
		}
		for k := range min(len(one.told), len(two.told)) {
			if one.told[k] == two.told[k] {
				compared.Add(1)
				continue
			}
			exposed.Add(1)
			if !one.events[k].shows(a.Wall[i], a.Wall[j]) && !two.events[k].shows(a.Wall[i], a.Wall[j]) {
				t.Fatalf("hand %d, viewer %d, tiles %d and %d, event %d:\n%s\n%s", n, viewer, a.Wall[i], a.Wall[j], k, one.told[k], two.told[k])
			}
			break
		}
	})
	if compared.Load() < 10*int64(hands) || exposed.Load() == 0 {
		t.Errorf("%d events were compared, %d exposed a tile: too few to mean something", compared.Load(), exposed.Load())
	}
}

// hiddenPlace draws a place of the wall whose tile viewer does not get in the deal.
func hiddenPlace(rng *rand.Rand, dealer, viewer int) int {
	for {
		place := rng.IntN(mahjong.NumTiles)
		seat := (dealer + place/4) % mahjong.Seats
		if place >= 48 {
			seat = (dealer + place) % mahjong.Seats
		}
		if place >= 53 || seat != viewer {
			return place
		}
	}
}

// witness keeps what one viewer is told.
type witness struct {
	t      *testing.T
	h      *mahjong.Hand
	viewer int
	told   []string
	events []told
}

// told is an event as its viewer is told of it.
type told struct {
	mahjong.Event
	viewer int
}

func newWitness(t *testing.T, rules mahjong.Rules, d mahjong.Deal, viewer int) *witness {
	w := &witness{t: t, h: mustNew(t, rules, d), viewer: viewer}
	w.see([]mahjong.Event{w.h.Opening()})
	return w
}

func (w *witness) see(events []mahjong.Event) {
	heard := false
	for _, e := range events {
		if shown := e.For(w.viewer); shown != nil {
			heard = true
			w.tell(shown, *shown)
		}
	}
	if heard { // and may look
		w.tell(w.h.View(w.viewer), mahjong.Event{Tile: mahjong.NoTile})
	}
}

func (w *witness) tell(what any, e mahjong.Event) {
	text, err := json.Marshal(what)
	if err != nil {
		w.t.Fatal(err)
	}
	w.told = append(w.told, string(text))
	w.events = append(w.events, told{e, w.viewer})
}

// shows says whether an event brings one of two tiles, or their kinds in a meld, before
// the viewer, or is of the kinds that show all hands.
func (e told) shows(a, b mahjong.Tile) bool {
	is := func(t mahjong.Tile) bool { return t == a || t == b }
	switch e.Kind {
	case mahjong.EventEnd, mahjong.EventHu:
		return true
	case mahjong.EventDraw:
		return e.Seat == e.viewer && is(e.Tile)
	}
	if is(e.Tile) {
		return true
	}
	if e.Kind == mahjong.EventSwap {
		for _, tiles := range e.Shown.Received {
			for _, t := range tiles {
				if is(t) {
					return true
				}
			}
		}
	}
	return e.Meld != nil && (e.Meld.Kind == a.Kind() || e.Meld.Kind == b.Kind())
}

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
