package mahjong_test

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"

	"teahouse/pkg/mahjong"
	"teahouse/pkg/mahjong/mahjongtest"
)

// onlooker collects what a viewer gets to see of a hand.
type onlooker struct {
	h      *mahjong.Hand
	viewer int
	told   []*mahjong.Event
	// leak, if not nil, shows something more, to check that it would be found.
	leak func(h *mahjong.Hand, viewer int) any
}

// sight is what a viewer can look at after an input.
type sight struct {
	View mahjong.View
	Wall int
	Leak any
}

func (o *onlooker) hear(events ...mahjong.Event) {
	for _, e := range events {
		if shown := e.For(o.viewer); shown != nil {
			o.told = append(o.told, shown)
		}
	}
}

func (o *onlooker) look() sight {
	s := sight{View: o.h.View(o.viewer), Wall: o.h.Wall()}
	if o.leak != nil {
		s.Leak = o.leak(o.h, o.viewer)
	}
	return s
}

// pairOf draws two deals that differ only in what a viewer may not know.
func pairOf(t *testing.T, n uint64, change func(rules *mahjong.Rules)) *mahjongtest.Pair {
	t.Helper()
	rng := rand.New(rand.NewPCG(n, 21))
	rules := randomRules(t, rng)
	if rng.IntN(3) > 0 {
		rules.MinClaimMs = 700
	}
	if change != nil {
		change(&rules)
	}
	inputs, err := mahjongtest.Play(rules, testDeal(n), rng)
	if err != nil {
		t.Fatal(err)
	}
	pair, err := mahjongtest.NewPair(rules, testDeal(n), inputs, int(n%5)-1, rng)
	if err != nil {
		t.Fatal(err)
	}
	return pair
}

// tally counts what was compared.
type tally struct {
	steps, events, moved int
	phases               map[mahjong.Phase]int
	kinds                map[mahjong.EventKind]int
}

// compare plays a pair and returns the first difference that its viewer sees.
func compare(t *testing.T, pair *mahjongtest.Pair, leak func(*mahjong.Hand, int) any, sum *tally) (difference string) {
	t.Helper()
	var sides [2]*onlooker
	for i := range sides {
		sides[i] = &onlooker{h: mustNew(t, pair.Rules, pair.Deals[i]), viewer: pair.Viewer, leak: leak}
		sides[i].hear(sides[i].h.Opening())
	}
	a, b := sides[0], sides[1]
	heard := 0
	for n, step := range pair.Steps {
		for i, side := range sides {
			for _, c := range step[i] {
				side.hear(mustApply(t, side.h, c)...)
			}
		}
		for ; heard < min(len(a.told), len(b.told)); heard++ {
			if !reflect.DeepEqual(a.told[heard], b.told[heard]) {
				return fmt.Sprintf("step %d, event %d:\n%+v\n%+v", n, heard, a.told[heard], b.told[heard])
			}
			sum.kinds[a.told[heard].Kind]++
			sum.events++
		}
		one, two := a.look(), b.look()
		// Without a least time a window closes when nobody is left to answer, and the time of that
		// gives something away. What is told stays the same.
		if pair.Rules.MinClaimMs == 0 && (inWindow(&one.View) || inWindow(&two.View)) {
			continue
		}
		if len(a.told) != len(b.told) {
			return fmt.Sprintf("step %d: %d events, %d events", n, len(a.told), len(b.told))
		}
		if !reflect.DeepEqual(one, two) {
			return fmt.Sprintf("step %d:\n%+v\n%+v", n, one, two)
		}
		if a.h.Holding() != b.h.Holding() {
			return fmt.Sprintf("step %d: one window holds, the other does not", n)
		}
		sum.phases[one.View.Phase]++
		sum.steps++
	}
	for _, side := range sides { // a returning player sees the same as the others
		var again mahjong.Hand
		if err := again.UnmarshalBinary(mustMarshal(t, side.h)); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(again.View(pair.Viewer), side.h.View(pair.Viewer)) {
			return "a restored hand shows something else"
		}
	}
	sum.moved += pair.Moved
	return ""
}

func inWindow(v *mahjong.View) bool {
	return v.Phase == mahjong.PhaseClaim || v.Phase == mahjong.PhaseRob
}

func newTally() *tally {
	return &tally{phases: make(map[mahjong.Phase]int), kinds: make(map[mahjong.EventKind]int)}
}

