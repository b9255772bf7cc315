package hand

import (
	"encoding/json"
	"errors"
	"fmt"

	"teahouse/pkg/mahjong"
)

// gameRecord is a line of a file of games.
type gameRecord struct {
	Rules   json.RawMessage `json:"rules"`
	Dealer  int             `json:"dealer"`
	Wall    []mahjong.Tile  `json:"wall"`
	SwapDir *int            `json:"swap_dir"`
	Inputs  []input         `json:"inputs"`
}

// input is one decision of a player. Tile is a kind at an and bu.
type input struct {
	Kind   string         `json:"i"`
	Seat   int            `json:"s"`
	Tiles  []mahjong.Tile `json:"tiles"`
	Suit   mahjong.Suit   `json:"suit"`
	Action string         `json:"a"`
	Tile   mahjong.Tile   `json:"t"`
}

type gameAnswer struct {
	ID         json.RawMessage `json:"id"`
	Offers     []any           `json:"offers"`
	Items      []itemAnswer    `json:"items"`
	Scores     [4]int          `json:"scores"`
	Status     []string        `json:"status"` // null unless the wall ran out
	NextDealer int             `json:"next_dealer"`
	Reason     string          `json:"reason"`
}

type turnOffer struct {
	Hu      bool  `json:"hu"`
	An      []int `json:"an"`
	Bu      []int `json:"bu"`
	Discard []int `json:"discard"`
}

type itemAnswer struct {
	Why    string `json:"why"`
	From   int    `json:"frm"`
	To     int    `json:"to"`
	Points int    `json:"pts"`
	Event  int    `json:"ev"`
}

func answerGame(line []byte) (any, error) {
	var rec gameRecord
	if err := json.Unmarshal(line, &rec); err != nil {
		return nil, err
	}
	h, err := rec.start()
	if err != nil {
		return nil, err
	}
	a := gameAnswer{ID: idOf(line), Offers: []any{}, Items: []itemAnswer{}}
	for i, in := range rec.Inputs {
		offer, err := play(h, in, i > 0 && in.follows(rec.Inputs[i-1]))
		if err != nil {
			return nil, fmt.Errorf("input %d: %w", i, err)
		}
		a.Offers = append(a.Offers, offer)
	}
	result, ok := h.Result()
	if !ok {
		return nil, errors.New("the inputs end before the hand does")
	}
	a.Scores, a.NextDealer, a.Reason = result.Scores, result.NextDealer, result.Reason.String()
	for _, s := range result.Status {
		if s != mahjong.StatusNone {
			a.Status = append(a.Status, s.String())
		}
	}
	for _, it := range result.Items {
		a.Items = append(a.Items, itemAnswer{it.Why.String(), it.From, it.To, it.Points, it.Event})
	}
	return a, nil
}

func (rec *gameRecord) start() (*mahjong.Hand, error) {
	rules, err := mahjong.ParseRules(rec.Rules)
	if err != nil {
		return nil, err
	}
	deal := mahjong.Deal{Dealer: rec.Dealer, SwapDir: 1}
	if rec.SwapDir != nil {
		deal.SwapDir = *rec.SwapDir
	} else if rules.Swap && rules.SwapDir == 0 {
		return nil, errors.New("swap_dir is missing")
	}
	if len(rec.Wall) != len(deal.Wall) {
		return nil, fmt.Errorf("a wall of %d tiles", len(rec.Wall))
	}
	copy(deal.Wall[:], rec.Wall)
	return mahjong.New(rules, deal)
}

// follows reports whether in is a later answer in the window that prev answered.
func (in input) follows(prev input) bool {
	return in.Kind == "claim" && prev.Kind == "claim" && in.Tile == prev.Tile
}

