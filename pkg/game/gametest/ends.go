package gametest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"

	"teahouse/pkg/game"
)

// checkBounds weighs all that a hand gives out.
func checkBounds(s *suite) error {
	b := &s.cfg.Bounds
	return each(slowly(16, 600), func(n int) error {
		return s.play(n, 11, func(w *walk) error {
			limits := []struct {
				what  string
				size  int
				limit int
			}{
				{"the snapshot", len(w.h.Snapshot()), b.Snapshot},
				{"the rules", len(w.rules), b.View},
				{"the number of events", len(w.events), b.Events},
			}
			add := func(what string, size, limit int) {
				limits = append(limits, struct {
					what  string
					size  int
					limit int
				}{what, size, limit})
			}
			for i := range s.g.Seats() + 1 {
				viewer := s.viewer(i)
				add("the view of "+who(viewer), len(w.h.View(viewer)), b.View)
				if viewer != game.Public {
					add("the prompt of "+who(viewer), len(w.h.Prompt(viewer).Payload), b.Prompt)
				}
				for j := range w.events {
					add(fmt.Sprintf("event %d for %s", j, who(viewer)), len(valueOf(&w.events[j], viewer)), b.Event)
				}
			}
			if len(w.acts) > 0 {
				add("a move", len(w.acts[len(w.acts)-1].move), b.Move)
			}
			r, _ := w.h.Result()
			add("the summary", len(r.Summary), b.View)
			for _, l := range limits {
				if l.size > l.limit {
					return fmt.Errorf("%s: %d, and the bound is %d", l.what, l.size, l.limit)
				}
			}
			return nil
		})
	})
}

// checkEnds lets hands be ended by the clock alone, or by auto-play, from any moment on.
func checkEnds(s *suite) error {
	return each(slowly(24, 800), func(n int) error {
		rng := rand.New(rand.NewPCG(uint64(n), 12))
		until := []int{0, rng.IntN(8), rng.IntN(200)}[n%3] // how many acts are made before
		kind := byte('t')
		if n/3%4 == 3 {
			kind = 'a'
		}
		return s.play(n, 12, func(w *walk) error {
			if len(w.acts) < until {
				return nil
			}
			for {
				if err := s.alive(w.h); err != nil {
					return err
				}
				if r, over := w.h.Result(); over {
					return s.valid(&r)
				}
				if len(w.acts) == s.cfg.Bounds.Acts {
					return fmt.Errorf("%d acts of others and then only releases and the %v do not end the hand, and Bounds.Acts is %d", until, act{kind: kind}, len(w.acts))
				}
				a := act{kind: 'r'}
				if seats := s.asked(w.h); len(seats) > 0 && (w.h.Hold() == 0 || w.rng.IntN(2) == 0) {
					a = act{kind: kind, seat: seats[w.rng.IntN(len(seats))]}
				}
				if err := w.do(a); err != nil {
					return err
				}
			}
		})
	})
}

// valid is what every result is.
func (s *suite) valid(r *game.Result) error {
	if len(r.Scores) != s.g.Seats() || r.NextDealer < 0 || r.NextDealer >= s.g.Seats() {
		return fmt.Errorf("%d seats, the scores %v and the next dealer %d", s.g.Seats(), r.Scores, r.NextDealer)
	}
	var sum int64
	for _, score := range r.Scores {
		sum += score
	}
	if sum != 0 {
		return fmt.Errorf("the scores %v sum to %d", r.Scores, sum)
	}
	return nil
}

// checkResults plays to the end, and then tries to go on.
func checkResults(s *suite) error {
	return each(slowly(24, 800), func(n int) error {
		return s.play(n, 13, func(w *walk) error {
			r, over := w.h.Result()
			if !over {
				if r.Scores != nil || r.Summary != nil || r.NextDealer != 0 {
					return errors.New("a hand that is not over has a result")
				}
				return nil
			}
			if err := s.valid(&r); err != nil {
				return err
			}
			if err := s.alive(w.h); err != nil {
				return err
			}
			before := s.look(w.h)
			acts := []act{{kind: 'r'}}
			for seat := range s.g.Seats() {
				acts = append(acts, act{kind: 't', seat: seat}, act{kind: 'a', seat: seat})
				for _, made := range w.acts {
					if made.kind == 'm' {
						acts = append(acts, act{'m', seat, made.move})
					}
				}
			}
			for _, a := range acts {
				if _, err := a.do(w.h); err == nil {
					return fmt.Errorf("after the end the %v is accepted", a)
				}
			}
			return differ(before, s.look(w.h))
		})
	})
}

// checkIdle plays hands in pairs whose rules differ only in an option that has no effect beside the others.
func checkIdle(s *suite) error {
	c := s.g.Options()
	var idle []game.Option
	for _, o := range all(c) {
		if o.Only != nil {
			idle = append(idle, o)
		}
	}
	return each(len(idle)*slowly(3, 60), func(n int) error {
		o := &idle[n%len(idle)]
		rng := rand.New(rand.NewPCG(uint64(n), 14))
		rules, other, err := s.idlePair(c, o, rng)
		if err != nil || rules == nil {
			return err
		}
		var twin game.Hand
		return s.playBy(n, 14, rules, func(w *walk) (err error) {
			var events []game.Event
			if twin == nil {
				setup := w.setup
				setup.Rules = other
				if twin, err = s.g.Deal(setup); err != nil {
					return fmt.Errorf("by the rules %s: %w", other, err)
				}
				events = twin.Opening()
			} else {
				last := w.acts[len(w.acts)-1]
				step, err := last.do(twin)
				if err != nil {
					return fmt.Errorf("the %v is refused by the rules %s: %w", last, other, err)
				}
				events = step.Events
			}
			// Snapshots hold the rules; all that anybody sees is the same.
			if err := differ(append(told(w.events), s.look(w.h)[1:]...), append(told(events), s.look(twin)[1:]...)); err != nil {
				return fmt.Errorf("%s has an effect where Options says that it has none; by the rules %s and %s: %w", o.Key, rules, other, err)
			}
			return nil
		})
	})
}

// idlePair draws two rule sets that differ only in o, which has no effect in them; nil if there are none.
func (s *suite) idlePair(c game.Catalogue, o *game.Option, rng *rand.Rand) (rules, other []byte, err error) {
	var condition game.Option
	for _, known := range all(c) {
		if known.Key == o.Only.Key {
			condition = known
		}
	}
	for range 200 {
		fields := slices.DeleteFunc(draw(c, rng), func(f field) bool { return f.key == o.Key || f.key == condition.Key })
		value := drawn(&condition, rng)
		if slices.ContainsFunc(o.Only.Values, func(v json.RawMessage) bool { return bytes.Equal(v, value) }) {
			continue
		}
		fields = append(fields, field{condition.Key, value})
		if rules, err = s.g.Rules(object(append(slices.Clone(fields), field{o.Key, drawn(o, rng)})...)); err != nil {
			continue // it needs something else
		}
		if other, err = s.g.Rules(object(append(fields, field{o.Key, drawn(o, rng)})...)); err != nil {
			continue
		}
		if !bytes.Equal(rules, other) {
			return rules, other, nil
		}
	}
	return nil, nil, nil
}
