package bot

import (
	"cmp"
	"slices"

	"teahouse/pkg/mahjong"
)

// Advice evaluates a hand without a tile to discard.
type Advice struct {
	Discard mahjong.Kind // what was discarded to get there; NoKind if nothing
	Shanten int          // tiles away from waiting: 0 = waiting
	Useful  mahjong.KindSet
	Tiles   int // of the useful kinds, less those in the own hand
}

// Advise evaluates a hand of 13 tiles, a meld counted as three: how far it is from waiting, and
// which kinds help. Tiles of the void suit count for nothing; if none is chosen, the best one is
// assumed. It sees no tiles but the hand's.
func Advise(s mahjong.Shape) Advice {
	o := outlook{strong: &strong{memo: new(memo)}, sight: new(sight)}
	return o.advise(s, mahjong.NoKind)
}

// AdviseDiscards gives the advice for each kind that a hand of 14 tiles may discard, best first.
// While there are tiles of the void suit only those may go.
func AdviseDiscards(s mahjong.Shape) []Advice {
	o := outlook{strong: &strong{memo: new(memo)}, sight: new(sight)}
	voids := s.Void.Valid() && s.Concealed.InSuit(s.Void) > 0
	var all []Advice
	for k := range mahjong.Kind(mahjong.NumKinds) {
		if s.Concealed[k] == 0 || voids && k.Suit() != s.Void {
			continue
		}
		s.Concealed[k]--
		all = append(all, o.advise(s, k))
		s.Concealed[k]++
	}
	slices.SortStableFunc(all, func(a, b Advice) int {
		return cmp.Or(cmp.Compare(a.Shanten, b.Shanten), cmp.Compare(b.Tiles, a.Tiles))
	})
	return all
}

func (o *outlook) advise(s mahjong.Shape, discard mahjong.Kind) Advice {
	a := Advice{Discard: discard, Shanten: o.nearest(&s)}
	for k := range mahjong.Kind(mahjong.NumKinds) {
		own := int(s.Concealed[k])
		for _, m := range s.Melds {
			if m.Kind == k {
				own += 3
				if m.Type != mahjong.Peng {
					own++
				}
			}
		}
		if own >= 4 {
			continue
		}
		s.Concealed[k]++
		if o.nearest(&s) < a.Shanten {
			a.Useful = a.Useful.With(k)
			a.Tiles += 4 - own
		}
		s.Concealed[k]--
	}
	return a
}

// nearest is the shanten with the void suit, or else with the best one.
func (o *outlook) nearest(s *mahjong.Shape) int {
	best := 2 * 4
	held := suitsOf(s.Melds)
	for suit := mahjong.Wan; suit <= mahjong.Tiao; suit++ {
		if s.Void.Valid() && suit != s.Void || held>>suit&1 != 0 {
			continue
		}
		o.counts, o.melds = s.Concealed, s.Melds
		for k := range o.counts {
			if mahjong.Kind(k).Suit() == suit {
				o.counts[k] = 0
			}
		}
		best = min(best, o.shanten())
	}
	return best
}