// play applies one input and returns what was offered to its seat: nil before play, and for a later
// answer in a window that has closed early without it.
func play(h *mahjong.Hand, in input, later bool) (any, error) {
	prompt := h.Prompt(in.Seat)
	if !asks(prompt, in) {
		switch {
		case unasked(h, in):
			return offerOf(mahjong.Prompt{Kind: kindOf(in), Hu: true}), nil
		case later:
			return nil, nil
		}
		return nil, fmt.Errorf("seat %d is not asked this (%s)", in.Seat, in.Kind)
	}
	c, err := in.command()
	if err != nil {
		return nil, err
	}
	if _, err := h.Apply(c); err != nil {
		return nil, err
	}
	// A record has no clock: the least time of a window passes at once.
	if h.Holding() {
		if _, err := h.Apply(mahjong.Command{Action: mahjong.ActRelease}); err != nil {
			return nil, err
		}
	}
	return offerOf(prompt), nil
}

// unasked reports whether in is a win that the hand made by itself. Recorders may or may not write
// these down.
func unasked(h *mahjong.Hand, in input) bool {
	if !h.Rules().MustHuLast4 || in.Action != "hu" || in.Seat < 0 || in.Seat >= mahjong.Seats {
		return false
	}
	wins := h.View(mahjong.Spectator).Seats[in.Seat].Wins
	if len(wins) == 0 {
		return false
	}
	last := wins[len(wins)-1]
	return (last.How == mahjong.Zimo) == (in.Kind == "turn") && (last.How == mahjong.Zimo || last.Tile == in.Tile)
}

func kindOf(in input) mahjong.PromptKind {
	if in.Kind == "turn" {
		return mahjong.PromptTurn
	}
	return mahjong.PromptClaim
}

// asks reports whether the input answers this prompt.
func asks(p mahjong.Prompt, in input) bool {
	switch p.Kind {
	case mahjong.PromptSwap:
		return in.Kind == "swap"
	case mahjong.PromptVoid:
		return in.Kind == "void"
	case mahjong.PromptTurn:
		return in.Kind == "turn"
	case mahjong.PromptClaim, mahjong.PromptRob:
		return in.Kind == "claim" && in.Tile == p.Tile
	}
	return false
}

func offerOf(p mahjong.Prompt) any {
	switch p.Kind {
	case mahjong.PromptTurn:
		o := turnOffer{Hu: p.Hu, An: numbers(p.An), Bu: numbers(p.Bu)}
		var kinds mahjong.KindSet
		for _, t := range p.Discard {
			kinds = kinds.With(t.Kind())
		}
		o.Discard = numbers(kinds.Kinds())
		return o
	case mahjong.PromptClaim, mahjong.PromptRob:
		claims := []string{}
		for _, c := range []struct {
			offered bool
			name    string
		}{{p.Hu, "hu"}, {p.Gang, "gang"}, {p.Peng, "peng"}} {
			if c.offered {
				claims = append(claims, c.name)
			}
		}
		return claims
	}
	return nil
}

func (in input) command() (mahjong.Command, error) {
	c := mahjong.Command{Seat: in.Seat}
	switch in.Kind {
	case "swap":
		if len(in.Tiles) != 3 {
			return c, fmt.Errorf("a swap of %d tiles", len(in.Tiles))
		}
		c.Action, c.Tiles = mahjong.ActSwap, [3]mahjong.Tile(in.Tiles)
		return c, nil
	case "void":
		c.Action, c.Suit = mahjong.ActVoid, in.Suit
		return c, nil
	}
	switch in.Action {
	case "hu":
		c.Action = mahjong.ActHu
	case "an":
		c.Action, c.Kind = mahjong.ActAnGang, mahjong.Kind(in.Tile)
	case "bu":
		c.Action, c.Kind = mahjong.ActBuGang, mahjong.Kind(in.Tile)
	case "discard":
		c.Action, c.Tile = mahjong.ActDiscard, in.Tile
	case "gang":
		c.Action = mahjong.ActGang
	case "peng":
		c.Action = mahjong.ActPeng
	case "pass":
		c.Action = mahjong.ActPass
	default:
		return c, fmt.Errorf("unknown action %q", in.Action)
	}
	return c, nil
}
