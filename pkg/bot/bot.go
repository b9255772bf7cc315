// Package bot holds players made of code.
//
//	view := hand.View(seat)
//	command := bot.Choose(rules, &view)
//
// A bot decides from a View, the prompt in it included, and from nothing else, so it
// knows no more than its seat may see. It draws no random numbers and waits for nothing;
// who wants a bot to take its time does that around it. Random is the partner to measure against: legal, and nothing more.
package bot

import (
	"math"

	"teahouse/pkg/mahjong"
)

// Choose gives the sensible answer to the open prompt of view. It is a pure function.
// Without an open prompt it returns the zero Command.
// Who asks often keeps a Player.
func Choose(rules *mahjong.Rules, view *mahjong.View) mahjong.Command {
	return choose(rules, view, nil)
}

func choose(_ *mahjong.Rules, view *mahjong.View, m *memo) mahjong.Command {
	c := mahjong.Command{Seat: view.Seat}
	p := &view.Prompt
	switch p.Kind {
	case mahjong.PromptSwap:
		c.Action, c.Tiles = mahjong.ActSwap, chooseSwap(view.Hand)
	case mahjong.PromptVoid:
		c.Action, c.Suit = mahjong.ActVoid, chooseVoid(view.Hand)
	case mahjong.PromptTurn:
		chooseTurn(view, &c, m)
	case mahjong.PromptClaim, mahjong.PromptRob:
		c.Action = chooseClaim(view, m)
	default:
		return mahjong.Command{}
	}
	return c
}

// chooseSwap gives away three tiles of the suit that the hand can best do without.
func chooseSwap(hand []mahjong.Tile) (tiles [3]mahjong.Tile) {
	counts := mahjong.Count(hand)
	best := math.Inf(1)
	for suit := mahjong.Wan; suit <= mahjong.Tiao; suit++ {
		if counts.InSuit(suit) < 3 {
			continue
		}
		if keep := suitWorth(&counts, suit); keep < best {
			best = keep
			tiles = worstThree(hand, counts, suit)
		}
	}
	return tiles
}

// worstThree picks, one after the other, the tile of suit that the rest needs least.
func worstThree(hand []mahjong.Tile, counts mahjong.Counts, suit mahjong.Suit) (tiles [3]mahjong.Tile) {
	var taken [mahjong.NumTiles]bool
	for i := range tiles {
		least := math.Inf(1)
		for _, t := range hand {
			if taken[t] || t.Kind().Suit() != suit {
				continue
			}
			if need := bond(&counts, t.Kind()); need < least {
				least, tiles[i] = need, t
			}
		}
		taken[tiles[i]] = true
		counts[tiles[i].Kind()]--
	}
	return tiles
}

// chooseVoid gives up the suit of the least worth.
func chooseVoid(hand []mahjong.Tile) mahjong.Suit {
	counts := mahjong.Count(hand)
	best, choice := math.Inf(1), mahjong.Wan
	for suit := mahjong.Wan; suit <= mahjong.Tiao; suit++ {
		if worth := suitWorth(&counts, suit); worth < best {
			best, choice = worth, suit
		}
	}
	return choice
}

// suitWorth weighs the tiles of a suit: each by itself, and what they are to each other.
func suitWorth(counts *mahjong.Counts, suit mahjong.Suit) float64 {
	worth := 0.0
	for k := mahjong.Kind(suit) * 9; k < mahjong.Kind(suit)*9+9; k++ {
		if n := counts[k]; n > 0 {
			worth += float64(n) * (2 + 0.5*bond(counts, k))
		}
	}
	return worth
}

// bond weighs what a tile of kind k has to do with the rest of the hand.
func bond(counts *mahjong.Counts, k mahjong.Kind) float64 {
	b := 2.5 * float64(counts[k]-1)
	at := func(d int) float64 {
		if r := k.Rank() + d; r >= 1 && r <= 9 && counts[int(k)+d] > 0 {
			return 1
		}
		return 0
	}
	b += 1.5*(at(-1)+at(1)) + 0.7*(at(-2)+at(2))
	if r := k.Rank(); r > 1 && r < 9 {
		b += 0.3
	}
	return b
}

// chooseTurn wins, gangs or discards.
func chooseTurn(view *mahjong.View, c *mahjong.Command, m *memo) {
	p := &view.Prompt
	h := newHolding(view, m)
	if p.Hu {
		c.Action = mahjong.ActHu
		return
	}
	discard, rest := h.bestDiscard(p.Discard)
	for _, k := range p.An {
		after := h
		after.counts[k] = 0
		after.melds++
		if after.shanten() <= rest {
			c.Action, c.Kind = mahjong.ActAnGang, k
			return
		}
	}
	for _, k := range p.Bu {
		after := h
		after.counts[k]--
		if after.shanten() <= rest {
			c.Action, c.Kind = mahjong.ActBuGang, k
			return
		}
	}
	c.Action, c.Tile = mahjong.ActDiscard, discard
}

// chooseClaim wins when it can, and makes a meld where that brings the hand on.
func chooseClaim(view *mahjong.View, m *memo) mahjong.Action {
	p := &view.Prompt
	if p.Hu {
		return mahjong.ActHu
	}
	h := newHolding(view, m)
	k := p.Tile.Kind()
	now := h.evaluate()
	if p.Gang {
		after := h
		after.counts[k] = 0
		after.melds++
		if after.shanten() <= now.shanten {
			return mahjong.ActGang
		}
	}
	if p.Peng {
		after := h
		after.counts[k] -= 2
		after.melds++
		if _, rest := after.bestKind(); rest.betterThan(now) {
			return mahjong.ActPeng
		}
	}
	return mahjong.ActPass
}
