package gametest_test

import (
	"encoding/json"
	"time"

	"teahouse/pkg/game"
)

// offender is cards with something wrong.
type offender struct {
	cards
	wrap   func(h *cardHand) game.Hand // nil = the hands are right
	deal   func(s game.Setup) (game.Hand, error)
	read   func(snapshot []byte) (game.Hand, error)
	think  func(view, prompt []byte, s game.Strength) ([]byte, error)
	follow func(f game.Follower) game.Follower
}

func (o offender) Deal(s game.Setup) (game.Hand, error) {
	if o.deal != nil {
		return o.deal(s)
	}
	return o.wrapped(o.cards.Deal(s))
}

func (o offender) Restore(snapshot []byte) (game.Hand, error) {
	if o.read != nil {
		return o.read(snapshot)
	}
	return o.wrapped(o.cards.Restore(snapshot))
}

func (o offender) wrapped(h game.Hand, err error) (game.Hand, error) {
	if err != nil || o.wrap == nil {
		return h, err
	}
	return o.wrap(h.(*cardHand)), nil
}

func (o offender) Think(rules, view, prompt []byte, s game.Strength) ([]byte, error) {
	if o.think != nil {
		return o.think(view, prompt, s)
	}
	return o.cards.Think(rules, view, prompt, s)
}

func (o offender) Follow(seat int, rules, view []byte) (game.Follower, error) {
	f, err := o.cards.Follow(seat, rules, view)
	if err != nil || o.follow == nil {
		return f, err
	}
	return o.follow(f), nil
}

// twisted is a hand of which some methods are others. What steps tell, tell may change.
type twisted struct {
	*cardHand
	view    func(seat int) []byte
	prompt  func(seat int) game.Prompt
	hold    func() time.Duration
	move    func(seat int, move []byte) (game.Step, error)
	timeout func(seat int) (game.Step, error)
	result  func() (game.Result, bool)
	image   func() []byte
	tell    func(step *game.Step)
}

func (h *twisted) View(seat int) []byte {
	if h.view != nil {
		return h.view(seat)
	}
	return h.cardHand.View(seat)
}

func (h *twisted) Prompt(seat int) game.Prompt {
	if h.prompt != nil {
		return h.prompt(seat)
	}
	return h.cardHand.Prompt(seat)
}

func (h *twisted) Hold() time.Duration {
	if h.hold != nil {
		return h.hold()
	}
	return h.cardHand.Hold()
}

func (h *twisted) Move(seat int, move []byte) (game.Step, error) {
	if h.move != nil {
		return h.told(h.move(seat, move))
	}
	return h.told(h.cardHand.Move(seat, move))
}

func (h *twisted) Timeout(seat int) (game.Step, error) {
	if h.timeout != nil {
		return h.told(h.timeout(seat))
	}
	return h.told(h.cardHand.Timeout(seat))
}

func (h *twisted) Auto(seat int) (game.Step, error) { return h.told(h.cardHand.Auto(seat)) }
func (h *twisted) Release() (game.Step, error)      { return h.told(h.cardHand.Release()) }

func (h *twisted) told(step game.Step, err error) (game.Step, error) {
	if err == nil && h.tell != nil {
		h.tell(&step)
	}
	return step, err
}

func (h *twisted) Result() (game.Result, bool) {
	if h.result != nil {
		return h.result()
	}
	return h.cardHand.Result()
}

func (h *twisted) Snapshot() []byte {
	if h.image != nil {
		return h.image()
	}
	return h.cardHand.Snapshot()
}

// hands makes an offender of what is done to each hand.
func hands(change func(h *twisted)) offender {
	return offender{wrap: func(h *cardHand) game.Hand {
		t := &twisted{cardHand: h}
		change(t)
		return t
	}}
}

// results makes an offender of what is done to each result.
func results(change func(r *game.Result)) offender {
	return hands(func(h *twisted) {
		h.result = func() (game.Result, bool) {
			r, over := h.cardHand.Result()
			if over {
				change(&r)
			}
			return r, over
		}
	})
}

// deafFollower misses claims.
type deafFollower struct{ *cardFollower }

func (f deafFollower) Told(event []byte) error {
	scores := f.view.Scores
	err := f.cardFollower.Told(event)
	f.view.Scores = scores
	return err
}

// rashFollower relies on what it is told.
type rashFollower struct{ *cardFollower }

func (f rashFollower) Told(event []byte) error {
	if !json.Valid(event) {
		panic("what?")
	}
	return f.cardFollower.Told(event)
}
