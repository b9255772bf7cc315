package bot

import (
	"math"

	"teahouse/pkg/mahjong"
)

// chooseSwap gives away three tiles of the suit that the hand needs least.
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

// suitWorth values the tiles of a suit, each by itself and by how they fit together.
func suitWorth(counts *mahjong.Counts, suit mahjong.Suit) float64 {
	worth := 0.0
	for k := mahjong.Kind(suit) * 9; k < mahjong.Kind(suit)*9+9; k++ {
		if n := counts[k]; n > 0 {
			worth += float64(n) * (2 + 0.5*bond(counts, k))
		}
	}
	return worth
}

// bond values how well a tile of kind k fits the rest of the hand.
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
