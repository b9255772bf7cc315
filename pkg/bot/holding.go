package bot

import "teahouse/pkg/mahjong"

// holding is a hand as the bot evaluates it. Tiles of the void suit count for nothing.
type holding struct {
	counts mahjong.Counts
	melds  int
	voids  int // tiles of the void suit still held
	unseen mahjong.Counts
	memo   *memo
}

// newHolding reads the own hand, and from all visible tiles which ones may still come.
func newHolding(view *mahjong.View, m *memo) holding {
	h := holding{counts: mahjong.Count(view.Hand), melds: len(view.Seats[view.Seat].Melds), memo: m}
	for k := range h.unseen {
		h.unseen[k] = 4 - h.counts[k]
	}
	seen := func(t mahjong.Tile) {
		if k := t.Kind(); h.unseen[k] > 0 {
			h.unseen[k]--
		}
	}
	for i := range view.Seats {
		for _, r := range view.Seats[i].River {
			if r.Claimer < 0 { // a claimed tile shows in its meld
				seen(r.Tile)
			}
		}
		for _, m := range view.Seats[i].Melds {
			for _, t := range m.Tiles {
				seen(t)
			}
		}
	}
	for k := range h.counts {
		if mahjong.Kind(k).Suit() == view.Void {
			h.voids += int(h.counts[k])
			h.counts[k], h.unseen[k] = 0, 0
		}
	}
	return h
}

// value is how far a hand is from winning: the tiles it needs before it waits, and how many unseen
// tiles help.
type value struct{ shanten, live int }

// farAway is the shanten from which live tiles are not counted: nearly every tile helps such a
// hand, and the count costs more than it is worth.
const farAway = 3

func (v value) betterThan(o value) bool {
	return v.shanten < o.shanten || v.shanten == o.shanten && v.live > o.live
}

// bestDiscard returns the tile of may whose discard leaves the best hand, and that hand's shanten.
// Of equals it discards the tile that fits the others least.
func (h *holding) bestDiscard(may []mahjong.Tile) (mahjong.Tile, int) {
	if h.voids > 0 || len(may) == 1 {
		return may[len(may)-1], h.shanten()
	}
	k, v := h.bestKind()
	for _, t := range may {
		if t.Kind() == k {
			return t, v.shanten
		}
	}
	return may[len(may)-1], v.shanten
}

// shanten is how many tiles a hand with no tile to discard is away from waiting.
func (h *holding) shanten() int {
	g := newGrid(h)
	return g.shanten(g.base, g.pairs)
}

// bestKind returns the kind whose discard leaves the best hand, and that hand's value. A void tile
// in hand goes first, which leaves the rest as it is.
func (h *holding) bestKind() (mahjong.Kind, value) {
	if h.voids > 0 {
		return 0, h.evaluate()
	}
	var shanten [mahjong.NumKinds]int
	least := 99
	g := newGrid(h)
	for k, n := range h.counts {
		if n == 0 {
			continue
		}
		shanten[k] = g.without(k)
		least = min(least, shanten[k])
	}
	best, choice, loose := value{shanten: 99}, mahjong.Kind(0), 0.0
	for k, n := range h.counts {
		if n == 0 || shanten[k] != least {
			continue
		}
		v := value{shanten: least}
		if least < farAway {
			v.live = g.liveWithout(k, least)
		}
		b := bond(&h.counts, mahjong.Kind(k))
		if v.betterThan(best) || v == best && b < loose {
			best, choice, loose = v, mahjong.Kind(k), b
		}
	}
	return choice, best
}

// evaluate values a hand that has no tile to discard.
func (h *holding) evaluate() value {
	g := newGrid(h)
	v := value{shanten: g.shanten(g.base, g.pairs)}
	if v.shanten < farAway {
		v.live = g.live(g.base, g.pairs, v.shanten, -1)
	}
	return v
}

// grid keeps the values of a hand's suits, so that after changing one tile only one suit is
// evaluated again.
type grid struct {
	h      *holding
	counts mahjong.Counts // of the base, while those of h change
	base   [3]blocks
	pairs  int
	plus   [mahjong.NumKinds]plus
}

// plus is the base with one more tile: that tile's suit, and the whole hand.
type plus struct {
	known   bool
	suit    blocks
	shanten int
}

func newGrid(h *holding) grid {
	g := grid{h: h, counts: h.counts}
	for suit := range g.base {
		g.base[suit] = h.suit(suit)
	}
	for _, n := range h.counts {
		g.pairs += int(n / 2)
	}
	return g
}

func (h *holding) suit(suit int) blocks {
	return h.memo.weigh([9]uint8(h.counts[suit*9 : suit*9+9]))
}

// shanten is the minimum over the plain form and, without melds, seven pairs.
func (g *grid) shanten(suits [3]blocks, pairs int) int {
	all := suits[0].join(&suits[1]).join(&suits[2])
	s := all.shanten(4 - g.h.melds)
	if g.h.melds == 0 {
		s = min(s, 6-pairs)
	}
	return s
}

func (g *grid) without(k int) int {
	suits, pairs := g.remove(k)
	return g.shanten(suits, pairs)
}

// remove gives the suits and pairs of the hand without one tile of kind k.
func (g *grid) remove(k int) (suits [3]blocks, pairs int) {
	suits, pairs = g.base, g.pairs
	if g.h.counts[k]%2 == 0 {
		pairs--
	}
	g.h.counts[k]--
	suits[k/9] = g.h.suit(k / 9)
	g.h.counts[k]++
	return suits, pairs
}

func (g *grid) liveWithout(k, shanten int) int {
	suits, pairs := g.remove(k)
	g.h.counts[k]--
	live := g.live(suits, pairs, shanten, k/9)
	g.h.counts[k]++
	return live
}

// live counts the unseen tiles that bring a hand of this shanten nearer. The hand is the base,
// except for one tile of the suit changed (-1 = it is the base).
func (g *grid) live(suits [3]blocks, pairs, shanten, changed int) int {
	live := 0
	for k, unseen := range g.h.unseen {
		if unseen == 0 || g.h.counts[k] == 4 || !g.near(k) {
			continue
		}
		// More tiles never take a hand farther away: what does not help the whole base does not
		// help a part of it. This saves most evaluations.
		plus := g.with(k)
		if plus.shanten >= shanten {
			continue
		}
		if changed >= 0 {
			with, more := suits, pairs
			if g.h.counts[k]%2 == 1 {
				more++
			}
			with[k/9] = plus.suit
			if k/9 == changed {
				g.h.counts[k]++
				with[changed] = g.h.suit(changed)
				g.h.counts[k]--
			}
			if g.shanten(with, more) >= shanten {
				continue
			}
		}
		live += int(unseen)
	}
	return live
}

// with gives the base with one more tile of kind k.
func (g *grid) with(k int) *plus {
	p := &g.plus[k]
	if p.known {
		return p
	}
	suits, pairs := g.base, g.pairs
	c := &g.counts[k]
	if *c%2 == 1 {
		pairs++
	}
	*c++
	p.suit = g.h.memo.weigh([9]uint8(g.counts[k/9*9 : k/9*9+9]))
	*c--
	suits[k/9] = p.suit
	p.shanten, p.known = g.shanten(suits, pairs), true
	return p
}

// near reports whether a tile of kind k could help the hand at all: there must be a tile within two
// ranks of it.
func (g *grid) near(k int) bool {
	rank := k % 9
	for r := max(0, rank-2); r <= min(8, rank+2); r++ {
		if g.h.counts[k-rank+r] > 0 {
			return true
		}
	}
	return false
}
