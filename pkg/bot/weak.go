package bot

import "teahouse/pkg/mahjong"

// weak plays like a beginner who has just learnt the rules: it gives up its shortest suit, keeps
// equal tiles and neighbours, takes every meld that it is offered and wins when it can.
type weak struct{}

func (weak) swap(view *mahjong.View) (three [3]mahjong.Tile) {
	suit := shortestSuit(view.Hand, len(three))
	n := 0
	for _, t := range view.Hand {
		if n < len(three) && t.Kind().Suit() == suit {
			three[n] = t
			n++
		}
	}
	return three
}

func (weak) void(view *mahjong.View) mahjong.Suit { return shortestSuit(view.Hand, 0) }

// shortestSuit returns the suit with the fewest tiles, but at least least.
func shortestSuit(hand []mahjong.Tile, least int) mahjong.Suit {
	counts := mahjong.Count(hand)
	best, fewest := mahjong.Wan, len(hand)+1
	for suit := mahjong.Wan; suit <= mahjong.Tiao; suit++ {
		if n := counts.InSuit(suit); n >= least && n < fewest {
			best, fewest = suit, n
		}
	}
	return best
}

func (weak) turn(view *mahjong.View, c *mahjong.Command) {
	p := &view.Prompt
	switch {
	case p.Hu:
		c.Action = mahjong.ActHu
	case len(p.An) > 0:
		c.Action, c.Kind = mahjong.ActAnGang, p.An[0]
	case len(p.Bu) > 0:
		c.Action, c.Kind = mahjong.ActBuGang, p.Bu[0]
	default:
		c.Action, c.Tile = mahjong.ActDiscard, loosest(view.Hand, p.Discard)
	}
}

func (weak) claim(view *mahjong.View) mahjong.Action {
	switch p := &view.Prompt; {
	case p.Hu:
		return mahjong.ActHu
	case p.Gang:
		return mahjong.ActGang
	case p.Peng:
		return mahjong.ActPeng
	}
	return mahjong.ActPass
}

// loosest returns the tile of may that has the fewest equals and direct neighbours in hand.
func loosest(hand, may []mahjong.Tile) mahjong.Tile {
	counts := mahjong.Count(hand)
	choice, fewest := may[0], len(hand)+1
	for _, t := range may {
		k := t.Kind()
		n := int(counts[k])
		if k.Rank() > 1 {
			n += int(counts[k-1])
		}
		if k.Rank() < 9 {
			n += int(counts[k+1])
		}
		if n < fewest {
			choice, fewest = t, n
		}
	}
	return choice
}
