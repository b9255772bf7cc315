package gametest

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"slices"

	"teahouse/pkg/game"
	"teahouse/pkg/wire/wirepb"
)

// checkAnswers demands at every moment that the hand goes on, whatever legal answer comes.
func checkAnswers(s *suite) error {
	if s.cfg.Legal == nil {
		return errors.New("Config.Legal is missing")
	}
	limits, err := s.limits()
	if err != nil {
		return err
	}
	return each(slowly(20, 400), func(n int) error {
		open := make(map[int]game.Prompt) // by seat
		var highest uint32
		return s.play(n, 9, func(w *walk) error {
			if err := s.alive(w.h); err != nil {
				return err
			}
			newest, serials := highest, make(map[uint32]bool)
			for seat := range s.g.Seats() {
				p, was := w.h.Prompt(seat), open[seat]
				delete(open, seat)
				if p.Serial == 0 {
					continue
				}
				open[seat] = p
				newest = max(newest, p.Serial)
				switch same := p.Serial == was.Serial; {
				case serials[p.Serial]:
					return fmt.Errorf("two open prompts have the serial %d", p.Serial)
				case !same && p.Serial <= highest:
					return fmt.Errorf("seat %d has a new prompt with the serial %d, and %d was there before", seat, p.Serial, highest)
				case same && (p.Secret != was.Secret || p.Limit != was.Limit || !bytes.Equal(p.Payload, was.Payload)):
					return fmt.Errorf("seat %d: the open prompt %d has changed", seat, p.Serial)
				case !slices.ContainsFunc(limits, func(l game.Limit) bool { return l.Limit == p.Limit && l.Secret == p.Secret }):
					return fmt.Errorf("seat %d is asked for %v, secret %v, and Limits knows no such question", seat, p.Limit, p.Secret)
				}
				serials[p.Serial] = true
				if w.rng.IntN(3) == 0 || n == 0 {
					if err := s.answers(w, seat); err != nil {
						return err
					}
				}
			}
			highest = newest
			if w.h.Hold() > 0 {
				return s.accepted(w, act{kind: 'r'})
			}
			return nil
		})
	})
}

// limits is what Limits says, which is some time for every kind of question.
func (s *suite) limits() ([]game.Limit, error) {
	limits := s.g.Limits()
	clear(limits)
	limits = s.g.Limits()
	names := make(map[string]bool)
	for _, l := range limits {
		if l.Question == "" || l.Limit <= 0 || names[l.Question] {
			return nil, fmt.Errorf("a question of Limits is %+v", l)
		}
		names[l.Question] = true
	}
	return limits, nil
}

// alive demands that something can happen to a hand, or that it is over.
func (s *suite) alive(h game.Hand) error {
	asked, hold := s.asked(h), h.Hold()
	if _, over := h.Result(); over {
		if len(asked) > 0 || hold != 0 {
			return fmt.Errorf("the hand is over, asks seats %v and holds for %v", asked, hold)
		}
		return nil
	}
	if hold < 0 {
		return fmt.Errorf("the hand holds for %v", hold)
	}
	if len(asked) == 0 && hold == 0 {
		return errStuck
	}
	return nil
}

// sound demands that a hand can go on, here and elsewhere.
func (s *suite) sound(h game.Hand) error {
	if err := s.alive(h); err != nil {
		return err
	}
	again, err := s.copy(h)
	if err != nil {
		return err
	}
	return differ(s.look(h), s.look(again))
}

// accepted makes an act on a copy, which must take it and go on.
func (s *suite) accepted(w *walk, a act) error {
	h, err := s.copy(w.h)
	if err != nil {
		return err
	}
	step, err := a.do(h)
	if err != nil {
		return fmt.Errorf("the %v is refused: %w", a, err)
	}
	if err := s.shape(step.Events); err != nil {
		return fmt.Errorf("after the %v: %w", a, err)
	}
	if err := s.sound(h); err != nil {
		return fmt.Errorf("after the %v: %w", a, err)
	}
	return nil
}

// answers tries what may answer the prompt of a seat: legal moves, bots, auto-play and the clock.
func (s *suite) answers(w *walk, seat int) error {
	acts := []act{{kind: 't', seat: seat}, {kind: 'a', seat: seat}}
	legal, err := w.legal(seat)
	if err != nil {
		return err
	}
	w.rng.Shuffle(len(legal), func(i, j int) { legal[i], legal[j] = legal[j], legal[i] })
	for _, move := range legal[:min(len(legal), slowly(6, 100))] {
		acts = append(acts, act{'m', seat, move})
	}
	var middle []byte
	for _, strength := range game.Strengths() {
		if strength == game.Strong && w.rng.IntN(slowly(8, 2)) > 0 {
			continue // it may think long
		}
		move, err := s.think(w, seat, strength)
		if err != nil {
			return err
		}
		if acts = append(acts, act{'m', seat, move}); strength == game.Middle {
			middle = move
		}
	}
	if unknown, err := s.think(w, seat, game.Strong+1); err != nil || !bytes.Equal(unknown, middle) {
		return fmt.Errorf("seat %d: a bot of an unknown strength plays %s, one of middle strength %s, %v", seat, text(unknown), text(middle), err)
	}
	for _, a := range acts {
		if err := s.accepted(w, a); err != nil {
			return err
		}
	}
	return nil
}

