package bot

import (
	"math/rand/v2"

	"teahouse/pkg/mahjong"
)

// Random returns a legal answer to the open prompt of view, each with the same probability. Without
// an open prompt it returns the zero Command.
func Random(view *mahjong.View, rng *rand.Rand) mahjong.Command {
	p := &view.Prompt
	c := mahjong.Command{Seat: view.Seat}
	switch p.Kind {
	case mahjong.PromptSwap:
		c.Action, c.Tiles = mahjong.ActSwap, randomThree(view.Hand, rng)
		return c
	case mahjong.PromptVoid:
		c.Action, c.Suit = mahjong.ActVoid, mahjong.Suit(rng.IntN(3))
		return c
	case mahjong.PromptNone:
		return mahjong.Command{}
	}
	answers := make([]mahjong.Command, 0, len(p.Discard)+4)
	add := func(offered bool, a mahjong.Action) {
		if offered {
			answers = append(answers, mahjong.Command{Action: a, Seat: view.Seat})
		}
	}
	add(p.Hu, mahjong.ActHu)
	add(p.Gang, mahjong.ActGang)
	add(p.Peng, mahjong.ActPeng)
	add(p.Kind != mahjong.PromptTurn, mahjong.ActPass)
	for _, k := range p.An {
		answers = append(answers, mahjong.Command{Action: mahjong.ActAnGang, Seat: view.Seat, Kind: k})
	}
	for _, k := range p.Bu {
		answers = append(answers, mahjong.Command{Action: mahjong.ActBuGang, Seat: view.Seat, Kind: k})
	}
	for _, t := range p.Discard {
		answers = append(answers, mahjong.Command{Action: mahjong.ActDiscard, Seat: view.Seat, Tile: t})
	}
	return answers[rng.IntN(len(answers))]
}

// randomThree returns three tiles of one suit, the suit of a random tile that has enough of it.
func randomThree(hand []mahjong.Tile, rng *rand.Rand) (three [3]mahjong.Tile) {
	counts := mahjong.Count(hand)
	for {
		suit := hand[rng.IntN(len(hand))].Kind().Suit()
		if counts.InSuit(suit) < 3 {
			continue
		}
		n := 0
		for _, i := range rng.Perm(len(hand)) {
			if n < 3 && hand[i].Kind().Suit() == suit {
				three[n] = hand[i]
				n++
			}
		}
		return three
	}
}
