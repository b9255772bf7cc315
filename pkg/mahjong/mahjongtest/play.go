package mahjongtest

import (
	"fmt"
	"math/rand/v2"

	"teahouse/pkg/bot"
	"teahouse/pkg/game"
	"teahouse/pkg/mahjong"
)

// Play plays a hand to its end and returns its inputs. Each seat is a bot, plays at random or lets
// its time run out. If windows have a least time, everybody answers within it: that a window stays
// open longer because of a slow seat is visible to all.
func Play(rules mahjong.Rules, deal mahjong.Deal, rng *rand.Rand) ([]mahjong.Command, error) {
	h, err := mahjong.New(rules, deal)
	if err != nil {
		return nil, err
	}
	clever := bot.New(game.Middle, rules)
	var idle, random [mahjong.Seats]int // percent of answers
	for seat := range mahjong.Seats {
		idle[seat] = []int{0, 0, 10, 60}[rng.IntN(4)]
		random[seat] = []int{0, 0, 20, 100}[rng.IntN(4)]
	}
	var inputs []mahjong.Command
	for !h.Finished() {
		c := mahjong.Command{Action: mahjong.ActRelease}
		first := rng.IntN(mahjong.Seats)
		for i := range mahjong.Seats {
			seat := (first + i) % mahjong.Seats
			if h.Prompt(seat).Serial == 0 {
				continue
			}
			view := h.View(seat)
			switch n := rng.IntN(100); {
			case n < idle[seat]:
				c = mahjong.Command{Action: mahjong.ActTimeout, Seat: seat}
			case rng.IntN(100) < random[seat]:
				c = bot.Random(&view, rng)
			default:
				c = clever.Choose(&view)
			}
			break
		}
		if _, err := h.Apply(c); err != nil {
			return nil, fmt.Errorf("%s of seat %d: %w", c.Action, c.Seat, err)
		}
		inputs = append(inputs, c)
	}
	return inputs, nil
}
