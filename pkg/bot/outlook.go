package bot

import "teahouse/pkg/mahjong"

// outlook values hands of one seat at one moment, in units of the base.
type outlook struct {
	*strong
	*sight
	prospects
	counts  mahjong.Counts // concealed, less the tiles of the void suit
	melds   []mahjong.MeldShape
	ladders *ladders // filled in as needed
}

// maxFan is the highest fan that is distinguished.
const maxFan = 16

// climbs is the value of a hand for each number of rounds left.
type climbs [longest + 1]float64

// doubt is the weight that the nearest win keeps when the hand aims for a better one.
const doubt = 0.2

// value is what the hand, with no tile to discard, can be expected to earn in the rounds left,
// going for the best of what it may become.
func (o *outlook) value(rounds int) float64 {
	rounds = min(rounds, longest)
	var best float64
	switch s := o.shanten(); s {
	case 0:
		best = -o.penalty
		if v, ok := o.waiting(rounds); ok {
			best = v[rounds]
		}
	case 1:
		best = o.nearly(rounds)
	default:
		best = o.goal(plain, o.open(), s, rounds)
	}
	nearest := best
	for _, g := range o.goals() {
		best = max(best, o.goal(g.form, g.suits, g.shanten, rounds))
	}
	return (1-doubt)*best + doubt*nearest
}

// shanten is that of the nearest win: the plain form or seven pairs.
func (o *outlook) shanten() int {
	s := o.plainShanten(7)
	if len(o.melds) == 0 {
		s = min(s, o.pairsShanten(7))
	}
	return s
}

// waiting values a waiting hand; false if it does not wait. If the tiles that it waits for are all
// gone, it merely need not pay at the end.
func (o *outlook) waiting(rounds int) (v climbs, ok bool) {
	var room [9]wait
	waits, ok := o.waits(room[:0])
	for r := 1; r <= rounds && ok; r++ {
		v[r] = o.earn(waits, v[r-1])
	}
	return v, ok
}

func (o *outlook) waits(waits []wait) ([]wait, bool) {
	shape := mahjong.Shape{Concealed: o.counts, Melds: o.melds, Void: o.missing}
	kinds := shape.Waits()
	if kinds == 0 {
		return waits, false
	}
	for k := range mahjong.Kind(mahjong.NumKinds) {
		if !kinds.Has(k) || o.draw[k] == 0 {
			continue
		}
		shape.Concealed[k]++
		score, _ := shape.Best(&o.rules, 0)
		shape.Concealed[k]--
		waits = append(waits, wait{o.draw[k], o.feed[k], o.drawn(score.Raw), o.worth(score.Raw)})
	}
	return waits, true
}

// nearly values a hand that is one tile away from waiting, looking at each such tile.
func (o *outlook) nearly(rounds int) float64 {
	var sum climbs // over the tiles: chance times value
	all := 0.0
	for k := range mahjong.Kind(mahjong.NumKinds) {
		if o.draw[k] == 0 || o.counts[k] == 4 || k.Suit() == o.missing {
			continue
		}
		o.counts[k]++
		if o.shanten() == 0 {
			if v, ok := o.bestWait(rounds); ok {
				chance := o.draw[k]
				if o.counts[k] > 2 {
					chance += o.feed[k] // by a peng
				}
				all += chance
				for r := range v[:rounds] {
					sum[r] += chance * v[r]
				}
			}
		}
		o.counts[k]--
	}
	all = max(all, 1e-9)
	v := -o.penalty
	for r := 1; r <= rounds; r++ {
		v = o.climb(min(all, 0.95), sum[r-1]/all, v)
	}
	return v
}

// bestWait values the best wait that a discard can leave.
func (o *outlook) bestWait(rounds int) (best climbs, ok bool) {
	for d := range mahjong.Kind(mahjong.NumKinds) {
		if o.counts[d] == 0 {
			continue
		}
		o.counts[d]--
		if v, waits := o.waiting(rounds); waits && (!ok || v[(rounds+1)/2] > best[(rounds+1)/2]) {
			best, ok = v, true
		}
		o.counts[d]++
	}
	return best, ok
}
