package mahjong_test

import (
	"reflect"
	"testing"

	"teahouse/pkg/mahjong"
)

// onlyTimeouts lets every prompt time out.
func onlyTimeouts(h *mahjong.Hand) []chooser {
	players := make([]chooser, mahjong.Seats)
	for i := range players {
		players[i] = func(*mahjong.View) mahjong.Command {
			return mahjong.Command{Action: mahjong.ActTimeout, Seat: i}
		}
	}
	return players
}

// TestTimeouts plays hands in which nobody ever answers: no win, no meld, but they do end.
func TestTimeouts(t *testing.T) {
	for n, text := range ruleSets {
		h := mustNew(t, mustRules(t, text), testDeal(uint64(n)))
		playOut(t, h, onlyTimeouts(h), func(_ mahjong.Command, events []mahjong.Event) {
			for _, e := range events {
				switch e.Kind {
				case mahjong.EventHu, mahjong.EventGang, mahjong.EventPeng, mahjong.EventBuGang:
					t.Errorf("%s: a timeout led to %s", text, e.Kind)
				case mahjong.EventAnswered:
					if e.Answer.Action == mahjong.ActTimeout {
						t.Errorf("%s: the chosen answer is not shown", text)
					}
				}
			}
		})
		if r, _ := h.Result(); r.Reason != mahjong.WallEmpty || r.NextDealer != n%mahjong.Seats {
			t.Errorf("%s: %+v", text, r.End)
		}
	}
}

// TestTimeoutChoices checks the choices of the rules one by one, from the seat's view.
func TestTimeoutChoices(t *testing.T) {
	for n := range uint64(60) {
		h := mustNew(t, mahjong.DefaultRules(), testDeal(n))
		playOut(t, h, onlyTimeouts(h), func(_ mahjong.Command, _ []mahjong.Event) {
			for seat := range mahjong.Seats {
				if v := h.View(seat); v.Prompt.Kind != mahjong.PromptNone {
					checkTimeoutChoice(t, h, &v)
				}
			}
		})
	}
}

func checkTimeoutChoice(t *testing.T, h *mahjong.Hand, v *mahjong.View) {
	t.Helper()
	var copied mahjong.Hand
	if err := copied.UnmarshalBinary(mustMarshal(t, h)); err != nil {
		t.Fatal(err)
	}
	first := mustApply(t, &copied, mahjong.Command{Action: mahjong.ActTimeout, Seat: v.Seat})[0]
	counts := mahjong.Count(v.Hand)
	suit, fewest := mahjong.NoSuit, 99
	least := 0
	if v.Phase == mahjong.PhaseSwap {
		least = 3
	}
	for s := mahjong.Wan; s <= mahjong.Tiao; s++ {
		if n := counts.InSuit(s); n >= least && n < fewest {
			suit, fewest = s, n
		}
	}
	switch v.Prompt.Kind {
	case mahjong.PromptSwap:
		var want []mahjong.Tile
		for i := len(v.Hand) - 1; len(want) < 3; i-- {
			if v.Hand[i].Kind().Suit() == suit {
				want = append(want, v.Hand[i])
			}
		}
		if got := first.Answer.Tiles; !reflect.DeepEqual(got[:], want) {
			t.Errorf("swap of %v: %v, want %v", v.Hand, got, want)
		}
	case mahjong.PromptVoid:
		if first.Answer.Suit != suit {
			t.Errorf("void of %v: %d, want %d", v.Hand, first.Answer.Suit, suit)
		}
	case mahjong.PromptTurn:
		want := v.Drawn
		if want == mahjong.NoTile {
			want = v.Hand[len(v.Hand)-1]
		}
		for _, x := range v.Hand { // ascending: the last one found is the highest
			if x.Kind().Suit() == v.Void {
				want = x
			}
		}
		if first.Kind != mahjong.EventDiscard || first.Tile != want {
			t.Errorf("discard of %v with %d drawn, void %d: %d, want %d", v.Hand, v.Drawn, v.Void, first.Tile, want)
		}
	default:
		if first.Answer.Action != mahjong.ActPass {
			t.Errorf("answer %s", first.Answer.Action)
		}
	}
}

