package gametest_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"teahouse/pkg/game"
	"teahouse/pkg/game/rulebook"
	"teahouse/pkg/wire/wirepb"
)

// cards is a game that keeps every promise. Three seats hold four of fifteen cards each. First each puts one aside, secretly; then they
// play the others in turns. Whoever holds the card above the one just played may take a point for that, in secret until the
// window closes. At the end the highest card aside earns something.
type cards struct{}

const (
	cardSeats = 3
	cardCount = 15
	cardHands = 4
	take      = 100 // the move that claims; pass is above it
	pass      = 101
)

type cardRules struct {
	Aside  bool  `json:"aside"`
	Worth  int64 `json:"worth"`
	Base   int64 `json:"base"`
	HoldMS int64 `json:"hold_ms"`
}

func (cards) Name() string    { return "cards" }
func (cards) Version() uint32 { return 1 }
func (cards) Seats() int      { return cardSeats }

func (cards) Limits() []game.Limit {
	return []game.Limit{{Question: "play", Limit: time.Second}, {Question: "take", Limit: time.Second, Secret: true}}
}

func (cards) Options() game.Catalogue {
	number := func(key, standard string, lo, hi int64, label, help game.Text) game.Option {
		return game.Option{Key: key, Kind: game.OptionNumber, Default: raw(standard), Range: game.Range{Min: lo, Max: hi}, Label: label, Help: help}
	}
	worth := number("worth", "2", 0, 9, say("Worth", "值"), say("What the highest card aside earns.", "扣下的最大牌赢多少。"))
	worth.Only = &game.Condition{Key: "aside", Values: []json.RawMessage{raw("true")}}
	return game.Catalogue{Groups: []game.OptionGroup{{Name: "all", Label: say("All", "全部"), Options: []game.Option{
		{Key: "aside", Kind: game.OptionBool, Default: raw("true"), Label: say("Aside", "扣牌"), Help: say("Each puts one card aside.", "每家扣一张牌。")},
		worth,
		number("base", "1", 1, 1000, say("Base", "底分"), say("What a claim earns.", "抢到值多少。")),
		number("hold_ms", "500", 1, 5000, say("Window", "等牌时间"), say("How long claims are waited for.", "等抢牌多久。")),
	}}}}
}

func (g cards) Rules(overrides []byte) ([]byte, error) {
	return rulebook.Complete(g.Options(), overrides)
}

// cardState is what is replicated: a hand is the way to it.
type cardState struct {
	Rules  json.RawMessage `json:"rules"`
	Deck   []int           `json:"deck"`
	Dealer int             `json:"dealer"`
	Acts   [][2]int        `json:"acts"` // seat and move; seat -1 = release
}

func (g cards) Deal(s game.Setup) (game.Hand, error) {
	deck := rand.New(rand.NewChaCha8(s.Seed)).Perm(cardCount)
	if s.Version > 1 {
		return nil, fmt.Errorf("version %d", s.Version)
	}
	return g.begin(s.Rules, deck, s.Dealer)
}

func (g cards) begin(overrides []byte, deck []int, dealer int) (*cardHand, error) {
	whole, err := g.Rules(overrides)
	if err != nil {
		return nil, err
	}
	if dealer < 0 || dealer >= cardSeats {
		return nil, fmt.Errorf("no seat %d", dealer)
	}
	h := &cardHand{state: cardState{Rules: whole, Deck: deck, Dealer: dealer}, turn: dealer, open: -1}
	if err := json.Unmarshal(whole, &h.rules); err != nil {
		return nil, err
	}
	for seat := range cardSeats {
		h.hands[seat] = slices.Sorted(slices.Values(deck[seat*cardHands : (seat+1)*cardHands]))
		h.aside[seat] = -1
		if h.rules.Aside {
			h.ask(seat)
		}
	}
	if !h.rules.Aside {
		h.ask(dealer)
	}
	return h, nil
}

