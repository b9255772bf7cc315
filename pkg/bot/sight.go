package bot

import (
	"math"

	"teahouse/pkg/mahjong"
)

// sight is what a strong player infers from a view: where the unseen tiles may be, and what to
// expect of the others.
type sight struct {
	me      int
	missing mahjong.Suit // the own void suit
	wall    int
	unseen  mahjong.Counts
	rivals  []rival // in play
	room    [mahjong.Seats]rival

	draw [mahjong.NumKinds]float64 // chance that a draw is of the kind
	feed [mahjong.NumKinds]float64 // tiles of the kind that the others discard per round
}

// rival is another seat in play.
type rival struct {
	seat      int
	void      mahjong.Suit
	bare      bool // holds no tile of its void suit
	locked    bool // plays on with a fixed hand after a win
	concealed int
	discarded mahjong.KindSet
	ready     float64 // chance that it is waiting
	loss      float64 // points lost if it wins by a discard, in units of the base
}

func newSight(view *mahjong.View) *sight {
	s := &sight{me: view.Seat, missing: view.Void, wall: view.Wall}
	s.countUnseen(view)
	s.rivals = s.room[:0]
	for i := range view.Seats {
		if i != s.me && !view.Seats[i].Out {
			s.rivals = append(s.rivals, newRival(i, &view.Seats[i]))
		}
	}
	for k := range mahjong.Kind(mahjong.NumKinds) {
		s.weigh(k)
	}
	return s
}

// countUnseen subtracts the visible tiles, each once: a claimed tile stays in the river that
// it was discarded to, so a meld or a win adds only what came from elsewhere.
func (s *sight) countUnseen(view *mahjong.View) {
	for k := range s.unseen {
		s.unseen[k] = 4
	}
	see := func(k mahjong.Kind, n uint8) {
		if k.Valid() {
			s.unseen[k] -= n
		}
	}
	if view.Phase == mahjong.PhaseRob && view.Turn != view.Seat { // neither a discard nor in the own hand
		see(view.Open.Kind(), 1)
	}
	for i := range view.Seats {
		seat := &view.Seats[i]
		shown := seat.Hand
		if i == view.Seat {
			shown = view.Hand
		}
		for _, t := range shown {
			see(t.Kind(), 1)
		}
		for _, r := range seat.River {
			see(r.Tile.Kind(), 1)
		}
		for _, m := range seat.Melds {
			switch m.Type {
			case mahjong.Peng:
				see(m.Kind, 2)
			case mahjong.AnGang:
				see(m.Kind, 4)
			default:
				see(m.Kind, 3)
			}
		}
		for _, w := range seat.Wins {
			inHand := w.How == mahjong.Zimo && !seat.Locked && len(shown) > 0
			if w.How != mahjong.Dianpao && !inHand {
				see(w.Tile.Kind(), 1)
			}
		}
	}
}

// newRival judges a seat by what it shows.
func newRival(i int, seat *mahjong.SeatView) rival {
	r := rival{seat: i, void: seat.Void, locked: seat.Locked, concealed: seat.Concealed}
	playing := 0 // discards since the void suit ran out
	for _, t := range seat.River {
		k := t.Tile.Kind()
		r.discarded = r.discarded.With(k)
		if k.Suit() != r.void {
			playing++
		}
	}
	// Tiles of the void suit must go first, so a seat that discards another tile has none.
	r.bare = playing > 0 || seat.Locked
	r.ready = readyChance(playing, len(seat.Melds))
	if seat.Locked {
		r.ready = 1
	}
	r.loss = lossTo(seat)
	return r
}

// readyChance is the share of seats that were waiting, of those that had discarded so many tiles of
// the suits they keep and had so many melds. Measured over hands between such players.
func readyChance(playing, melds int) float64 {
	byDiscards := [...]float64{0.01, 0.1, 0.27, 0.43, 0.55, 0.65, 0.74, 0.79, 0.84, 0.87, 0.9}
	chance := byDiscards[min(playing, len(byDiscards)-1)]
	switch {
	case melds >= 3:
		return 1 - (1-chance)*0.35
	case melds == 2:
		return 1 - (1-chance)*0.75
	}
	return chance
}

// lossTo is the average cost of a seat's win by a discard, by its melds.
func lossTo(seat *mahjong.SeatView) float64 {
	suits, gangs := 0, 0
	for _, m := range seat.Melds {
		if m.Type != mahjong.Peng {
			gangs++
		}
		if m.Kind.Valid() {
			suits |= 1 << m.Kind.Suit()
		}
	}
	oneSuit := suits&(suits-1) == 0
	loss := 1.5
	switch n := len(seat.Melds); {
	case n >= 4:
		loss = 8
	case n == 3 && oneSuit:
		loss = 4.6
	case n == 3:
		loss = 2.6
	case n == 2 && oneSuit:
		loss = 1.9
	}
	return loss * math.Exp2(0.7*float64(gangs))
}

// What a waiting seat wins per round from each of the others.
const (
	drawCost = 0.07 * 2.5     // its draws: a small win and the bonus for it
	feedCost = 0.12 / 3 * 1.5 // a third of what it gets from discards
)

func (s *sight) prospects(rules mahjong.Rules) prospects {
	p := prospects{again: rules.Mode == mahjong.ModeXueliu, keep: 1}
	others := float64(len(s.rivals))
	if rules.DaJiao {
		p.penalty = 1.2 * others
	}
	if p.again {
		return p // the others win as much whatever this seat does
	}
	ready := 0.0
	for i := range s.rivals {
		now := s.rivals[i].ready
		ready += now + 0.3*(1-now) // and more soon
	}
	p.cost = ready * (drawCost + feedCost)
	if others > 0 {
		p.keep = 1 - 0.09*ready/others
	}
	return p
}

// weigh estimates how many tiles of kind k will be drawn and discarded. The unseen ones are in the
// wall or in hands that may hold them.
func (s *sight) weigh(k mahjong.Kind) {
	if s.unseen[k] == 0 || k.Suit() == s.missing {
		return
	}
	places := s.wall
	for i := range s.rivals {
		if r := &s.rivals[i]; !r.bare || r.void != k.Suit() {
			places += r.concealed
		}
	}
	if places == 0 {
		return
	}
	s.draw[k] = float64(s.unseen[k]) / float64(places)
	for i := range s.rivals {
		s.feed[k] += s.draw[k] * s.rivals[i].release(k)
	}
}

// release is how readily a seat discards a tile of kind k that it draws.
func (r *rival) release(k mahjong.Kind) float64 {
	switch rank := k.Rank(); {
	case r.locked || r.void == k.Suit():
		return 1
	case rank == 1 || rank == 9:
		return 0.8
	case rank == 2 || rank == 8:
		return 0.65
	default:
		return 0.5
	}
}

// danger is what a discard of kind k costs, in units of the base.
func (s *sight) danger(k mahjong.Kind) float64 {
	cost := 0.0
	for i := range s.rivals {
		r := &s.rivals[i]
		cost += r.ready * r.waits(k, s.unseen[k]) * r.loss
	}
	return cost
}

// waits is the chance that a waiting seat waits for kind k, of which the player cannot see unseen
// tiles.
func (r *rival) waits(k mahjong.Kind, unseen uint8) float64 {
	if k.Suit() == r.void {
		return 0
	}
	chance := 0.137
	switch k.Rank() {
	case 1, 2, 8, 9:
		chance = 0.1
	}
	if r.discarded.Has(k) {
		chance *= 0.15
	}
	return chance
}
