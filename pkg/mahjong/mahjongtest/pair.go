package mahjongtest

import (
	"math/rand/v2"

	"teahouse/pkg/mahjong"
)

// Pair is a hand played on two deals.
type Pair struct {
	Rules  mahjong.Rules
	Viewer int // a seat or mahjong.Spectator
	Deals  [2]mahjong.Deal
	// Steps end with the hand, or where something public must differ.
	Steps []Step
	// Moved is how many tiles are elsewhere on the second deal.
	Moved int
}

// Step is what is done next on each deal: on the first one input; on the second the same input for
// the tiles there, or nothing if the seat is not asked there, and passes for seats that are asked
// only there.
type Step [2][]mahjong.Command

// NewPair picks a moment of the hand that inputs play on deal, and makes a second deal on which the
// viewer learns the same up to that moment, but as many as possible of the tiles hidden from it are
// elsewhere. The other seats' secret choices (for the swap, and the void suit while it is secret)
// differ too.
func NewPair(rules mahjong.Rules, deal mahjong.Deal, inputs []mahjong.Command, viewer int, rng *rand.Rand) (*Pair, error) {
	few := rng.IntN(len(inputs) + 1)
	if rng.IntN(8) == 0 {
		few = rng.IntN(min(8, len(inputs))) // swap and void
	}
	p, err := follow(rules, deal, inputs, viewer, few)
	if err != nil {
		return nil, err
	}
	pair := &Pair{Rules: rules, Viewer: viewer, Deals: [2]mahjong.Deal{deal, deal}}
	m := mirror{past: p, x: p.exchanged(rng), rng: rng}
	for t, other := range m.x {
		if mahjong.Tile(t) != other {
			pair.Moved++
		}
	}
	pair.Deals[1].Wall = m.wall()
	for i := range m.hands {
		if m.hands[i], err = mahjong.New(rules, pair.Deals[i]); err != nil {
			return nil, err
		}
		opening := m.hands[i].Opening()
		m.events[i] = []mahjong.Event{opening}
	}
	for _, c := range p.inputs {
		step, ok := m.step(c)
		if !ok {
			break
		}
		pair.Steps = append(pair.Steps, step)
	}
	return pair, nil
}

// mirror plays the second deal alongside the first.
type mirror struct {
	*past
	x      exchange
	rng    *rand.Rand
	given  [mahjong.Seats][]mahjong.Tile // by the other seats, on the second deal; nil until a swap is known
	hands  [2]*mahjong.Hand
	events [2][]mahjong.Event // without the secret answers
	same   int                // number of events compared so far
}

// wall builds the second deal's wall. What seats hold after the swap is known; the three tiles from
// another seat may be any three of one suit among them.
func (m *mirror) wall() (wall [mahjong.NumTiles]mahjong.Tile) {
	var dealt [mahjong.Seats][]mahjong.Tile
	for seat := range dealt {
		dealt[seat] = m.x.all(m.base[seat])
	}
	if m.swap != nil {
		for to := range dealt {
			from := (to - m.swap.Dir + mahjong.Seats) % mahjong.Seats
			m.given[from] = m.swap.Shown.Given[from]
			if from != m.viewer && to != m.viewer {
				m.given[from] = threeOfASuit(dealt[to], m.rng)
			}
			dealt[to] = without(dealt[to], m.given[from])
		}
		for from := range dealt {
			dealt[from] = append(dealt[from], m.given[from]...)
		}
	}
	for place, t := range m.deal.Wall {
		seat := (m.deal.Dealer + place/4) % mahjong.Seats
		if place >= 48 {
			seat = (m.deal.Dealer + place) % mahjong.Seats
		}
		switch {
		case place > 52:
			wall[place] = m.x[t]
		case seat == m.viewer:
			wall[place] = t
		default:
			i := m.rng.IntN(len(dealt[seat]))
			wall[place] = dealt[seat][i]
			dealt[seat] = without(dealt[seat], []mahjong.Tile{wall[place]})
		}
	}
	return wall
}