func (g cards) Restore(snapshot []byte) (game.Hand, error) {
	var s cardState
	if err := json.Unmarshal(snapshot, &s); err != nil {
		return nil, err
	}
	if len(s.Deck) != cardCount {
		return nil, fmt.Errorf("%d cards", len(s.Deck))
	}
	for i, card := range slices.Sorted(slices.Values(s.Deck)) {
		if i != card {
			return nil, fmt.Errorf("no card %d", i)
		}
	}
	h, err := g.begin(s.Rules, s.Deck, s.Dealer)
	if err != nil {
		return nil, err
	}
	for _, a := range s.Acts {
		if a[0] == -1 {
			_, err = h.Release()
		} else {
			_, err = h.answer(a[0], a[1])
		}
		if err != nil {
			return nil, err
		}
	}
	return h, nil
}

// cardHand is a hand of cards.
type cardHand struct {
	state   cardState
	rules   cardRules
	hands   [cardSeats][]int
	aside   [cardSeats]int
	serial  uint32
	prompts [cardSeats]uint32
	claims  [cardSeats]bool
	turn    int
	open    int // the card that may be claimed, or -1
	scores  [cardSeats]int64
	over    bool
}

func (h *cardHand) ask(seat int) {
	h.serial++
	h.prompts[seat] = h.serial
}

// putting reports whether cards are still put aside.
func (h *cardHand) putting() bool { return h.rules.Aside && slices.Contains(h.aside[:], -1) }

func (h *cardHand) Prompt(seat int) game.Prompt {
	if h.prompts[seat] == 0 {
		return game.Prompt{}
	}
	p := game.Prompt{Serial: h.prompts[seat], Limit: time.Second, Payload: []byte("play")}
	if h.open >= 0 {
		p.Secret, p.Payload = true, fmt.Appendf(nil, "take %d", h.open)
	} else if h.putting() {
		p.Payload = []byte("aside")
	}
	return p
}

func (h *cardHand) Hold() time.Duration {
	if h.open < 0 {
		return 0
	}
	return time.Duration(h.rules.HoldMS) * time.Millisecond
}

func (h *cardHand) asked(seat int) error {
	if seat < 0 || seat >= cardSeats {
		return game.Errorf(wirepb.Code_NOT_SEATED, "seat %d", seat)
	}
	if h.prompts[seat] == 0 {
		return game.Errorf(wirepb.Code_PROMPT_GONE, "seat %d is not asked", seat)
	}
	return nil
}

func (h *cardHand) Move(seat int, move []byte) (game.Step, error) {
	if err := h.asked(seat); err != nil {
		return game.Step{}, err
	}
	if len(move) != 1 || int(move[0]) > pass {
		return game.Step{}, game.Errorf(wirepb.Code_MOVE_MALFORMED, "%d bytes", len(move))
	}
	return h.answer(seat, int(move[0]))
}

func (h *cardHand) Timeout(seat int) (game.Step, error) {
	if err := h.asked(seat); err != nil {
		return game.Step{}, err
	}
	if h.open >= 0 {
		return h.answer(seat, pass)
	}
	return h.answer(seat, h.hands[seat][0])
}

func (h *cardHand) Auto(seat int) (game.Step, error) {
	if err := h.asked(seat); err != nil {
		return game.Step{}, err
	}
	if h.open >= 0 {
		return h.answer(seat, take)
	}
	return h.answer(seat, h.hands[seat][len(h.hands[seat])-1])
}

