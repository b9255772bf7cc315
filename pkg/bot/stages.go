package bot

import "teahouse/pkg/mahjong"

const (
	farthest = 8  // the shanten beyond which hands are not distinguished
	longest  = 28 // the most rounds looked ahead
)

// pace is what a round, from one own draw to the next, brings a hand on average.
type pace struct {
	draw, feed float64               // a waiting hand draws its tile; one of three others discards it
	progress   [farthest + 1]float64 // chance that a hand of the shanten gets nearer
}

// The paces toward each form out of two suits. That of the plain form is measured over hands
// between such players; the others follow from the number of helpful tiles.
var paces = [...]pace{
	plain:      {0.07, 0.12, [...]float64{0, 0.25, 0.39, 0.49, 0.54, 0.6, 0.65, 0.7, 0.75}},
	triplets:   {0.05, 0.1, [...]float64{0, 0.22, 0.28, 0.32, 0.32, 0.32, 0.32, 0.32, 0.32}},
	sevenPairs: {0.035, 0.06, [...]float64{0, 0.12, 0.19, 0.26, 0.33, 0.4, 0.45, 0.5, 0.55}},
}

// How much slower it is with tiles of one suit only, while waiting and before.
const oneSuitWait, oneSuitProgress = 0.95, 0.75

// ladder is what hands of each shanten can be expected to earn in a number of rounds, if they end
// as wins of a given worth.
type ladder [farthest + 1][longest + 1]float64

// prospects is what does not depend on the own hand: what the coming rounds bring and cost.
type prospects struct {
	again   bool    // a win does not end the play
	keep    float64 // the share of the next round's value that is still there then
	cost    float64 // of a round without having won: the others' wins
	penalty float64 // for a hand that is not waiting when the wall is empty
}

// climb gives the next value on a ladder, for a hand that a round improves with chance q and
// otherwise leaves as it is.
func (p *prospects) climb(q, better, same float64) float64 {
	return p.keep*(q*better+(1-q)*same) - p.cost
}

// wait is a chance to win in each round, and what such wins bring.
type wait struct {
	draw, feed float64
	drawn, fed float64 // points for a win by an own draw and by a discard
}

// earn is what waits bring in this round and afterwards; later is what they bring from the next
// round on. A win by a discard that is worth less than continuing to wait is passed up.
func (p *prospects) earn(waits []wait, later float64) float64 {
	v, drawn, fed := 0.0, 0.0, 0.0
	if p.again {
		for _, w := range waits {
			v += w.draw*w.drawn + w.feed*w.fed
		}
		return v + later
	}
	later *= p.keep
	for _, w := range waits {
		drawn += w.draw
		v += w.draw * w.drawn
	}
	claims := 0.0
	for _, w := range waits {
		claims += w.feed * max(w.fed, later)
		fed += w.feed
	}
	return v + (1-min(drawn, 1))*(claims+(1-min(fed, 1))*later) - p.cost
}

// ladder is for hands with the given progress that win by w.
func (p *prospects) ladder(w wait, progress *[farthest + 1]float64, slower float64, rounds int) *ladder {
	var l ladder
	waits := []wait{w}
	for s := 1; s <= farthest; s++ {
		l[s][0] = -p.penalty
	}
	for r := 1; r <= min(rounds, longest); r++ {
		l[0][r] = p.earn(waits, l[0][r-1])
		for s := 1; s <= farthest; s++ {
			l[s][r] = p.climb(slower*progress[s], l[s-1][r-1], l[s][r-1])
		}
	}
	return &l
}

// from is the outlook of a hand of the shanten, above 0, that a round brings nearer with chance q.
func (l *ladder) from(p *prospects, shanten int, q float64, rounds int) float64 {
	shanten = min(shanten, farthest)
	v := l[shanten][0]
	for r := 1; r <= min(rounds, longest); r++ {
		v = p.climb(q, l[shanten-1][r-1], v)
	}
	return v
}

// suitsOf returns the suits of melds, one bit each.
func suitsOf(melds []mahjong.MeldShape) (mask int) {
	for _, m := range melds {
		mask |= 1 << m.Kind.Suit()
	}
	return mask
}
