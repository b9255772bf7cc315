package tablegame_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"teahouse/pkg/game"
	"teahouse/pkg/mahjong/tablegame"
	"teahouse/pkg/mahjong/tablegame/mahjongpb"
	"teahouse/pkg/wire/wirepb"
)

// sitting plays a hand on its own clock, as a table does.
type sitting struct {
	t     *testing.T
	g     game.Game
	h     game.Hand
	rng   *rand.Rand
	now   time.Duration
	other int // what anybody was told while only one seat had answered
}

// below is a random time within d.
func (s *sitting) below(d time.Duration) time.Duration { return time.Duration(s.rng.Int64N(int64(d))) }

// answer lets a seat give the bot's answer.
func (s *sitting) answer(seat int) game.Step {
	s.t.Helper()
	move, err := think(s.g, s.h, seat, game.Weak)
	if err != nil {
		s.t.Fatal(err)
	}
	step, err := s.h.Move(seat, move)
	if err != nil {
		s.t.Fatal(err)
	}
	return step
}

// window waits for the end of a hold that began at opened, with all asked seats answering in time,
// and returns their number. Nobody else may be told anything before it ends.
func (s *sitting) window(opened time.Duration) (asked int) {
	s.t.Helper()
	due := opened + s.h.Hold()
	for seats := open(s.h); len(seats) > 0; seats = open(s.h) {
		asked++
		s.now += s.below(due - s.now)
		seat := seats[s.rng.IntN(len(seats))]
		for _, e := range s.answer(seat).Events {
			for other := range e.Seats {
				if other != seat && e.Seats[other] != nil {
					s.other++
				}
			}
		}
		if s.h.Hold() == 0 {
			s.t.Fatalf("the window closed after %v by an answer", s.now-opened)
		}
	}
	s.now = due
	if _, err := s.h.Release(); err != nil {
		s.t.Fatal(err)
	}
	return asked
}

// TestWindowsCloseAlike answers every prompt of a window within its least time: each window of a
// discard or bu-gang closes exactly then, whatever was offered to whom, and others are told nothing
// before.
func TestWindowsCloseAlike(t *testing.T) {
	g := newGame(t, tablegame.Config{})
	const least = 700 * time.Millisecond
	met := make(map[string]int) // windows by kind and number of those asked
	for n := range uint64(40) {
		rules := []string{`{"min_claim_ms":700}`, `{"min_claim_ms":700,"must_hu_last4":true,"multi_hu":false}`}[n%2]
		s := &sitting{t: t, g: g, h: deal(t, g, n, rules), rng: rand.New(rand.NewPCG(n, 12))}
		for over := false; !over; _, over = s.h.Result() {
			phase := view(t, s.h, 0).Phase
			inWindow := phase == mahjongpb.View_CLAIM || phase == mahjongpb.View_ROB
			if inWindow != (s.h.Hold() > 0) {
				t.Fatalf("in phase %v the hand holds for %v", phase, s.h.Hold())
			}
			if !inWindow {
				s.now += s.below(time.Second)
				s.answer(open(s.h)[0])
				continue
			}
			opened := s.now
			asked := s.window(opened)
			met[phase.String()+[]string{" nobody", " one", " two", " three"}[asked]]++
			if s.now-opened != least {
				t.Fatalf("%d seats were asked, and the window was open for %v", asked, s.now-opened)
			}
		}
		if s.other > 0 {
			t.Errorf("seed %d: %d times others were told of an answer in an open window", n, s.other)
		}
	}
	for _, kind := range []string{"CLAIM nobody", "CLAIM one", "CLAIM two", "ROB nobody"} {
		if met[kind] == 0 {
			t.Errorf("no window %s: %v", kind, met)
		}
	}
}

// TestForced plays Xueliu: a winner without a choice is not asked, and the drawn tile is discarded
// after a moment. One with a choice is asked in secret, from version 6 on.
func TestForced(t *testing.T) {
	g := newGame(t, tablegame.Config{Forced: 600 * time.Millisecond})
	forced, chosen := 0, 0
	for n := range uint64(12) {
		rng := rand.New(rand.NewPCG(n/2, 13))
		version := []uint32{5, g.Version()}[n%2]
		rules, err := g.Rules([]byte(`{"mode":"xueliu"}`))
		if err != nil {
			t.Fatal(err)
		}
		h, err := g.Deal(game.Setup{Rules: rules, Seed: seedOf(n / 2), Dealer: int(n / 2 % 4), Version: version})
		if err != nil {
			t.Fatal(err)
		}
		if h, err = g.Restore(h.Snapshot()); err != nil { // it keeps to its version
			t.Fatal(err)
		}
		for over := false; !over; _, over = h.Result() {
			v := view(t, h, 0)
			if v.Phase != mahjongpb.View_TURN {
				next(t, g, h, rng)
				continue
			}
			seat := int(v.GetTurn())
			if p := h.Prompt(seat); p.Serial != 0 {
				m := unmarshal(t, p.Payload, &mahjongpb.Prompt{})
				if p.Secret != (v.Seats[seat].Locked && version >= 6) {
					t.Fatalf("version %d: secret %v", version, p.Secret)
				}
				if v.Seats[seat].Locked {
					chosen++
					if !m.Hu && len(m.AnGang)+len(m.BuGang) == 0 {
						t.Fatal("a locked hand is asked although it has no choice")
					}
				}
				if h.Hold() != 0 {
					t.Fatal("the hand holds while a prompt is open")
				}
				next(t, g, h, rng)
				continue
			}
			forced++
			if h.Hold() != 600*time.Millisecond || !v.Seats[seat].Locked {
				t.Fatalf("no prompt is open, but the hand holds for %v", h.Hold())
			}
			drawn := view(t, h, seat).GetDrawn()
			refuse(t, h, seat, bytesOf(t, discard(drawn)), wirepb.Code_PROMPT_GONE)
			for _, answer := range []func(int) (game.Step, error){h.Timeout, h.Auto} {
				if _, err := answer(seat); game.CodeOf(err, wirepb.Code_OK) != wirepb.Code_PROMPT_GONE {
					t.Fatalf("answered for a seat without a prompt: %v", err)
				}
			}
			step, err := h.Release()
			if err != nil {
				t.Fatal(err)
			}
			if d := unmarshal(t, step.Events[0].Seats[0], &mahjongpb.Event{}).GetDiscard(); d.GetTile() != drawn || int(d.GetSeat()) != seat {
				t.Fatalf("the drawn tile is %d, the discard %v", drawn, d)
			}
		}
	}
	if forced == 0 || chosen == 0 {
		t.Errorf("%d forced turns, %d with a choice", forced, chosen)
	}
}

// TestTotals deals with balances that the round has changed.
func TestTotals(t *testing.T) {
	g := newGame(t, tablegame.Config{})
	rules, err := g.Rules([]byte(`{"bankrupt":"leave","balances":[10,10,10,10]}`))
	if err != nil {
		t.Fatal(err)
	}
	totals := []int64{-10, 5, 5, 0}
	h, err := g.Deal(game.Setup{Rules: rules, Seed: seedOf(3), Totals: totals})
	if err != nil {
		t.Fatal(err)
	}
	for v := view(t, h, 0); v.Phase < mahjongpb.View_TURN; v = view(t, h, 0) {
		if _, err := h.Timeout(open(h)[0]); err != nil {
			t.Fatal(err)
		}
	}
	for seat, s := range view(t, h, 0).Seats {
		if s.Out != (seat == 0) {
			t.Errorf("with a total of %d, seat %d is out: %v", totals[seat], seat, s.Out)
		}
	}
}
