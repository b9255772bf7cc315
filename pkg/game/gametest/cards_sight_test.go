package gametest_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"

	"teahouse/pkg/game"
	"teahouse/pkg/game/gametest"
)

// cardView is what a viewer sees.
type cardView struct {
	Hand   []int            `json:"hand"`
	Aside  int              `json:"aside"`
	Open   int              `json:"open"`
	Turn   int              `json:"turn"`
	Played []int            `json:"played"`
	Scores [cardSeats]int64 `json:"scores"`
	Asides []int            `json:"asides,omitempty"` // at the end
}

func (h *cardHand) View(seat int) []byte {
	v := cardView{Hand: []int{}, Aside: -1, Open: h.open, Turn: h.turn, Scores: h.scores, Played: []int{}}
	if seat >= 0 {
		v.Hand, v.Aside = h.hands[seat], h.aside[seat]
	}
	putting := 0
	if h.rules.Aside {
		putting = cardSeats
	}
	for _, a := range h.state.Acts {
		if a[0] < 0 || a[1] >= take {
			continue
		}
		if putting--; putting < 0 {
			v.Played = append(v.Played, a[1])
		}
	}
	if h.over {
		v.Asides = h.aside[:]
	}
	return encode(v)
}

// Think plays the middle card, and claims.
func (cards) Think(_, view, prompt []byte, _ game.Strength) ([]byte, error) {
	var v cardView
	if err := json.Unmarshal(view, &v); err != nil {
		return nil, err
	}
	if bytes.HasPrefix(prompt, []byte("take")) {
		return []byte{take}, nil
	}
	if len(v.Hand) == 0 {
		return nil, errors.New("no cards")
	}
	return []byte{byte(v.Hand[len(v.Hand)/2])}, nil
}

// cardFollower keeps a view.
type cardFollower struct {
	seat int
	view cardView
}

func (cards) Follow(seat int, _, view []byte) (game.Follower, error) {
	if seat < game.Public || seat >= cardSeats {
		return nil, fmt.Errorf("no seat %d", seat)
	}
	f := &cardFollower{seat: seat}
	if view == nil {
		return f, nil
	}
	return f, json.Unmarshal(view, &f.view)
}

func (f *cardFollower) View() []byte { return encode(f.view) }

func (f *cardFollower) Told(event []byte) error {
	var e cardEvent
	if err := json.Unmarshal(event, &e); err != nil {
		return err
	}
	v := &f.view
	if e.Seat < -1 || e.Seat >= cardSeats || e.From < 0 || e.From >= cardSeats {
		return errors.New("no such seat")
	}
	gone := func() { v.Hand = slices.DeleteFunc(v.Hand, func(c int) bool { return c == e.Card }) }
	switch e.What {
	case "dealt":
		*v = cardView{Hand: append([]int{}, e.Hand...), Aside: -1, Open: -1, Turn: e.Seat, Played: []int{}}
	case "aside":
		gone()
		v.Aside = e.Card
	case "turn":
		v.Turn = e.Seat
	case "answered":
	case "played":
		gone()
		v.Open, v.Played = e.Card, append(v.Played, e.Card)
	case "closed":
		v.Open, v.Turn = -1, e.Turn
		if e.Seat >= 0 {
			v.Scores[e.Seat] += e.Points
			v.Scores[e.From] -= e.Points
		}
	case "over":
		for seat := range v.Scores {
			v.Scores[seat] -= e.Points
		}
		v.Scores[max(0, e.Seat)] += cardSeats * e.Points
		v.Asides = e.Aside
	default:
		return fmt.Errorf("what is %q?", e.What)
	}
	return nil
}

// cardLegal lists every answer.
func cardLegal(_, view, prompt []byte, _ *rand.Rand) (moves [][]byte, err error) {
	var v cardView
	if err := json.Unmarshal(view, &v); err != nil {
		return nil, err
	}
	if bytes.HasPrefix(prompt, []byte("take")) {
		return [][]byte{{take}, {pass}}, nil
	}
	for _, card := range v.Hand {
		moves = append(moves, []byte{byte(card)})
	}
	return moves, nil
}

// cardTwins plays a hand for a while, and then exchanges two cards that its viewer has not seen.
func cardTwins(g game.Game, rules []byte, rng *rand.Rand) (*gametest.Twins, error) {
	deck := rng.Perm(cardCount)
	dealer, viewer := rng.IntN(cardSeats), rng.IntN(cardSeats+1)-1
	first, err := cards{}.begin(rules, deck, dealer)
	if err != nil {
		return nil, err
	}
	for acts := rng.IntN(30); acts > 0 && !first.over; acts-- {
		if first.open >= 0 && rng.IntN(2) == 0 {
			first.Release()
			continue
		}
		seat := rng.IntN(cardSeats)
		if first.prompts[seat] == 0 {
			continue
		}
		move := []int{take, pass}[rng.IntN(2)]
		if first.open < 0 {
			move = first.hands[seat][rng.IntN(len(first.hands[seat]))]
		}
		if _, err := first.answer(seat, move); err != nil {
			return nil, err
		}
	}
	script := first.state.Acts
	if first.over { // all is shown
		script = script[:len(script)-1]
	}
	hidden := slices.Clone(deck[cardSeats*cardHands:])
	for seat, hand := range first.hands {
		if seat == viewer {
			continue
		}
		hidden = append(hidden, hand...)
		if first.aside[seat] >= 0 {
			hidden = append(hidden, first.aside[seat])
		}
	}
	x, y := hidden[rng.IntN(len(hidden))], hidden[rng.IntN(len(hidden))]
	other := func(card int) int {
		switch card {
		case x:
			return y
		case y:
			return x
		}
		return card
	}
	twin := make([]int, cardCount)
	for i, card := range deck {
		twin[i] = other(card)
	}
	second, err := cards{}.begin(rules, twin, dealer)
	if err != nil {
		return nil, err
	}
	t := &gametest.Twins{Viewers: []int{viewer}}
	for i, deck := range [][]int{deck, twin} {
		if t.Hands[i], err = g.Restore(encode(cardState{Rules: rules, Deck: deck, Dealer: dealer})); err != nil {
			return nil, err
		}
	}
	do := func(seat, move int) []gametest.Act {
		return []gametest.Act{func(h game.Hand) (game.Step, error) {
			if seat < 0 {
				return h.Release()
			}
			return h.Move(seat, []byte{byte(move)})
		}}
	}
	for _, a := range script {
		seat, move := a[0], other(a[1])
		step := [2][]gametest.Act{do(seat, a[1]), do(seat, move)}
		switch {
		case seat < 0:
			second.Release()
		case second.prompts[seat] == 0 && move == take:
			return t, nil // what it takes, all will see
		case second.prompts[seat] == 0:
			step[1] = nil
		default:
			if _, err := second.answer(seat, move); err != nil {
				return nil, err
			}
		}
		t.Steps = append(t.Steps, step)
	}
	return t, nil
}

func cardConfig() gametest.Config {
	return gametest.Config{Legal: cardLegal, Twins: cardTwins, Rules: []string{`{"aside":false}`}, Bounds: gametest.Bounds{Acts: 60}}
}