func (h *cardHand) answer(seat, move int) (game.Step, error) {
	if err := h.asked(seat); err != nil {
		return game.Step{}, err
	}
	var step game.Step
	switch {
	case h.open >= 0 && (move == take || move == pass):
		h.claims[seat] = move == take
		step.Events = append(step.Events, private(seat, cardEvent{What: "answered", Seat: seat, Card: move}))
		h.prompts[seat] = 0
	case h.open < 0 && slices.Contains(h.hands[seat], move):
		h.hands[seat] = slices.DeleteFunc(slices.Clone(h.hands[seat]), func(c int) bool { return c == move })
		h.prompts[seat] = 0
		if h.putting() {
			h.aside[seat] = move
			step.Events = append(step.Events, private(seat, cardEvent{What: "aside", Seat: seat, Card: move}))
			if !h.putting() {
				step.Events = append(step.Events, open(cardEvent{What: "turn", Seat: h.turn}))
				h.ask(h.turn)
			}
			break
		}
		h.open = move
		step.Events = append(step.Events, open(cardEvent{What: "played", Seat: seat, Card: move}))
		for other := range cardSeats {
			if other != seat && slices.Contains(h.hands[other], move+1) {
				h.ask(other)
			}
		}
	default:
		return game.Step{}, game.Errorf(wirepb.Code_NOT_OFFERED, "%d", move)
	}
	h.state.Acts = append(h.state.Acts, [2]int{seat, move})
	return step, nil
}

func (h *cardHand) Release() (game.Step, error) {
	if h.open < 0 {
		return game.Step{}, game.Errorf(wirepb.Code_NOT_OFFERED, "nothing holds")
	}
	closed := cardEvent{What: "closed", Seat: -1}
	if seat := slices.Index(h.claims[:], true); seat >= 0 { // one seat at most holds the next card
		closed.Seat, closed.Points = seat, h.rules.Base
		h.scores[seat] += h.rules.Base
		h.scores[h.turn] -= h.rules.Base
	}
	closed.From = h.turn
	h.open, h.claims, h.prompts = -1, [cardSeats]bool{}, [cardSeats]uint32{}
	h.turn = (h.turn + 1) % cardSeats
	closed.Turn = h.turn
	step := game.Step{Events: []game.Event{open(closed)}}
	if len(h.hands[h.turn]) > 0 {
		h.ask(h.turn)
	} else {
		step.Events = append(step.Events, open(h.end()))
	}
	h.state.Acts = append(h.state.Acts, [2]int{-1, 0})
	return step, nil
}

func (h *cardHand) end() cardEvent {
	h.over = true
	e := cardEvent{What: "over", Aside: h.aside[:]}
	if h.rules.Aside {
		best := slices.Index(h.aside[:], slices.Max(h.aside[:]))
		e.Seat, e.Points = best, h.rules.Worth
		for seat := range cardSeats {
			h.scores[seat] -= h.rules.Worth
		}
		h.scores[best] += cardSeats * h.rules.Worth
	}
	return e
}

func (h *cardHand) Result() (game.Result, bool) {
	if !h.over {
		return game.Result{}, false
	}
	return game.Result{Scores: slices.Clone(h.scores[:]), NextDealer: (h.state.Dealer + 1) % cardSeats, Summary: encode(h.scores)}, true
}

func (h *cardHand) Snapshot() []byte { return encode(h.state) }

func encode(v any) []byte {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return text
}

// cardEvent is something that happened.
type cardEvent struct {
	What   string `json:"what"`
	Seat   int    `json:"seat"`
	Card   int    `json:"card,omitempty"`
	Hand   []int  `json:"hand,omitempty"`
	From   int    `json:"from,omitempty"`
	Turn   int    `json:"turn,omitempty"`
	Points int64  `json:"points,omitempty"`
	Aside  []int  `json:"aside,omitempty"`
}

func open(e cardEvent) game.Event {
	payload := encode(e)
	return game.Event{Seats: [][]byte{payload, payload, payload}, Public: payload}
}

func private(seat int, e cardEvent) game.Event {
	told := game.Event{Seats: make([][]byte, cardSeats)}
	told.Seats[seat] = encode(e)
	return told
}

func (h *cardHand) Opening() []game.Event {
	e := open(cardEvent{What: "dealt", Seat: h.state.Dealer})
	for seat := range cardSeats {
		e.Seats[seat] = encode(cardEvent{What: "dealt", Seat: h.state.Dealer, Hand: h.hands[seat]})
	}
	return []game.Event{e}
}
