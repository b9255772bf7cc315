package tablegame

import (
	"errors"
	"time"

	"google.golang.org/protobuf/proto"

	"teahouse/pkg/game"
	"teahouse/pkg/mahjong"
	"teahouse/pkg/wire/wirepb"
)

// hand implements game.Hand. Its only state is played and version.
type hand struct {
	cfg    *Config
	played *mahjong.Hand
	// version is the one that is played; of all before 6, which are played alike, it may be 0.
	version uint32
	// prompts caches each seat's last prompt: a table looks at all prompts after each command, and
	// an open one does not change.
	prompts [mahjong.Seats]game.Prompt
}

func (h *hand) Prompt(seat int) game.Prompt {
	p := h.played.Prompt(seat)
	// A seat without a choice is not asked, so that no time-out counts against the player: the hand
	// holds for a moment and goes on.
	if p.Serial == 0 || seat == h.played.Forced() {
		return game.Prompt{}
	}
	if h.prompts[seat].Serial != p.Serial {
		h.prompts[seat] = game.Prompt{
			Serial:  p.Serial,
			Secret:  secret(&p, h.version),
			Limit:   h.cfg.limit(p.Kind),
			Payload: marshal(encodePrompt(&p, h.played.Previews(seat))),
		}
	}
	return h.prompts[seat]
}

func (h *hand) Hold() time.Duration {
	switch {
	case h.played.Holding():
		return time.Duration(h.played.Rules().MinClaimMs) * time.Millisecond
	case h.played.Forced() >= 0:
		return h.cfg.Forced
	}
	return 0
}

func (h *hand) Move(seat int, move []byte) (game.Step, error) {
	if seat < 0 || seat >= mahjong.Seats {
		return game.Step{}, refusal(mahjong.ErrNoSeat)
	}
	c, err := decodeMove(h.played, seat, move)
	if err != nil {
		return game.Step{}, err
	}
	return h.answer(c)
}

func (h *hand) Timeout(seat int) (game.Step, error) {
	return h.answer(mahjong.Command{Action: mahjong.ActTimeout, Seat: seat})
}

func (h *hand) Auto(seat int) (game.Step, error) {
	c := h.played.Auto(seat)
	if c.Action == 0 {
		return game.Step{}, refusal(mahjong.ErrNotYourPrompt)
	}
	return h.answer(c)
}

func (h *hand) Release() (game.Step, error) {
	if seat := h.played.Forced(); seat >= 0 {
		return h.apply(mahjong.Command{Action: mahjong.ActTimeout, Seat: seat})
	}
	return h.apply(mahjong.Command{Action: mahjong.ActRelease})
}

// answer applies an answer to c.Seat's prompt, which must be open.
func (h *hand) answer(c mahjong.Command) (game.Step, error) {
	if seat := h.played.Forced(); seat >= 0 && seat == c.Seat {
		return game.Step{}, refusal(mahjong.ErrNotYourPrompt)
	}
	return h.apply(c)
}

func (h *hand) apply(c mahjong.Command) (game.Step, error) {
	caused, err := h.played.Apply(c)
	if err != nil {
		return game.Step{}, refusal(err)
	}
	step := game.Step{Events: make([]game.Event, len(caused))}
	for i, e := range caused {
		if h.cfg.Observe != nil {
			h.cfg.Observe(e)
		}
		step.Events[i] = h.project(e)
	}
	return step, nil
}

func (h *hand) Opening() []game.Event {
	return []game.Event{h.project(h.played.Opening())}
}

// project encodes e for each seat.
func (h *hand) project(e mahjong.Event) game.Event {
	wall := 0
	if e.Kind == mahjong.EventDraw {
		// Nothing is drawn after a draw, so the wall is still as this one left it.
		wall = h.played.Wall()
	}
	seats := make([][]byte, mahjong.Seats)
	if isPublic(e.Kind) {
		payload := marshal(encodeEvent(e.For(mahjong.Spectator), wall))
		for seat := range seats {
			seats[seat] = payload
		}
		return game.Event{Seats: seats, Public: payload}
	}
	if e.Kind == mahjong.EventGang || e.Kind == mahjong.EventDraw && !leakDraws {
		// Everybody else is told the same as a spectator.
		payload := marshal(encodeEvent(e.For(mahjong.Spectator), wall))
		for seat := range seats {
			seats[seat] = payload
		}
		seats[e.Seat] = marshal(encodeEvent(e.For(e.Seat), wall))
		return game.Event{Seats: seats, Public: payload}
	}
	for seat := range seats {
		seen := e.For(seat)
		if leakDraws && e.Kind == mahjong.EventDraw {
			seen = &e
		}
		if seen != nil {
			seats[seat] = marshal(encodeEvent(seen, wall))
		}
	}
	var public []byte
	if seen := e.For(mahjong.Spectator); seen != nil {
		public = marshal(encodeEvent(seen, wall))
	}
	return game.Event{Seats: seats, Public: public}
}

// isPublic reports whether every seat is told the same as a spectator. A missing kind costs time; a
// wrong one would show a seat too little.
func isPublic(k mahjong.EventKind) bool {
	switch k {
	case mahjong.EventVoid, mahjong.EventDiscard, mahjong.EventPeng, mahjong.EventBuGang,
		mahjong.EventHu, mahjong.EventEnd, mahjong.EventLeave:
		return true
	}
	return false
}

func (h *hand) View(seat int) []byte {
	view := h.played.View(seat)
	return marshal(encodeView(&view))
}

func (h *hand) Result() (game.Result, bool) {
	r, over := h.played.Result()
	if !over {
		return game.Result{}, false
	}
	return game.Result{
		Scores:     encodeScores(r.Scores),
		NextDealer: r.NextDealer,
		Summary:    marshal(encodeSummary(&r)),
	}, true
}

func (h *hand) Snapshot() []byte {
	data, err := h.played.MarshalBinary()
	if err != nil {
		panic(err) // only for the interface: the engine never fails here
	}
	if h.version >= 6 {
		data = append([]byte{marked + byte(h.version)}, data...)
	}
	return data
}

// refusal maps the engine's errors to codes.
func refusal(err error) error {
	code := wirepb.Code_INTERNAL
	switch {
	case errors.Is(err, mahjong.ErrTileNotHeld):
		code = wirepb.Code_TILE_NOT_HELD
	case errors.Is(err, mahjong.ErrMustDiscardVoid):
		code = wirepb.Code_MUST_DISCARD_VOID
	case errors.Is(err, mahjong.ErrNotOffered), errors.Is(err, mahjong.ErrSwapTiles),
		errors.Is(err, mahjong.ErrHandLocked), errors.Is(err, mahjong.ErrNotHolding):
		code = wirepb.Code_NOT_OFFERED
	case errors.Is(err, mahjong.ErrNotYourPrompt), errors.Is(err, mahjong.ErrFinished):
		code = wirepb.Code_PROMPT_GONE
	case errors.Is(err, mahjong.ErrNoSeat):
		code = wirepb.Code_NOT_SEATED
	case errors.Is(err, mahjong.ErrUnknownAction):
		code = wirepb.Code_MOVE_MALFORMED
	}
	return game.Errorf(code, "%v", err)
}

// marshal encodes deterministically.
func marshal(m proto.Message) []byte {
	data, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
	if err != nil {
		panic(err) // only invalid UTF-8 fails, and no field holds foreign text
	}
	if data == nil {
		data = []byte{} // nil would mean that the seat learns nothing
	}
	return data
}
