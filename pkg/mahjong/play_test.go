package mahjong_test

import (
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"testing"

	"teahouse/pkg/bot"
	"teahouse/pkg/game"
	"teahouse/pkg/mahjong"
)

// chooser answers the open prompt of a view.
type chooser func(view *mahjong.View) mahjong.Command

func randomPlayer(seed uint64) chooser {
	rng := rand.New(rand.NewPCG(seed, 1))
	return func(v *mahjong.View) mahjong.Command { return bot.Random(v, rng) }
}

// randomCommand returns a legal command: of a random seat that is asked, or a release.
func randomCommand(h *mahjong.Hand, rng *rand.Rand) mahjong.Command {
	if h.Holding() && rng.IntN(4) == 0 {
		return mahjong.Command{Action: mahjong.ActRelease}
	}
	first := rng.IntN(mahjong.Seats)
	for i := range mahjong.Seats {
		seat := (first + i) % mahjong.Seats
		p := h.Prompt(seat)
		if p.Serial == 0 {
			continue
		}
		v := mahjong.View{Seat: seat, Prompt: p} // a random player needs no more
		if p.Kind == mahjong.PromptSwap {
			v.Hand = h.View(seat).Hand
		}
		return bot.Random(&v, rng)
	}
	return mahjong.Command{Action: mahjong.ActRelease}
}

// playRandomly plays a hand to its end by random commands.
func playRandomly(t testing.TB, h *mahjong.Hand, rng *rand.Rand, step func(events []mahjong.Event)) {
	for !h.Finished() {
		c := randomCommand(h, rng)
		events, err := h.Apply(c)
		if err != nil {
			t.Fatalf("%+v: %v", c, err)
		}
		if step != nil {
			step(events)
		}
	}
}

func botPlayer(rules mahjong.Rules) chooser {
	return bot.New(game.Middle, rules).Choose
}

func seeded(n uint64) (seed [32]byte) {
	binary.BigEndian.PutUint64(seed[24:], n)
	return seed
}

func testDeal(n uint64) mahjong.Deal { return mahjong.DealFromSeed(seeded(n), int(n%mahjong.Seats)) }

func mustRules(t testing.TB, text string) mahjong.Rules {
	t.Helper()
	r, err := mahjong.ParseRules([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func mustNew(t testing.TB, rules mahjong.Rules, d mahjong.Deal) *mahjong.Hand {
	t.Helper()
	h, err := mahjong.New(rules, d)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func mustApply(t testing.TB, h *mahjong.Hand, c mahjong.Command) []mahjong.Event {
	t.Helper()
	events, err := h.Apply(c)
	if err != nil {
		t.Fatalf("%s of seat %d: %v", c.Action, c.Seat, err)
	}
	return events
}

func mustMarshal(t testing.TB, h *mahjong.Hand) []byte {
	t.Helper()
	data, err := h.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// next returns the next command: the lowest seat that is asked answers, and a held window is
// released when nobody is asked.
func next(t testing.TB, h *mahjong.Hand, players []chooser) mahjong.Command {
	t.Helper()
	for seat := range mahjong.Seats {
		if h.Prompt(seat).Serial != 0 {
			view := h.View(seat)
			return players[seat](&view)
		}
	}
	if !h.Holding() {
		t.Fatal("no prompt is open, nothing holds, and the hand is not over")
	}
	return mahjong.Command{Action: mahjong.ActRelease}
}

// playOut plays a hand to its end; step is called for each step.
func playOut(t testing.TB, h *mahjong.Hand, players []chooser, step func(c mahjong.Command, events []mahjong.Event)) {
	t.Helper()
	for !h.Finished() {
		c := next(t, h, players)
		events := mustApply(t, h, c)
		if step != nil {
			step(c, events)
		}
	}
}

// mixedPlayers seats bots and random players in turn, all random in every third hand.
func mixedPlayers(rules mahjong.Rules, n uint64) []chooser {
	players := make([]chooser, mahjong.Seats)
	for i := range players {
		if n%3 == 0 || (uint64(i)+n)%2 == 0 {
			players[i] = randomPlayer(n*4 + uint64(i))
		} else {
			players[i] = botPlayer(rules)
		}
	}
	return players
}

// legal reports whether the prompt offers a command. hand is the seat's own tiles, needed only for
// a swap.
func legal(r *mahjong.Rules, p mahjong.Prompt, hand []mahjong.Tile, c mahjong.Command) bool {
	if p.Serial == 0 {
		return false
	}
	if c.Action == mahjong.ActTimeout {
		return true
	}
	switch p.Kind {
	case mahjong.PromptSwap:
		t := c.Tiles
		if c.Action != mahjong.ActSwap || t[0] == t[1] || t[1] == t[2] || t[0] == t[2] {
			return false
		}
		for _, x := range t {
			if !slices.Contains(hand, x) || r.SwapSuits == "same" && x.Kind().Suit() != t[0].Kind().Suit() {
				return false
			}
		}
		return true
	case mahjong.PromptVoid:
		return c.Action == mahjong.ActVoid && c.Suit <= mahjong.Tiao
	case mahjong.PromptTurn:
		switch c.Action {
		case mahjong.ActHu:
			return p.Hu
		case mahjong.ActAnGang:
			return slices.Contains(p.An, c.Kind)
		case mahjong.ActBuGang:
			return slices.Contains(p.Bu, c.Kind)
		case mahjong.ActDiscard:
			return slices.Contains(p.Discard, c.Tile)
		}
	case mahjong.PromptClaim, mahjong.PromptRob:
		switch c.Action {
		case mahjong.ActHu:
			return p.Hu
		case mahjong.ActGang:
			return p.Gang
		case mahjong.ActPeng:
			return p.Peng
		case mahjong.ActPass:
			return true
		}
	}
	return false
}

// anyCommand draws a command of any kind, mostly nonsense.
func anyCommand(rng *rand.Rand) mahjong.Command {
	tile := func() mahjong.Tile {
		if rng.IntN(8) == 0 {
			return mahjong.Tile(rng.IntN(256))
		}
		return mahjong.Tile(rng.IntN(mahjong.NumTiles))
	}
	return mahjong.Command{
		Action: mahjong.Action(rng.IntN(14)),
		Seat:   rng.IntN(6) - 1,
		Tiles:  [3]mahjong.Tile{tile(), tile(), tile()},
		Tile:   tile(),
		Kind:   mahjong.Kind(rng.IntN(32)),
		Suit:   mahjong.Suit(rng.IntN(5)),
	}
}
