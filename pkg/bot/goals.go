package bot

import "teahouse/pkg/mahjong"

// form is what a hand aims to become.
type form uint8

const (
	plain form = iota
	triplets
	sevenPairs
)

// fan of the forms, and of a hand of one suit.
var formFan = [...]int{plain: 0, triplets: 1, sevenPairs: 2}

const oneSuitFan = 2

// target is a form out of some suits (one bit each) that a hand may aim for.
type target struct {
	form    form
	suits   int
	shanten int
}

// detour is how many more tiles than the nearest win a better one may need to be considered.
const detour = 3

// goals lists what the hand may become besides the nearest win.
func (o *outlook) goals() []target {
	var found []target
	least := o.shanten()
	held := suitsOf(o.melds)
	try := func(f form, suits, shanten int) {
		if held&^suits == 0 && shanten <= least+detour && shanten < farthest {
			found = append(found, target{f, suits, shanten})
		}
	}
	open := o.open()
	for _, suits := range [...]int{open, 1, 2, 4} {
		if suits&^open != 0 {
			continue
		}
		if suits != open {
			try(plain, suits, o.plainShanten(suits))
		}
		try(triplets, suits, o.tripletsShanten(suits))
		if len(o.melds) == 0 {
			try(sevenPairs, suits, o.pairsShanten(suits))
		}
	}
	return found
}

// open gives the suits that the hand may be made of.
func (o *outlook) open() int {
	if o.missing.Valid() {
		return 7 &^ (1 << o.missing)
	}
	return 7
}

// goal values going for a target.
func (o *outlook) goal(f form, suits, shanten, rounds int) float64 {
	fan := formFan[f] + o.roots(suits)
	if suits&(suits-1) == 0 {
		fan += oneSuitFan
	}
	shanten = max(shanten, 1) // a hand that waits already is valued by its waits
	return o.ladder(f, suits, fan, rounds).from(&o.prospects, shanten, o.nearer(f, suits, shanten), rounds)
}

// ladders are cached by form, by whether they are for one suit, and by fan.
type ladders [len(paces)][2][maxFan + 1]*ladder

// ladder returns the ladder of a form out of some suits that scores fan.
func (o *outlook) ladder(f form, suits, fan, rounds int) *ladder {
	fan = min(fan, maxFan)
	p, one := &paces[f], 0
	slower, waiting := 1.0, 1.0
	if suits&(suits-1) == 0 {
		one, slower, waiting = 1, oneSuitProgress, oneSuitWait
	}
	kept := &o.ladders[f][one][fan]
	if *kept == nil {
		others := float64(len(o.rivals))
		w := wait{p.draw * waiting, p.feed * waiting * others / 3, o.drawn(fan), o.worth(fan)}
		*kept = o.prospects.ladder(w, &p.progress, slower, rounds+1)
	}
	return *kept
}

// counted is the shanten up to which the helpful tiles are counted. Farther away nearly every tile
// helps.
const counted = 3

// nearer is the chance that a round brings the hand nearer to a target.
func (o *outlook) nearer(f form, suits, shanten int) float64 {
	if shanten > counted {
		q := paces[f].progress[min(shanten, farthest)]
		if suits&(suits-1) == 0 {
			q *= oneSuitProgress
		}
		return q
	}
	q := 0.0
	for k := range mahjong.Kind(mahjong.NumKinds) {
		if suits>>k.Suit()&1 == 0 || o.draw[k] == 0 || o.counts[k] == 4 {
			continue
		}
		o.counts[k]++
		if o.shantenOf(f, suits) < shanten {
			q += o.draw[k]
			if o.counts[k] > 2 && f != sevenPairs {
				q += o.feed[k]
			}
		}
		o.counts[k]--
	}
	return min(q, 0.95)
}

func (o *outlook) shantenOf(f form, suits int) int {
	switch f {
	case triplets:
		return o.tripletsShanten(suits)
	case sevenPairs:
		return o.pairsShanten(suits)
	}
	return o.plainShanten(suits)
}

// roots counts the kinds in the suits of which the hand has all four.
func (o *outlook) roots(suits int) int {
	n := 0
	for k, c := range o.counts {
		if c == 4 && suits>>(k/9)&1 != 0 {
			n++
		}
	}
	for _, m := range o.melds {
		if m.Type != mahjong.Peng || o.counts[m.Kind] > 0 {
			n++
		}
	}
	return n
}

// The shanten of each form out of the tiles of some suits.

func (o *outlook) plainShanten(suits int) int {
	all := noTiles()
	first := true
	for s := range 3 {
		if suits>>s&1 == 0 {
			continue
		}
		b := o.memo.weigh([9]uint8(o.counts[s*9 : s*9+9]))
		if first {
			all, first = b, false
		} else {
			all = all.join(&b)
		}
	}
	return all.shanten(4 - len(o.melds))
}

func (o *outlook) tripletsShanten(suits int) int {
	need, pairs := 4-len(o.melds), 0
	for k, c := range o.counts {
		if suits>>(k/9)&1 == 0 {
			continue
		}
		switch {
		case c >= 3:
			need--
		case c == 2:
			pairs++
		}
	}
	need = max(need, 0)
	s := 2*need - min(pairs, need)
	if pairs > need {
		s--
	}
	return s
}

func (o *outlook) pairsShanten(suits int) int {
	pairs := 0
	for k, c := range o.counts {
		if suits>>(k/9)&1 != 0 {
			pairs += int(c / 2)
		}
	}
	return 6 - pairs
}