// checkRefusals tries, at every moment, what must be refused or may be. What is refused leaves no trace, now or later.
func checkRefusals(s *suite) error {
	return each(slowly(12, 300), func(n int) error {
		var tried game.Hand // beside w.h: the same, but for what it refused
		var old [][]byte    // moves that were made before
		return s.play(n, 10, func(w *walk) (err error) {
			want := s.look(w.h)
			if tried != nil {
				last := w.acts[len(w.acts)-1]
				step, err := last.do(tried)
				if err != nil {
					return fmt.Errorf("the %v is refused after others were: %w", last, err)
				}
				if err := differ(append(told(w.events), want...), append(told(step.Events), s.look(tried)...)); err != nil {
					return fmt.Errorf("with nothing refused, and with something: %w", err)
				}
				if last.kind == 'm' {
					old = append(old, last.move)
				}
			}
			if tried == nil || w.rng.IntN(6) == 0 {
				if tried, err = s.copy(w.h); err != nil {
					return err
				}
			}
			if w.rng.IntN(3) > 0 {
				return nil
			}
			tries, err := s.tries(w, old)
			if err != nil {
				return err
			}
			for _, try := range tries {
				var made error
				if err := guarded(func() error { _, made = try.act.do(tried); return nil }); err != nil {
					return fmt.Errorf("%v: %w", try.act, err)
				}
				switch code := game.CodeOf(made, wirepb.Code_OK); {
				case made == nil && !try.perhaps:
					return fmt.Errorf("the %v is accepted: %s", try.act, try.why)
				case made == nil: // it was legal after all
					if err := s.sound(tried); err != nil {
						return fmt.Errorf("after the %v: %w", try.act, err)
					}
					if tried, err = s.copy(w.h); err != nil {
						return err
					}
				case code == wirepb.Code_OK || code == wirepb.Code_INTERNAL:
					return fmt.Errorf("the %v is refused with the code %v: %w", try.act, code, made)
				case string(tried.Snapshot()) != want[0].value:
					return fmt.Errorf("the %v is refused (%w), and the snapshot is another one", try.act, made)
				}
			}
			if err := differ(want, s.look(tried)); err != nil {
				return fmt.Errorf("acts are refused and change something: before and after, %w", err)
			}
			return nil
		})
	})
}

// try is an act that must be refused, or perhaps not.
type try struct {
	act     act
	why     string
	perhaps bool
}

func (s *suite) tries(w *walk, old [][]byte) (all []try, err error) {
	add := func(a act, perhaps bool, why string) { all = append(all, try{a, why, perhaps}) }
	var moves [][]byte // of any seat
	asked := s.asked(w.h)
	for _, seat := range asked {
		if move, err := s.think(w, seat, game.Weak); err == nil {
			moves = append(moves, move)
		}
		if s.cfg.Legal != nil {
			legal, err := w.legal(seat)
			if err != nil {
				return nil, err
			}
			moves = append(moves, legal[w.rng.IntN(len(legal))])
		}
	}
	known := len(moves)
	moves = append(moves, nil, bytes.Repeat([]byte{0}, 1<<16), randomBytes(1<<12, w.rng))
	for range 3 {
		moves = append(moves, randomBytes(w.rng.IntN(12), w.rng))
	}
	for range 8 {
		moves = append(moves, spoilt(moves[w.rng.IntN(max(1, known))], w.rng))
	}
	for range min(3, len(old)) {
		moves = append(moves, old[w.rng.IntN(len(old))])
	}
	open := make(map[int]bool)
	for _, seat := range asked {
		open[seat] = true
	}
	for seat := range s.g.Seats() {
		if !open[seat] {
			add(act{kind: 't', seat: seat}, false, "the seat is not asked")
			add(act{kind: 'a', seat: seat}, false, "the seat is not asked")
		}
		for _, move := range moves {
			add(act{'m', seat, move}, open[seat], "the seat is not asked")
		}
	}
	for _, seat := range []int{-1, math.MinInt32, s.g.Seats(), math.MaxInt32} {
		for _, kind := range "mta" {
			add(act{byte(kind), seat, moves[0]}, false, "there is no such seat")
		}
	}
	if w.h.Hold() == 0 {
		add(act{kind: 'r'}, false, "nothing holds")
	}
	return all, nil
}
