package bot

import "teahouse/pkg/mahjong"

// middle goes for the nearest win by the widest way: it counts the missing tiles and the unseen
// ones that help, and considers neither what a win is worth nor the others.
type middle struct{ memo *memo }

func (*middle) swap(view *mahjong.View) [3]mahjong.Tile { return chooseSwap(view.Hand) }
func (*middle) void(view *mahjong.View) mahjong.Suit    { return chooseVoid(view.Hand) }

// turn wins, gangs or discards.
func (m *middle) turn(view *mahjong.View, c *mahjong.Command) {
	p := &view.Prompt
	h := newHolding(view, m.memo)
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

// claim wins when it can, and makes a meld if that brings the hand nearer.
func (m *middle) claim(view *mahjong.View) mahjong.Action {
	p := &view.Prompt
	if p.Hu {
		return mahjong.ActHu
	}
	h := newHolding(view, m.memo)
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
