package bot_test

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"

	"teahouse/pkg/bot"
	"teahouse/pkg/mahjong"
)

// player answers for a seat from its view.
type player func(view *mahjong.View) mahjong.Command

func sensible(rules mahjong.Rules) player {
	p := bot.NewPlayer()
	return func(view *mahjong.View) mahjong.Command { return p.Choose(&rules, view) }
}

func random(seed uint64) player {
	rng := rand.New(rand.NewPCG(seed, 0))
	return func(view *mahjong.View) mahjong.Command { return bot.Random(view, rng) }
}

func deal(n uint64) mahjong.Deal {
	var seed [32]byte
	binary.BigEndian.PutUint64(seed[:], n)
	return mahjong.DealFromSeed(seed, int(n%mahjong.Seats))
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

// TestChooseBeatsRandom plays the same walls four times, the one sensible player in
// each seat once, so that the luck of the deal cancels out.
func TestChooseBeatsRandom(t *testing.T) {
	const deals = duplicateDeals
	rules := mahjong.DefaultRules()
	ours := sensible(rules)
	total, behind := 0, 0
	for n := range uint64(deals) {
		sum := 0
		for seat := range mahjong.Seats {
			var players [mahjong.Seats]player
			for i := range players {
				players[i] = random(n*4 + uint64(i))
			}
			players[seat] = ours
			sum += play(t, rules, deal(n), players).Scores[seat]
		}
		total += sum
		if sum <= 0 {
			behind++
		}
	}
	t.Logf("%d duplicate deals: %+.2f points a hand, not ahead in %d deals", deals, float64(total)/float64(4*deals), behind)
	if total < 4*deals {
		t.Errorf("the bot earned %d points in %d hands; a point a hand is little to ask", total, 4*deals)
	}
}

// TestChooseIsLegal plays bots alone, in both games and under options that change what
// is offered.
func TestChooseIsLegal(t *testing.T) {
	for _, text := range []string{
		`{}`, `{"mode":"xueliu"}`, `{"swap":false,"late_bugang":"forbid"}`, `{"pass_lock":"all","multi_hu":false}`,
	} {
		rules, err := mahjong.ParseRules([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		p := sensible(rules)
		wins := 0
		for n := range uint64(botHands) {
			wins += len(play(t, rules, deal(n), [mahjong.Seats]player{p, p, p, p}).Wins)
		}
		if wins < botHands {
			t.Errorf("%s: %d wins in %d hands; the bots do not play to win", text, wins, botHands)
		}
	}
}

// TestChooseIsPure asks for the same view with and without what a Player remembers.
func TestChooseIsPure(t *testing.T) {
	rules := mahjong.DefaultRules()
	p := bot.NewPlayer()
	ask := func(view *mahjong.View) mahjong.Command {
		first := bot.Choose(&rules, view)
		if again := p.Choose(&rules, view); again != first {
			t.Fatalf("the same view gave %v and %v", first, again)
		}
		return first
	}
	for n := range uint64(min(botHands, 20)) {
		play(t, rules, deal(n), [mahjong.Seats]player{ask, ask, ask, ask})
	}
}

func TestWithoutPrompt(t *testing.T) {
	h, err := mahjong.New(mahjong.DefaultRules(), deal(1))
	if err != nil {
		t.Fatal(err)
	}
	view, rules := h.View(mahjong.Spectator), h.Rules()
	if c := bot.Choose(&rules, &view); c != (mahjong.Command{}) {
		t.Errorf("Choose answered %v to nothing", c)
	}
	if c := bot.Random(&view, rand.New(rand.NewPCG(1, 1))); c != (mahjong.Command{}) {
		t.Errorf("Random answered %v to nothing", c)
	}
}

// BenchmarkChoose measures one decision, over all the prompts of a few hands of bots.
func BenchmarkChoose(b *testing.B) {
	rules := mahjong.DefaultRules()
	var views []mahjong.View
	record := func(view *mahjong.View) mahjong.Command {
		views = append(views, *view)
		return bot.Choose(&rules, view)
	}
	for n := range uint64(200) {
		play(b, rules, deal(n), [mahjong.Seats]player{record, record, record, record})
	}
	b.Run("function", func(b *testing.B) {
		for i := 0; b.Loop(); i++ {
			bot.Choose(&rules, &views[i%len(views)])
		}
	})
	b.Run("player", func(b *testing.B) {
		p := bot.NewPlayer()
		for i := 0; b.Loop(); i++ {
			p.Choose(&rules, &views[i%len(views)])
		}
	})
}
