package bot_test

import (
	"encoding/binary"
	"math/rand/v2"
	"sync"
	"testing"

	"teahouse/pkg/bot"
	"teahouse/pkg/game"
	"teahouse/pkg/mahjong"
)

// player answers for a seat from its view.
type player func(view *mahjong.View) mahjong.Command

func deal(n uint64) mahjong.Deal {
	var seed [32]byte
	binary.BigEndian.PutUint64(seed[:], n)
	return mahjong.DealFromSeed(seed, int(n%mahjong.Seats))
}

func parse(t testing.TB, text string) mahjong.Rules {
	t.Helper()
	rules, err := mahjong.ParseRules([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return rules
}

// play plays a hand to its end. A command that the engine refuses fails the test.
func play(t testing.TB, rules mahjong.Rules, d mahjong.Deal, players [mahjong.Seats]player) mahjong.Result {
	t.Helper()
	h, err := mahjong.New(rules, d)
	if err != nil {
		t.Fatal(err)
	}
	for !h.Finished() {
		for seat := range mahjong.Seats {
			if h.Prompt(seat).Serial == 0 {
				continue
			}
			view := h.View(seat)
			c := players[seat](&view)
			if _, err := h.Apply(c); err != nil {
				t.Fatalf("%s of seat %d at %s: %v", c.Action, seat, view.Prompt.Kind, err)
			}
		}
	}
	r, _ := h.Result()
	return r
}

// ruleSets vary what is offered, what is visible and what pays.
var ruleSets = []string{
	`{}`, `{"mode":"xueliu"}`, `{"swap":false,"late_bugang":"forbid"}`, `{"pass_lock":"all","multi_hu":false}`,
	`{"hide_angang":true,"show_winners":true,"swap_suits":"any","void_calls":false}`,
	`{"bankrupt":"leave","balances":[3,9,20,40],"cagua":true,"must_hu_last4":true,"pass_lock":"same"}`,
	`{"cap":0,"zimo":"fan","base":1000000}`, `{"mode":"xueliu","cap":1,"zimo":"none","dajiao":false,"tuishui":false}`,
}

// TestChooseIsLegal lets each strength play against itself.
func TestChooseIsLegal(t *testing.T) {
	for _, strength := range game.Strengths() {
		t.Run(strength.String(), func(t *testing.T) {
			for _, text := range ruleSets {
				rules := parse(t, text)
				p := bot.New(strength, rules).Choose
				wins := 0
				for n := range uint64(botHands) {
					wins += len(play(t, rules, deal(n), [mahjong.Seats]player{p, p, p, p}).Wins)
				}
				if wins < botHands {
					t.Errorf("%s: %d wins in %d hands; the bots do not play to win", text, wins, botHands)
				}
			}
		})
	}
}

// TestChooseIsPure asks two players about the same view, one of which has seen other views before.
func TestChooseIsPure(t *testing.T) {
	for _, strength := range game.Strengths() {
		for _, text := range ruleSets[:2] {
			rules := parse(t, text)
			used, other := bot.New(strength, rules), bot.New(strength, rules)
			ask := func(view *mahjong.View) mahjong.Command {
				first := used.Choose(view)
				if view.Wall%8 == 0 {
					other = bot.New(strength, rules)
				}
				if again := other.Choose(view); again != first {
					t.Fatalf("%v: the same view gave %v and %v", strength, first, again)
				}
				return first
			}
			for n := range uint64(min(botHands, 4)) {
				play(t, rules, deal(n), [mahjong.Seats]player{ask, ask, ask, ask})
			}
		}
	}
}

// TestShared lets hands that are played concurrently share one player.
func TestShared(t *testing.T) {
	rules := mahjong.DefaultRules()
	shared := bot.New(game.Strong, rules)
	var wait sync.WaitGroup
	for n := range uint64(3) {
		wait.Go(func() {
			own := bot.New(game.Strong, rules)
			ask := func(view *mahjong.View) mahjong.Command {
				c := shared.Choose(view)
				if mine := own.Choose(view); c != mine {
					t.Errorf("hand %d: the shared player gave %v, a player of its own %v", n, c, mine)
				}
				return c
			}
			play(t, rules, deal(n), [mahjong.Seats]player{ask, ask, ask, ask})
		})
	}
	wait.Wait()
}

func TestWithoutPrompt(t *testing.T) {
	h, err := mahjong.New(mahjong.DefaultRules(), deal(1))
	if err != nil {
		t.Fatal(err)
	}
	view := h.View(mahjong.Spectator)
	for _, strength := range game.Strengths() {
		if c := bot.New(strength, h.Rules()).Choose(&view); c != (mahjong.Command{}) {
			t.Errorf("%v answered %v without a prompt", strength, c)
		}
	}
	if c := bot.Random(&view, rand.New(rand.NewPCG(1, 1))); c != (mahjong.Command{}) {
		t.Errorf("Random answered %v without a prompt", c)
	}
}

// The benchmarks measure one decision, averaged over all prompts of some hands played by the same
// strength, in both games.
func BenchmarkWeak(b *testing.B)   { benchmark(b, game.Weak) }
func BenchmarkMiddle(b *testing.B) { benchmark(b, game.Middle) }
func BenchmarkStrong(b *testing.B) { benchmark(b, game.Strong) }

func benchmark(b *testing.B, strength game.Strength) {
	for _, text := range ruleSets[:2] {
		rules := parse(b, text)
		b.Run(rules.Mode, func(b *testing.B) {
			p := bot.New(strength, rules)
			var views []mahjong.View
			record := func(view *mahjong.View) mahjong.Command {
				views = append(views, *view)
				return p.Choose(view)
			}
			for n := range uint64(50) {
				play(b, rules, deal(n), [mahjong.Seats]player{record, record, record, record})
			}
			for i := 0; b.Loop(); i++ {
				p.Choose(&views[i%len(views)])
			}
		})
	}
}