// TestAuto lets auto-play alone finish hands: it wins when it can and makes no meld.
func TestAuto(t *testing.T) {
	wins := 0
	for n := range uint64(60) {
		h := mustNew(t, mustRules(t, ruleSets[n%uint64(len(ruleSets))]), testDeal(n))
		for !h.Finished() {
			c := mahjong.Command{Action: mahjong.ActRelease}
			for seat := range mahjong.Seats {
				if p := h.Prompt(seat); p.Serial != 0 {
					c = h.Auto(seat)
					if p.Hu != (c.Action == mahjong.ActHu) {
						t.Fatalf("offered hu %v, auto-play does %s", p.Hu, c.Action)
					}
				} else if (h.Auto(seat) != mahjong.Command{}) {
					t.Fatal("auto-play answered without a prompt")
				}
			}
			for _, e := range mustApply(t, h, c) {
				if e.Kind == mahjong.EventPeng || e.Kind == mahjong.EventGang {
					t.Fatalf("auto-play made a %s", e.Kind)
				}
				if e.Kind == mahjong.EventHu {
					wins++
				}
			}
		}
	}
	if wins == 0 {
		t.Error("auto-play never won")
	}
}

// TestMinClaim checks that with a least time every discard's window, whether it has offers or not,
// is held until it is released, and that nothing else in the game changes.
func TestMinClaim(t *testing.T) {
	with, without := mustRules(t, `{"min_claim_ms":700}`), mahjong.DefaultRules()
	offered, empty := 0, 0
	for n := range uint64(20) {
		h, plainHand := mustNew(t, with, testDeal(n)), mustNew(t, without, testDeal(n))
		players := mixedPlayers(without, n)
		openBefore := mahjong.NoTile
		playOut(t, h, players, func(c mahjong.Command, events []mahjong.Event) {
			defer func() { openBefore = h.View(mahjong.Spectator).Open }()
			if c.Action == mahjong.ActRelease {
				return
			}
			if last := events[len(events)-1]; last.Kind == mahjong.EventDiscard || last.Kind == mahjong.EventBuGang {
				if !h.Holding() {
					t.Fatalf("the window of a %s does not hold", last.Kind)
				}
			}
			if h.Holding() && len(events) > 0 {
				switch h.View(mahjong.Spectator).Phase {
				case mahjong.PhaseClaim, mahjong.PhaseRob:
				default:
					t.Fatal("holding outside of a window")
				}
				if asked(h) {
					offered++
				} else {
					empty++
				}
			}
			inWindow := c.Action >= mahjong.ActHu && events[0].Kind == mahjong.EventAnswered
			if inWindow && plainHand.Prompt(c.Seat).Tile != openBefore {
				return // the other hand's window has closed early
			}
			mustApply(t, plainHand, c)
			if plainHand.Holding() {
				t.Fatal("a window holds without a least time")
			}
		})
		a, _ := h.Result()
		b, ok := plainHand.Result()
		if !ok || !reflect.DeepEqual(a, b) {
			t.Errorf("hand %d ended differently with a least time", n)
		}
	}
	if offered == 0 || empty == 0 {
		t.Errorf("%d windows with offers open, %d without", offered, empty)
	}
}

func asked(h *mahjong.Hand) bool {
	for seat := range mahjong.Seats {
		if h.Prompt(seat).Serial != 0 {
			return true
		}
	}
	return false
}

// TestReleaseBeforeAnswers releases a window while a seat has not answered: it stays open for the
// answer, and a second release is refused.
func TestReleaseBeforeAnswers(t *testing.T) {
	rules := mustRules(t, `{"min_claim_ms":700}`)
	tried := 0
	for n := range uint64(10) {
		h := mustNew(t, rules, testDeal(n))
		players := mixedPlayers(rules, n)
		for !h.Finished() {
			release := mahjong.Command{Action: mahjong.ActRelease}
			if h.Holding() && asked(h) {
				mustApply(t, h, release)
				if !asked(h) {
					t.Fatal("a release closed a prompt")
				}
				if _, err := h.Apply(release); err != mahjong.ErrNotHolding {
					t.Fatalf("a second release: %v", err)
				}
				tried++
			}
			mustApply(t, h, next(t, h, players))
		}
	}
	if tried == 0 {
		t.Error("no window was released early")
	}
}
