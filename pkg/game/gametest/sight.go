package gametest

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"teahouse/pkg/game"
)

// checkViews keeps the view of everybody by what they are told, as clients do: from the deal on, and from a view in the middle.
func checkViews(s *suite) error {
	for _, seat := range []int{game.Public - 1, s.g.Seats()} {
		if _, err := s.g.Follow(seat, nil, nil); err == nil {
			return fmt.Errorf("there is no seat %d, and Follow keeps its view", seat)
		}
	}
	return each(slowly(24, 600), func(n int) error {
		var all history
		var followers [][2]game.Follower // by seat, the public last; from the deal on, and from later on
		return s.play(n, 6, func(w *walk) (err error) {
			if followers == nil {
				followers = make([][2]game.Follower, s.g.Seats()+1)
				for i := range followers {
					for j := range followers[i] {
						if followers[i][j], err = s.g.Follow(s.viewer(i), bytes.Clone(w.rules), nil); err != nil {
							return fmt.Errorf("following a hand: %w", err)
						}
					}
				}
			}
			if err := s.shape(w.events); err != nil {
				return err
			}
			for i := range followers {
				for j := range followers[i] {
					if err := s.follow(w, s.viewer(i), followers[i][j]); err != nil {
						return err
					}
				}
				if w.rng.IntN(12) == 0 {
					view := bytes.Clone(w.h.View(s.viewer(i)))
					if followers[i][1], err = s.g.Follow(s.viewer(i), bytes.Clone(w.rules), view); err != nil {
						return fmt.Errorf("following from a view of %s: %w", who(s.viewer(i)), err)
					}
					if got := followers[i][1].View(); !bytes.Equal(got, w.h.View(s.viewer(i))) {
						return fmt.Errorf("%s begins in the middle with the view\n%s, and keeps\n%s", who(s.viewer(i)), text(view), text(got))
					}
				}
			}
			return s.toldNonsense(w, &all)
		})
	})
}

// viewer is the i-th of those who look: the seats, then the public.
func (s *suite) viewer(i int) int {
	if i == s.g.Seats() {
		return game.Public
	}
	return i
}

// follow tells a follower what its viewer is told by the last act.
func (s *suite) follow(w *walk, viewer int, f game.Follower) error {
	for i := range w.events {
		payload := valueOf(&w.events[i], viewer)
		if payload == nil {
			continue
		}
		if s.cfg.Event != nil {
			s.cfg.Event(payload)
		}
		if err := f.Told(bytes.Clone(payload)); err != nil {
			return fmt.Errorf("%s is told %s: %w", who(viewer), text(payload), err)
		}
	}
	if got, want := f.View(), w.h.View(viewer); !bytes.Equal(got, want) {
		return fmt.Errorf("%s keeps the view\n%s by its events, and the hand shows\n%s", who(viewer), text(got), text(want))
	}
	return nil
}

// shape is what every event looks like.
func (s *suite) shape(events []game.Event) error {
	for i, e := range events {
		if len(e.Seats) != s.g.Seats() {
			return fmt.Errorf("event %d is for %d seats of %d", i, len(e.Seats), s.g.Seats())
		}
	}
	return nil
}

// history is all that anybody was shown and told in a hand.
type history struct {
	views  []sight
	events [][]byte
}

// sight is a view.
type sight struct {
	viewer int
	view   []byte
}