// step makes one input of the first deal on both, and reports whether the two have gone the same
// way as far as everybody sees.
func (m *mirror) step(c mahjong.Command) (s Step, ok bool) {
	d, ok := m.mapped(c)
	if !m.apply(0, c, &s) || !ok {
		return s, false
	}
	secret := d.Action == mahjong.ActPass && c.Seat != m.viewer
	if !(secret && !m.mayClaim(1, c.Seat)) && !m.apply(1, d, &s) {
		return s, false
	}
	for seat := range mahjong.Seats {
		if seat == m.viewer || !m.mayClaim(1, seat) || m.mayClaim(0, seat) {
			continue
		}
		if !m.apply(1, mahjong.Command{Action: mahjong.ActPass, Seat: seat}, &s) {
			return s, false
		}
	}
	for ; m.same < min(len(m.events[0]), len(m.events[1])); m.same++ {
		if !m.alike(&m.events[0][m.same], &m.events[1][m.same]) {
			return s, false
		}
	}
	for i := range m.events {
		if len(m.events[i]) > m.same && m.events[i][m.same].Kind == mahjong.EventHu {
			return s, false // a win forced by the rules, on one deal only
		}
	}
	return s, true
}

func (m *mirror) mayClaim(i, seat int) bool {
	k := m.hands[i].Prompt(seat).Kind
	return k == mahjong.PromptClaim || k == mahjong.PromptRob
}

func (m *mirror) apply(i int, c mahjong.Command, s *Step) bool {
	events, err := m.hands[i].Apply(c)
	if err != nil {
		return false
	}
	s[i] = append(s[i], c)
	for _, e := range events {
		if e.Kind != mahjong.EventAnswered {
			m.events[i] = append(m.events[i], e)
		}
	}
	return true
}

// mapped translates an input for the second deal.
func (m *mirror) mapped(c mahjong.Command) (mahjong.Command, bool) {
	if c.Seat == m.viewer || c.Action == mahjong.ActRelease {
		return c, true
	}
	switch c.Action {
	case mahjong.ActSwap:
		given := m.given[c.Seat]
		if given == nil {
			given = threeOfASuit(m.hands[1].View(c.Seat).Hand, m.rng)
		}
		c.Tiles = [3]mahjong.Tile(given)
	case mahjong.ActVoid:
		if m.voids == nil {
			c.Suit = mahjong.Suit(m.rng.IntN(3))
		}
	case mahjong.ActDiscard:
		return c, m.x[c.Tile] == c.Tile
	case mahjong.ActAnGang:
		c.Kind = m.x[c.Kind*4].Kind()
	case mahjong.ActHu, mahjong.ActGang, mahjong.ActPeng:
		// An answer that had no effect may be impossible here; the events will tell whether it had
		// one.
		if m.mayClaim(0, c.Seat) && !offers(m.hands[1].Prompt(c.Seat), c.Action) {
			c.Action = mahjong.ActPass
		}
	}
	return c, true
}

func offers(p mahjong.Prompt, a mahjong.Action) bool {
	return a == mahjong.ActHu && p.Hu || a == mahjong.ActGang && p.Gang || a == mahjong.ActPeng && p.Peng
}

// threeOfASuit draws three of 13 tiles or more: at least one suit has that many.
func threeOfASuit(hand []mahjong.Tile, rng *rand.Rand) (three []mahjong.Tile) {
	suit := mahjong.Suit(rng.IntN(3))
	for counts := mahjong.Count(hand); counts.InSuit(suit) < 3; {
		suit = (suit + 1) % 3
	}
	for _, i := range rng.Perm(len(hand)) {
		if hand[i].Kind().Suit() == suit && len(three) < 3 {
			three = append(three, hand[i])
		}
	}
	return three
}

func without(hand, gone []mahjong.Tile) (rest []mahjong.Tile) {
	var out tiles
	out.add(gone...)
	for _, t := range hand {
		if !out[t] {
			rest = append(rest, t)
		}
	}
	return rest
}
