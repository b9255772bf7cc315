package bots

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"time"

	"teahouse/pkg/bot"
	"teahouse/pkg/game"
	"teahouse/pkg/mahjong"
)

// seatings are the ways to give two seats to each side: all rotations with partners side by side
// and with partners opposite.
var seatings = [...][mahjong.Seats]int{
	{0, 0, 1, 1}, {1, 0, 0, 1}, {1, 1, 0, 0}, {0, 1, 1, 0}, {0, 1, 0, 1}, {1, 0, 1, 0},
}

// deal is number n of the deals of a seed.
func deal(seed, n uint64) mahjong.Deal {
	var key [32]byte
	binary.BigEndian.PutUint64(key[:], seed)
	binary.BigEndian.PutUint64(key[8:], n)
	return mahjong.DealFromSeed(key, int(n%mahjong.Seats))
}

// side is one of the two players and its counters.
type side struct {
	choose func(*mahjong.View) mahjong.Command
	chance *rand.PCG // nil unless it plays at random
	count  *sideTally
}

func newSide(name string, cfg Config, count *sideTally) *side {
	if name == Random {
		s := &side{chance: rand.NewPCG(0, 0), count: count}
		rng := rand.New(s.chance)
		s.choose = func(v *mahjong.View) mahjong.Command { return bot.Random(v, rng) }
		return s
	}
	strength, _ := game.ParseStrength(name) // validated
	return &side{choose: bot.New(strength, cfg.Rules).Choose, count: count}
}

// playHand plays one deal in one seating and returns how much more side 0 scored than side 1.
// number identifies the hand within the run.
func playHand(cfg Config, d mahjong.Deal, seating [mahjong.Seats]int, sides [2]*side, number uint64) (int, error) {
	for i, s := range sides {
		if s.chance != nil {
			s.chance.Seed(cfg.Seed, number<<1|uint64(i))
		}
	}
	h, err := mahjong.New(cfg.Rules, d)
	if err != nil {
		return 0, err
	}
	for !h.Finished() {
		for seat := range mahjong.Seats {
			if h.Prompt(seat).Serial == 0 {
				continue
			}
			s, view := sides[seating[seat]], h.View(seat)
			start := time.Now()
			c := s.choose(&view)
			s.count.decisions.record(time.Since(start))
			if _, err := h.Apply(c); err != nil {
				return 0, fmt.Errorf("bots: %s of seat %d at %s: %w", c.Action, seat, view.Prompt.Kind, err)
			}
		}
		if h.Holding() { // there is no clock here
			if _, err := h.Apply(mahjong.Command{Action: mahjong.ActRelease}); err != nil {
				return 0, err
			}
		}
	}
	r, _ := h.Result()
	difference := 0
	for seat, score := range r.Scores {
		difference += score * (1 - 2*seating[seat])
	}
	for _, w := range r.Wins {
		sides[seating[w.Seat]].count.wins++
		if w.From != w.Seat {
			sides[seating[w.From]].count.dealIns++
		}
	}
	return difference, nil
}