// toldNonsense tells a follower what no hand tells, and at the end of the hand many: it may take that or not, but it does not
// panic.
func (s *suite) toldNonsense(w *walk, h *history) error {
	for i := range s.g.Seats() + 1 {
		viewer := s.viewer(i)
		h.views = append(h.views, sight{viewer, w.h.View(viewer)})
		for j := range w.events {
			if payload := valueOf(&w.events[j], viewer); payload != nil {
				h.events = append(h.events, payload)
			}
		}
	}
	tries := 1
	if _, over := w.h.Result(); over {
		tries = 200
	}
	for range tries {
		at := h.views[w.rng.IntN(len(h.views))]
		var told [][]byte
		for range 3 {
			event := h.events[len(h.events)-1-w.rng.IntN(min(len(h.events), 1<<w.rng.IntN(10)))] // mostly one of the last
			if w.rng.IntN(4) > 0 {
				event = spoilt(event, w.rng)
			}
			told = append(told, event)
		}
		switch w.rng.IntN(8) {
		case 0:
			at.view = spoilt(at.view, w.rng)
		case 1:
			at.view = nil
		}
		err := guarded(func() error {
			f, err := s.g.Follow(at.viewer, bytes.Clone(w.rules), bytes.Clone(at.view))
			if err != nil {
				return nil
			}
			for _, event := range told {
				f.Told(bytes.Clone(event))
				f.View()
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("%s keeps the view %s and is told %q: %w", who(at.viewer), text(at.view), told, err)
		}
	}
	return nil
}

// Act is something that happens to a hand: a method of game.Hand with what it needs.
type Act func(game.Hand) (game.Step, error)

// Twins are two hands that differ in what some viewers must not know, and what happens in them.
type Twins struct {
	Hands   [2]game.Hand // just dealt; of the game that Config.Twins was given
	Viewers []int        // seats, or game.Public
	// Steps are what happens next in either hand; in one of them it may be nothing. Before the first and after each,
	// the hands look the same to the viewers, who were told the same so far. What happens must not itself show the
	// viewers a difference, so the steps end where something that all see has to differ.
	Steps [][2][]Act
}

// checkSecrets compares twins for their viewers.
func checkSecrets(s *suite) error {
	return s.twins(7, func(t *Twins) []int { return t.Viewers })
}

// checkPublic compares twins for the public: what one seat cannot know it must not know either.
func checkPublic(s *suite) error {
	err := each(slowly(8, 200), func(n int) error {
		return s.play(n, 8, func(w *walk) error {
			if err := s.shape(w.events); err != nil {
				return err
			}
			for i, e := range w.events {
				for seat, payload := range e.Seats {
					if e.Public != nil && payload == nil {
						return fmt.Errorf("event %d tells the public something and seat %d nothing", i, seat)
					}
				}
			}
			return nil
		})
	})
	if err != nil {
		return err
	}
	return s.twins(8, func(*Twins) []int { return []int{game.Public} })
}

// twins compares pairs of hands for some viewers.
func (s *suite) twins(salt uint64, viewers func(*Twins) []int) error {
	switch {
	case s.cfg.Open == (s.cfg.Twins != nil):
		return errors.New("Config needs Twins, or Open if nothing is hidden, and not both")
	case s.cfg.Open:
		return s.open(salt)
	}
	pairs := slowly(100, 5000)
	different, steps := make([]bool, pairs), make([]int, pairs)
	err := each(pairs, func(n int) error {
		rng := rand.New(rand.NewPCG(uint64(n), salt))
		rules, err := s.ruleSet(n, salt, rng)
		if err != nil {
			return err
		}
		t, err := s.cfg.Twins(s.g, bytes.Clone(rules), rng)
		if err != nil {
			return fmt.Errorf("pair %d, rules %s: Config.Twins: %w", n, rules, err)
		}
		different[n] = !bytes.Equal(t.Hands[0].Snapshot(), t.Hands[1].Snapshot())
		steps[n] = len(t.Steps)
		if step, err := s.compare(t, viewers(t)); err != nil {
			return fmt.Errorf("pair %d, rules %s, after step %d of %d: %w", n, rules, step, len(t.Steps), err)
		}
		return nil
	})
	if err != nil {
		return err
	}
	total, all := 0, 0
	for n := range pairs {
		if all += steps[n]; different[n] {
			total++
		}
	}
	if total < pairs/2 || all < pairs {
		return fmt.Errorf("of %d pairs that Config.Twins made %d differ, and they have %d steps: that shows nothing", pairs, total, all)
	}
	return nil
}

// compare plays twins, and returns the step after which a viewer can tell them apart.
func (s *suite) compare(t *Twins, viewers []int) (step int, err error) {
	var pending [2][]entry // by hand: what a viewer was told since the last look
	hear := func(i int, events []game.Event) error {
		if err := s.shape(events); err != nil {
			return err
		}
		for _, viewer := range viewers {
			for j := range events {
				if payload := valueOf(&events[j], viewer); payload != nil {
					pending[i] = append(pending[i], entry{fmt.Sprintf("what %s is told (%d.)", who(viewer), len(pending[i])+1), string(payload)})
				}
			}
		}
		return nil
	}
	for i, h := range t.Hands {
		if err := hear(i, h.Opening()); err != nil {
			return 0, err
		}
	}
	for step := 0; ; step++ {
		var looks [2][]entry
		for i, h := range t.Hands {
			looks[i] = append(pending[i], s.openly(h), result(h))
			pending[i] = nil
			for _, viewer := range viewers {
				looks[i] = append(looks[i], seen(h, viewer, false)...)
			}
		}
		// Who has time to think about a secret question that nothing holds takes it, and nobody can hide that.
		if a, b := t.Hands[0].Hold(), t.Hands[1].Hold(); a != b && !s.unheld(t.Hands[0]) && !s.unheld(t.Hands[1]) {
			return step, fmt.Errorf("anybody can tell two hands apart: one holds for %v, the other for %v", a, b)
		}
		if err := differ(looks[0], looks[1]); err != nil {
			return step, fmt.Errorf("%s can tell two hands apart: %w", who(viewers[0]), err)
		}
		if step == len(t.Steps) {
			return step, nil
		}
		for i, acts := range t.Steps[step] {
			for _, a := range acts {
				done, err := a(t.Hands[i])
				if err != nil {
					return step + 1, fmt.Errorf("Config.Twins, hand %d: %w", i, err)
				}
				if err := hear(i, done.Events); err != nil {
					return step + 1, err
				}
			}
		}
	}
}

// openly is what all are told by the table: whom it asks, unless that is a secret.
func (s *suite) openly(h game.Hand) entry {
	var said []string
	for seat := range s.g.Seats() {
		if p := h.Prompt(seat); p.Serial != 0 && !p.Secret {
			said = append(said, fmt.Sprintf("seat %d for %v", seat, p.Limit))
		}
	}
	return entry{"who is asked openly", strings.Join(said, ", ")}
}

// unheld reports whether somebody is asked in secret, and nothing holds.
func (s *suite) unheld(h game.Hand) bool {
	return h.Hold() == 0 && slices.ContainsFunc(s.asked(h), func(seat int) bool { return h.Prompt(seat).Secret })
}

// open demands that nothing is hidden: all are told the same, and see the same.
func (s *suite) open(salt uint64) error {
	return each(slowly(8, 200), func(n int) error {
		return s.play(n, salt, func(w *walk) error {
			for i := range w.events {
				for seat := range s.g.Seats() {
					if a, b := w.events[i].Public, valueOf(&w.events[i], seat); !bytes.Equal(a, b) || a == nil {
						return fmt.Errorf("nothing is hidden, and event %d tells the public %s and seat %d %s", i, text(a), seat, text(b))
					}
				}
			}
			for seat := range s.g.Seats() {
				if !bytes.Equal(w.h.View(seat), w.h.View(game.Public)) {
					return fmt.Errorf("nothing is hidden, and seat %d has another view than the public", seat)
				}
				if w.h.Prompt(seat).Secret {
					return fmt.Errorf("nothing is hidden, and seat %d is asked in secret", seat)
				}
			}
			return nil
		})
	})
}
