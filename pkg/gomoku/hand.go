package gomoku

import (
	"encoding/json"
	"time"

	"google.golang.org/protobuf/proto"

	"teahouse/pkg/game"
	"teahouse/pkg/gomoku/gomokupb"
	"teahouse/pkg/wire/wirepb"
)

// hand implements game.Hand. Everything else is derived from these fields.
type hand struct {
	rules   rules
	dealer  int // seat that plays black
	board   *board
	givenUp gomokupb.Over_Reason // by the seat to move; 0 = nobody
}

// seat is the seat that plays s.
func (h *hand) seat(s stone) int {
	if s == black {
		return h.dealer
	}
	return 1 - h.dealer
}

// turn is the seat to move.
func (h *hand) turn() int { return h.seat(h.board.next()) }

func (h *hand) over() bool {
	return h.givenUp != 0 || h.board.full() || h.board.row(h.rules.Exact) != nil
}

// outcome is how the game ended, nil while it runs.
func (h *hand) outcome() *gomokupb.Over {
	loser := uint32(h.turn())
	winner := 1 - loser
	row := h.board.row(h.rules.Exact)
	switch {
	case h.givenUp != 0:
		return &gomokupb.Over{Reason: h.givenUp, Winner: &winner}
	case row != nil:
		return &gomokupb.Over{Reason: gomokupb.Over_ROW, Winner: &winner, Line: h.encode(row)}
	case h.board.full():
		return &gomokupb.Over{Reason: gomokupb.Over_FULL}
	}
	return nil
}

func (h *hand) Prompt(seat int) game.Prompt {
	if h.over() || seat != h.turn() {
		return game.Prompt{}
	}
	return game.Prompt{
		Serial: uint32(len(h.board.placed)) + 1, Limit: limit,
		Payload: marshal(&gomokupb.Prompt{}),
	}
}

func (h *hand) Hold() time.Duration { return 0 }

func (h *hand) Release() (game.Step, error) {
	return game.Step{}, game.Errorf(wirepb.Code_NOT_OFFERED, "gomoku never waits")
}

func (h *hand) Move(seat int, move []byte) (game.Step, error) {
	if err := h.asked(seat); err != nil {
		return game.Step{}, err
	}
	var m gomokupb.Move
	if len(move) > maxMove || proto.Unmarshal(move, &m) != nil {
		return game.Step{}, game.Errorf(wirepb.Code_MOVE_MALFORMED, "not a move")
	}
	switch a := m.Answer.(type) {
	case *gomokupb.Move_Place:
		size := uint32(h.rules.Size)
		x, y := a.Place.GetX(), a.Place.GetY()
		if x >= size || y >= size {
			return game.Step{}, game.Errorf(wirepb.Code_MOVE_MALFORMED, "point %d,%d", x, y)
		}
		if h.board.at(int(x), int(y)) != none {
			return game.Step{}, game.Errorf(wirepb.Code_NOT_OFFERED, "point %d,%d is taken", x, y)
		}
		return h.place(int(y*size + x)), nil
	case *gomokupb.Move_Resign:
		return h.giveUp(gomokupb.Over_RESIGNED), nil
	}
	return game.Step{}, game.Errorf(wirepb.Code_MOVE_MALFORMED, "a move without an answer")
}

// Timeout loses the game: running out of time loses in every club.
func (h *hand) Timeout(seat int) (game.Step, error) {
	if err := h.asked(seat); err != nil {
		return game.Step{}, err
	}
	return h.giveUp(gomokupb.Over_TIMED_OUT), nil
}

// Auto plays on for an absent player.
func (h *hand) Auto(seat int) (game.Step, error) {
	if err := h.asked(seat); err != nil {
		return game.Step{}, err
	}
	return h.place(best(h.board)), nil
}

func (h *hand) asked(seat int) error {
	switch {
	case seat < 0 || seat >= seats:
		return game.Errorf(wirepb.Code_NOT_SEATED, "seat %d", seat)
	case h.over() || seat != h.turn():
		return game.Errorf(wirepb.Code_PROMPT_GONE, "seat %d is not to move", seat)
	}
	return nil
}

func (h *hand) place(p int) game.Step {
	seat := uint32(h.turn())
	h.board.place(p)
	placed := &gomokupb.Placed{Seat: seat, Point: h.encode([]int{p})[0]}
	return h.step(&gomokupb.Event{Body: &gomokupb.Event_Placed{Placed: placed}})
}

func (h *hand) giveUp(reason gomokupb.Over_Reason) game.Step {
	h.givenUp = reason
	return h.step()
}

// step tells both seats the events, and the end if the game is over.
func (h *hand) step(events ...*gomokupb.Event) (s game.Step) {
	if over := h.outcome(); over != nil {
		events = append(events, &gomokupb.Event{Body: &gomokupb.Event_Over{Over: over}})
	}
	for _, e := range events {
		s.Events = append(s.Events, public(e))
	}
	return s
}

func public(e *gomokupb.Event) game.Event {
	payload := marshal(e)
	return game.Event{Seats: [][]byte{payload, payload}, Public: payload}
}

func (h *hand) Opening() []game.Event {
	begun := &gomokupb.Begun{Size: uint32(h.rules.Size), Black: uint32(h.dealer)}
	return []game.Event{public(&gomokupb.Event{Body: &gomokupb.Event_Begun{Begun: begun}})}
}

// View is the same for everybody.
func (h *hand) View(int) []byte { return marshal(h.view()) }

func (h *hand) view() *gomokupb.View {
	v := &gomokupb.View{
		Size: uint32(h.rules.Size), Black: uint32(h.dealer), Exact: h.rules.Exact,
		Stones: h.encode(h.board.placed), Over: h.outcome(),
	}
	if v.Over == nil {
		turn := uint32(h.turn())
		v.Turn = &turn
	}
	return v
}

// Result gives the next deal to the other seat.
func (h *hand) Result() (game.Result, bool) {
	over := h.outcome()
	if over == nil {
		return game.Result{}, false
	}
	r := game.Result{Scores: make([]int64, seats), NextDealer: 1 - h.dealer, Summary: marshal(over)}
	if over.Winner != nil {
		r.Scores[*over.Winner] = h.rules.Base
		r.Scores[1-*over.Winner] = -h.rules.Base
	}
	return r, true
}

func (h *hand) Snapshot() []byte {
	text, err := json.Marshal(h.rules)
	if err != nil {
		panic(err) // cannot fail: three plain fields
	}
	s := &gomokupb.State{Rules: string(text), Dealer: uint32(h.dealer), GivenUp: h.givenUp}
	for _, p := range h.board.placed {
		s.Stones = append(s.Stones, uint32(p))
	}
	return marshal(s)
}

func (h *hand) encode(points []int) []*gomokupb.Point {
	list := make([]*gomokupb.Point, len(points))
	for i, p := range points {
		list[i] = &gomokupb.Point{X: uint32(p % h.rules.Size), Y: uint32(p / h.rules.Size)}
	}
	return list
}

// marshal encodes deterministically and never returns nil.
func marshal(m proto.Message) []byte {
	data, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
	if err != nil {
		panic(err) // only invalid UTF-8 fails, and there is no foreign text
	}
	if data == nil {
		data = []byte{}
	}
	return data
}
