package mahjongtest

import (
	"math/rand/v2"
	"slices"

	"teahouse/pkg/mahjong"
)

// exchange is a permutation of the tiles that the viewer does not know: tile t of the first deal is
// exchange[t] on the second.
type exchange [mahjong.NumTiles]mahjong.Tile

// place says which tiles may replace a hidden one.
type place struct {
	sameKind bool         // its kind follows from what has happened
	without  mahjong.Suit // a suit that may not be there
	never    tiles        // tiles that may not be there
}

// exchanged draws an exchange under which everything so far could still have happened.
func (p *past) exchanged(rng *rand.Rand) exchange {
	var x exchange
	var places [mahjong.NumTiles]place
	for t := range mahjong.Tile(mahjong.NumTiles) {
		x[t], places[t].without = t, mahjong.NoSuit
	}
	for seat, hand := range p.now {
		for _, t := range hand {
			places[t].sameKind = p.won[seat] // by these tiles
			// A seat that discarded another suit had no tile of the void suit left then.
			if p.voids != nil && p.got[t] <= p.free[seat] {
				places[t].without = p.voids.Suits[seat]
			}
		}
	}
	for _, g := range p.pengs {
		p.keepPeng(&places, g)
	}
	for _, e := range p.anGangs {
		for _, t := range e.Meld.Tiles {
			places[t].sameKind = true
		}
	}
	for _, e := range p.anGangs {
		p.exchangeKind(rng, &x, &places, &e)
	}
	var hidden []mahjong.Tile
	for t := range mahjong.Tile(mahjong.NumTiles) {
		if !p.known[t] {
			hidden = append(hidden, t)
		}
	}
	fits := func(at, t mahjong.Tile) bool {
		if places[at].sameKind && t.Kind() != x[at].Kind() {
			return false
		}
		return t.Kind().Suit() != places[at].without && !places[at].never[t]
	}
	for range 4 * len(hidden) {
		a, b := hidden[rng.IntN(len(hidden))], hidden[rng.IntN(len(hidden))]
		if fits(a, x[b]) && fits(b, x[a]) {
			x[a], x[b] = x[b], x[a]
		}
	}
	return x
}

// keepPeng keeps tiles out of a hand from which a peng would have taken them first. A peng takes
// the two lowest, as in recorded hands, so it does tell that no lower one is left.
func (p *past) keepPeng(places *[mahjong.NumTiles]place, g peng) {
	for _, at := range p.now[g.seat] {
		for t := mahjong.Tile(g.tiles[0].Kind() * 4); p.got[at] < g.at && t < g.tiles[1]; t++ {
			places[at].never.add(t)
		}
	}
}

// exchangeKind replaces a hidden an-gang by one of another kind, if one is wholly hidden.
func (p *past) exchangeKind(rng *rand.Rand, x *exchange, places *[mahjong.NumTiles]place, e *mahjong.Event) {
	mine := e.Meld.Kind
	var others []mahjong.Kind
	for k := range mahjong.Kind(mahjong.NumKinds) {
		ok := k != mine && !p.won[e.Seat] && k.Suit() != p.voids.Suits[e.Seat]
		for t := mahjong.Tile(k * 4); t < mahjong.Tile(k*4+4); t++ {
			ok = ok && !p.known[t] && x[t] == t && !places[t].sameKind && places[t].without != mine.Suit()
		}
		if ok {
			others = append(others, k)
		}
	}
	other := mine
	// A tile that the viewer gave away in the swap stays where it went.
	known := slices.ContainsFunc(e.Meld.Tiles, func(t mahjong.Tile) bool { return p.known[t] })
	if len(others) > 0 && !known {
		other = others[rng.IntN(len(others))]
	}
	for i := range mahjong.Tile(4) {
		a, b := mahjong.Tile(mine*4)+i, mahjong.Tile(other*4)+i
		x[a], x[b] = b, a
	}
}

func (x *exchange) all(list []mahjong.Tile) []mahjong.Tile {
	out := make([]mahjong.Tile, len(list))
	for i, t := range list {
		out[i] = x[t]
	}
	return out
}
