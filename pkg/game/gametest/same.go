package gametest

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"

	"teahouse/pkg/game"
	"teahouse/pkg/wire/wirepb"
)

// checkDeal deals.
func checkDeal(s *suite) error {
	switch {
	case s.g.Name() == "" || s.g.Version() < 1:
		return fmt.Errorf("it is called %q, version %d", s.g.Name(), s.g.Version())
	case s.g.Seats() < 1 || s.g.Seats() > maxSeats:
		return fmt.Errorf("it has %d seats, and a table 1 to %d", s.g.Seats(), maxSeats)
	}
	standard, err := s.g.Rules(nil)
	if err != nil {
		return err
	}
	for _, dealer := range []int{-1, s.g.Seats(), 1 << 30} {
		if _, err := s.g.Deal(game.Setup{Rules: standard, Dealer: dealer}); err == nil {
			return fmt.Errorf("seat %d deals, of %d", dealer, s.g.Seats())
		}
	}
	if _, err := s.g.Deal(game.Setup{Rules: standard, Version: s.g.Version() + 1}); err == nil {
		return fmt.Errorf("it deals by version %d, and knows %d", s.g.Version()+1, s.g.Version())
	}
	for _, bad := range []string{"[]", "{", `{"":1}`, `{"no such option":1}`} {
		if _, err := s.g.Deal(game.Setup{Rules: []byte(bad)}); game.CodeOf(err, wirepb.Code_OK) != wirepb.Code_RULES_INVALID {
			return fmt.Errorf("dealt by the rules %s: %v", bad, err)
		}
	}
	return each(slowly(60, 1000), func(n int) error {
		w, err := s.deal(n, 2, nil)
		if err != nil {
			return err
		}
		given := w.setup
		given.Rules, given.Totals = bytes.Clone(w.rules), slices.Clone(w.setup.Totals)
		h, err := s.g.Deal(given)
		if err != nil {
			return w.located(n, err)
		}
		if !bytes.Equal(given.Rules, w.rules) || !slices.Equal(given.Totals, w.setup.Totals) {
			return w.located(n, errors.New("what Deal was given is changed"))
		}
		clear(given.Rules)
		clear(given.Totals)
		if err := differ(told(h.Opening()), told(w.h.Opening())); err != nil {
			return w.located(n, fmt.Errorf("two equal deals: %w", err))
		}
		return w.located(n, differ(s.look(h), s.look(w.h)))
	})
}

// checkDeterminism plays a hand, and then its acts again, twice at the same time.
func checkDeterminism(s *suite) error {
	return each(slowly(12, 300), func(n int) error {
		var tape [][]entry
		var first *walk
		err := s.play(n, 3, func(w *walk) error {
			first, tape = w, append(tape, append(told(w.events), s.look(w.h)...))
			return s.thinksTwice(w)
		})
		if err != nil {
			return err
		}
		return each(2, func(replay int) error {
			h, err := s.g.Deal(first.setup)
			if err != nil {
				return err
			}
			rng := rand.New(rand.NewPCG(uint64(replay), uint64(n)))
			events := h.Opening()
			for i, want := range tape {
				for replay == 1 && rng.IntN(2) == 0 { // looking changes nothing
					s.look(h)
				}
				if err := differ(want, append(told(events), s.look(h)...)); err != nil {
					at := *first
					at.acts = at.acts[:i]
					return at.located(n, fmt.Errorf("once and again: %w", err))
				}
				if i == len(first.acts) {
					break
				}
				step, err := first.acts[i].do(h)
				if err != nil {
					return first.located(n, fmt.Errorf("the %v is refused when it is made again: %w", first.acts[i], err))
				}
				events = step.Events
			}
			return nil
		})
	})
}

// thinksTwice asks a bot twice.
func (s *suite) thinksTwice(w *walk) error {
	seats := s.asked(w.h)
	if len(seats) == 0 || w.rng.IntN(4) > 0 {
		return nil
	}
	seat, strength := seats[w.rng.IntN(len(seats))], game.Strengths()[w.rng.IntN(2)]
	var moves [2][]byte
	for i := range moves {
		var err error
		if moves[i], err = s.think(w, seat, strength); err != nil {
			return err
		}
	}
	if !bytes.Equal(moves[0], moves[1]) {
		return fmt.Errorf("seat %d, %v: Think answers %s, and then %s", seat, strength, text(moves[0]), text(moves[1]))
	}
	return nil
}

