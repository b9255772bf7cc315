// Package tabletest has a tiny game for tests of packages that run tables. Only tests import it.
//
// All four seats open at the same time with a number; then they take turns, beginning with the dealer.
// A turn's number is the points that every other seat pays. After an odd number, one other seat may
// claim a point of it. Between two turns the game holds for a while if its rules say so. With each
// opening comes a secret that only the seat itself sees.
package tabletest

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"teahouse/pkg/game"
	"teahouse/pkg/game/rulebook"
	"teahouse/pkg/wire/wirepb"
)

const seats = 4

// Bomb is a move that makes the game panic if its rules allow that.
const Bomb = 99

// Rules of a hand, as JSON.
type Rules struct {
	Turns   int  `json:"turns"`
	HoldMS  int  `json:"hold_ms"`
	LimitMS int  `json:"limit_ms"`
	Bomb    bool `json:"bomb"`
}

// Game implements game.Game.
type Game struct{}

// Name implements game.Game.
func (Game) Name() string { return "tiny" }

// Version implements game.Game.
func (Game) Version() uint32 { return 1 }

// Limits implements game.Game. The rules may say otherwise.
func (Game) Limits() []game.Limit {
	return []game.Limit{{Question: "turn", Limit: time.Second}, {Question: "claim", Limit: time.Second, Secret: true}}
}

// Seats implements game.Game.
func (Game) Seats() int { return seats }

// Rules implements game.Game.
func (g Game) Rules(overrides []byte) ([]byte, error) {
	return rulebook.Complete(g.Options(), overrides)
}

// Options implements game.Game.
func (Game) Options() game.Catalogue {
	number := func(key, standard string, least int64) game.Option {
		return game.Option{Key: key, Kind: game.OptionNumber, Default: json.RawMessage(standard), Range: game.Range{Min: least, Max: 1e9}}
	}
	return game.Catalogue{Groups: []game.OptionGroup{{Name: "all", Options: []game.Option{
		number("turns", "4", 1), number("hold_ms", "0", 0), number("limit_ms", "1000", 1),
		{Key: "bomb", Kind: game.OptionBool, Default: json.RawMessage("false")},
	}}}}
}

// Deal implements game.Game.
func (Game) Deal(s game.Setup) (game.Hand, error) {
	h := &hand{state{Seed: s.Seed[:], Turn: s.Dealer}}
	if err := json.Unmarshal(s.Rules, &h.Rules); err != nil {
		return nil, err
	}
	h.NextDealer = (s.Dealer + 1) % seats
	h.Left = h.Rules.Turns
	for seat := range seats {
		h.open(seat, 'o')
	}
	return h, nil
}

// Restore implements game.Game.
func (Game) Restore(snapshot []byte) (game.Hand, error) {
	h := &hand{}
	if err := json.Unmarshal(snapshot, &h.state); err != nil {
		return nil, err
	}
	if len(h.Seed) != 32 || h.Turn < 0 || h.Turn >= seats {
		return nil, fmt.Errorf("snapshot out of range")
	}
	return h, nil
}

// Think implements game.Game: the smallest answer that is not a pass.
func (Game) Think(_, _, prompt []byte, _ game.Strength) ([]byte, error) {
	if len(prompt) != 2 {
		return nil, fmt.Errorf("prompt of %d bytes", len(prompt))
	}
	return []byte{1}, nil
}

// Follow implements game.Game. Views of this game tell more than its events.
func (Game) Follow(int, []byte, []byte) (game.Follower, error) {
	return nil, errors.New("nobody can follow this game")
}

type state struct {
	Rules      Rules
	Seed       []byte
	Serial     uint32
	Prompts    [seats]uint32
	Kinds      [seats]byte // 'o'pening, 't'urn, 'c'laim
	Turn       int
	Left       int // turns to come, including this one
	Holding    bool
	Scores     [seats]int64
	NextDealer int
}

type hand struct{ state }

func (h *hand) open(seat int, kind byte) {
	h.Serial++
	h.Prompts[seat], h.Kinds[seat] = h.Serial, kind
}

func (h *hand) Prompt(seat int) game.Prompt {
	if h.Prompts[seat] == 0 {
		return game.Prompt{}
	}
	return game.Prompt{
		Serial: h.Prompts[seat], Secret: h.Kinds[seat] == 'c', Limit: time.Duration(h.Rules.LimitMS) * time.Millisecond,
		Payload: []byte{h.Kinds[seat], byte(seat)},
	}
}