// TestNothingHiddenShows plays the same inputs on two deals that differ in as many hidden tiles as
// possible: every event and every view is the same for the viewer, in content, number and order,
// until something public must differ.
func TestNothingHiddenShows(t *testing.T) {
	count := slowly(hiddenHands, manyHiddenHands)
	sum := newTally()
	for n := range count {
		if d := compare(t, pairOf(t, n, nil), nil, sum); d != "" {
			t.Fatalf("hand %d, viewer %d: %s", n, int(n%5)-1, d)
		}
	}
	t.Logf("%+v", sum)
	if hands := int(count); sum.steps < 30*hands || sum.events < 30*hands || sum.moved < 40*hands {
		t.Errorf("%d hands, %+v: too few to be meaningful", count, sum)
	}
}

// leaks are what a careless view could show. Each looks minor.
var leaks = map[string]func(h *mahjong.Hand, viewer int) any{
	"a tile of another hand":    func(h *mahjong.Hand, viewer int) any { return h.View(other(viewer)).Hand[0] },
	"the kind of such a tile":   func(h *mahjong.Hand, viewer int) any { return h.View(other(viewer)).Hand[0].Kind() },
	"its suit":                  func(h *mahjong.Hand, viewer int) any { return h.View(other(viewer)).Hand[0].Kind().Suit() },
	"a choice for the swap":     func(h *mahjong.Hand, viewer int) any { return h.View(other(viewer)).Given },
	"the void suit":             func(h *mahjong.Hand, viewer int) any { return h.View(other(viewer)).Void },
	"who is asked":              func(h *mahjong.Hand, viewer int) any { return h.Prompt(other(viewer)).Kind },
	"that somebody is asked":    func(h *mahjong.Hand, _ int) any { return asked(h) },
	"the number of prompts":     func(h *mahjong.Hand, viewer int) any { return h.Prompt(viewer).Serial },
	"the number of answers":     func(h *mahjong.Hand, _ int) any { b, _ := h.MarshalBinary(); return len(b) },
	"the drawn tile":            func(h *mahjong.Hand, viewer int) any { return h.View(other(viewer)).Drawn },
	"that another may win":      func(h *mahjong.Hand, viewer int) any { return h.Prompt(other(viewer)).Hu },
	"what auto-play would do":   func(h *mahjong.Hand, viewer int) any { return h.Auto(other(viewer)).Action },
	"whether a hand is ready":   func(h *mahjong.Hand, viewer int) any { return waits(h, other(viewer)) != 0 },
	"the kind of a hidden gang": func(h *mahjong.Hand, viewer int) any { return hiddenGang(h, other(viewer)) },
	"the tile of a winner": func(h *mahjong.Hand, viewer int) any {
		if v := h.View(other(viewer)); len(v.Seats[v.Seat].Wins) > 0 && len(v.Hand) > 0 {
			return v.Hand[0]
		}
		return nil
	},
}

// other is a seat that viewer sees little of.
func other(viewer int) int { return (viewer + 1) % mahjong.Seats }

func waits(h *mahjong.Hand, seat int) mahjong.KindSet {
	v := h.View(seat)
	shape := mahjong.Shape{Concealed: mahjong.Count(v.Hand), Void: v.Void}
	for _, m := range v.Seats[seat].Melds {
		shape.Melds = append(shape.Melds, mahjong.MeldShape{Type: m.Type, Kind: m.Kind})
	}
	return shape.Waits()
}

func hiddenGang(h *mahjong.Hand, seat int) mahjong.Kind {
	for _, m := range h.View(seat).Seats[seat].Melds {
		if m.Hidden {
			return m.Kind
		}
	}
	return mahjong.NoKind
}

// TestLeaksAreFound adds each leak and checks that it is found.
func TestLeaksAreFound(t *testing.T) {
	for name, leak := range leaks {
		found := false
		for n := uint64(0); n < 20*hiddenHands && !found; n++ {
			pair := pairOf(t, n, func(rules *mahjong.Rules) { rules.HideAnGang, rules.ShowWinners = true, false })
			found = compare(t, pair, leak, newTally()) != ""
		}
		if !found && hiddenHands > 100 { // some need one hand in hundreds
			t.Errorf("%s: not found", name)
		}
	}
}