// think asks a bot, which must leave what it is shown as it is.
func (s *suite) think(w *walk, seat int, strength game.Strength) ([]byte, error) {
	view, payload := bytes.Clone(w.h.View(seat)), bytes.Clone(w.h.Prompt(seat).Payload)
	move, err := s.g.Think(w.rules, view, payload, strength)
	if err != nil {
		return nil, fmt.Errorf("seat %d: Think, %v: %w", seat, strength, err)
	}
	if !bytes.Equal(view, w.h.View(seat)) || !bytes.Equal(payload, w.h.Prompt(seat).Payload) {
		return nil, fmt.Errorf("seat %d: Think, %v, has changed what it was shown", seat, strength)
	}
	return move, nil
}

// checkSnapshots goes on from restored hands beside the one that was never restored: from one that is restored after each act,
// and from one that is restored now and then.
func checkSnapshots(s *suite) error {
	return each(slowly(12, 400), func(n int) error {
		var always, sometimes game.Hand
		var kept, before []byte
		return s.play(n, 4, func(w *walk) (err error) {
			snapshot := w.h.Snapshot()
			if kept != nil && !bytes.Equal(kept, before) {
				return errors.New("a snapshot has changed after it was taken")
			}
			kept, before = snapshot, bytes.Clone(snapshot)
			want := append(told(w.events), s.look(w.h)...)
			for _, other := range []*game.Hand{&always, &sometimes} {
				if *other == nil {
					if *other, err = s.copy(w.h); err != nil {
						return err
					}
					if err := differ(s.look(w.h), s.look(*other)); err != nil {
						return fmt.Errorf("as dealt, and as restored: %w", err)
					}
					continue
				}
				step, err := w.acts[len(w.acts)-1].do(*other)
				if err != nil {
					return fmt.Errorf("after an earlier restore it is refused: %w", err)
				}
				if err := differ(want, append(told(step.Events), s.look(*other)...)); err != nil {
					return fmt.Errorf("never restored, and restored earlier: %w", err)
				}
				if other == &sometimes && w.rng.IntN(8) > 0 {
					continue
				}
				snapshot := (*other).Snapshot()
				if *other, err = s.copy(*other); err != nil {
					return err
				}
				if !bytes.Equal((*other).Snapshot(), snapshot) {
					return errors.New("the snapshot of a restored hand is another one")
				}
				if err := differ(s.look(w.h), s.look(*other)); err != nil {
					return fmt.Errorf("as played, and as restored: %w", err)
				}
			}
			return nil
		})
	})
}

// checkDamage restores what no hand has written.
func checkDamage(s *suite) error {
	rng := rand.New(rand.NewPCG(0, 5))
	for range slowly(300, 20_000) {
		if err := s.damaged(nil, randomBytes(rng.IntN(300), rng), rng); err != nil {
			return err
		}
	}
	return each(slowly(8, 200), func(n int) error {
		var last []byte
		return s.play(n, 5, func(w *walk) error {
			snapshot := w.h.Snapshot()
			for range 16 {
				if err := s.damaged(w, spoilt(snapshot, w.rng), w.rng); err != nil {
					return err
				}
			}
			cut := w.rng.IntN(len(last) + 1)
			mixed := slices.Concat(last[:cut], snapshot[min(cut, len(snapshot)):])
			last = snapshot
			return s.damaged(w, mixed, w.rng)
		})
	})
}

// damaged restores a snapshot that is damaged. What is restored may be any hand, but it is one.
func (s *suite) damaged(w *walk, snapshot []byte, rng *rand.Rand) error {
	err := guarded(func() error {
		h, err := s.g.Restore(bytes.Clone(snapshot))
		if err != nil {
			return nil
		}
		if h == nil {
			return errors.New("neither a hand nor an error")
		}
		again, err := s.copy(h)
		if err != nil {
			return fmt.Errorf("what was restored cannot be restored: %w", err)
		}
		if err := differ(s.look(h), s.look(again)); err != nil {
			return fmt.Errorf("restored once and again: %w", err)
		}
		for range 3 { // it can be played, too
			if seats := s.asked(h); len(seats) > 0 && rng.IntN(3) > 0 {
				h.Auto(seats[rng.IntN(len(seats))])
			} else if len(seats) > 0 {
				h.Timeout(seats[rng.IntN(len(seats))])
			} else if h.Hold() > 0 {
				h.Release()
			}
		}
		s.look(h)
		return nil
	})
	if err != nil {
		return fmt.Errorf("the snapshot %s: %w", text(snapshot), err)
	}
	return nil
}