func (h *hand) Hold() time.Duration {
	if !h.Holding {
		return 0
	}
	return time.Duration(h.Rules.HoldMS) * time.Millisecond
}

func (h *hand) Move(seat int, move []byte) (game.Step, error) {
	switch {
	case len(move) != 1:
		return game.Step{}, game.Errorf(wirepb.Code_MOVE_MALFORMED, "%d bytes", len(move))
	case move[0] == Bomb && h.Rules.Bomb:
		h.Scores[seat] += 1000
		panic("bomb")
	case move[0] > 9:
		return game.Step{}, game.Errorf(wirepb.Code_NOT_OFFERED, "number %d", move[0])
	}
	return h.play(seat, move[0])
}

func (h *hand) Timeout(seat int) (game.Step, error) { return h.play(seat, 0) }
func (h *hand) Auto(seat int) (game.Step, error)    { return h.play(seat, 2) }

func (h *hand) Release() (game.Step, error) {
	if !h.Holding {
		return game.Step{}, game.Errorf(wirepb.Code_INTERNAL, "no hold")
	}
	h.Holding = false
	h.goOn()
	return game.Step{Events: []game.Event{all("released")}}, nil
}

func (h *hand) play(seat int, n byte) (game.Step, error) {
	if h.Prompts[seat] == 0 {
		return game.Step{}, game.Errorf(wirepb.Code_PROMPT_GONE, "no prompt")
	}
	var step game.Step
	kind := h.Kinds[seat]
	h.Prompts[seat], h.Kinds[seat] = 0, 0
	switch kind {
	case 'o':
		e := game.Event{Seats: make([][]byte, seats)}
		e.Seats[seat] = fmt.Appendf(nil, "seat %d opened with %d, secret %d", seat, n, h.Seed[seat])
		step.Events = append(step.Events, e)
	case 't':
		for other := range seats {
			h.Scores[other] -= int64(n)
		}
		h.Scores[seat] += seats * int64(n)
		step.Events = append(step.Events, all(fmt.Sprintf("seat %d took %d", seat, n)))
		h.Holding = h.Rules.HoldMS > 0
		if claimer := (seat + int(n)) % seats; n%2 == 1 && claimer != seat {
			h.open(claimer, 'c')
		}
	case 'c':
		if n > 0 {
			h.Scores[seat]++
			h.Scores[h.Turn]--
		}
		step.Events = append(step.Events, all(fmt.Sprintf("seat %d claimed %t", seat, n > 0)))
	}
	switch {
	case kind != 'o':
		h.goOn()
	case h.idle():
		h.open(h.Turn, 't')
	}
	return step, nil
}

// goOn starts the next turn unless a hold or a prompt is open.
func (h *hand) goOn() {
	if h.Holding || !h.idle() {
		return
	}
	h.Left--
	if h.Left > 0 {
		h.Turn = (h.Turn + 1) % seats
		h.open(h.Turn, 't')
	}
}

func (h *hand) idle() bool { return h.Prompts == [seats]uint32{} }

func (h *hand) Opening() []game.Event {
	e := game.Event{Seats: make([][]byte, seats)}
	for seat := range e.Seats {
		e.Seats[seat] = fmt.Appendf(nil, "you hold %d", h.Seed[seat+4])
	}
	return []game.Event{e}
}

func (h *hand) View(seat int) []byte {
	if seat == game.Public {
		return fmt.Appendf(nil, "turn %d left %d scores %v", h.Turn, h.Left, h.Scores)
	}
	return fmt.Appendf(nil, "seat %d turn %d left %d scores %v holds %d", seat, h.Turn, h.Left, h.Scores, h.Seed[seat+4])
}

func (h *hand) Result() (game.Result, bool) {
	if h.Left > 0 {
		return game.Result{}, false
	}
	return game.Result{Scores: h.Scores[:], NextDealer: h.NextDealer, Summary: []byte("over")}, true
}

func (h *hand) Snapshot() []byte {
	b, err := json.Marshal(h.state)
	if err != nil {
		panic(err)
	}
	return b
}

func all(text string) game.Event {
	e := game.Event{Seats: make([][]byte, seats), Public: []byte(text)}
	for seat := range e.Seats {
		e.Seats[seat] = []byte(text)
	}
	return e
}
