package gametest

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"unicode"
	"unicode/utf8"

	"teahouse/pkg/game"
)

// act is something that happens to a hand.
type act struct {
	kind byte // 'm'ove, 't'ime-out, 'a'uto-play, 'r'elease
	seat int
	move []byte
}

func (a act) do(h game.Hand) (game.Step, error) {
	switch a.kind {
	case 'm':
		return h.Move(a.seat, bytes.Clone(a.move))
	case 't':
		return h.Timeout(a.seat)
	case 'a':
		return h.Auto(a.seat)
	}
	return h.Release()
}

func (a act) String() string {
	switch a.kind {
	case 'm':
		return fmt.Sprintf("move %s of seat %d", text(a.move), a.seat)
	case 't':
		return fmt.Sprintf("time-out of seat %d", a.seat)
	case 'a':
		return fmt.Sprintf("auto-play of seat %d", a.seat)
	case 'r':
		return "release"
	}
	return "nothing"
}

// walk is a hand that is being played.
type walk struct {
	*suite
	rng    *rand.Rand
	rules  []byte // as a table has them
	setup  game.Setup
	h      game.Hand
	acts   []act
	events []game.Event // what the last act told; before any, the opening
	styles []style      // by seat
}

// style is how a seat plays, in percent of its answers; the rest are a bot's.
type style struct {
	any, timeout, auto int
	strength           game.Strength
}

// play plays hand n to its end. see is called after the deal and after every act; it may put an equal hand in place
// of w.h.
func (s *suite) play(n int, salt uint64, see func(w *walk) error) error {
	return s.playBy(n, salt, nil, see)
}

// playBy plays by given rules; nil = as play does.
func (s *suite) playBy(n int, salt uint64, rules []byte, see func(w *walk) error) (err error) {
	w, err := s.deal(n, salt, rules)
	if err != nil {
		return err
	}
	defer func() { err = w.located(n, err) }()
	defer func() { // here, so that it is located too
		if r := recover(); r != nil {
			err = caught(r)
		}
	}()
	for {
		if err := see(w); err != nil {
			return err
		}
		if _, over := w.h.Result(); over {
			return nil
		}
		if len(w.acts) == s.cfg.Bounds.Acts {
			return fmt.Errorf("the hand is not over yet, and Bounds.Acts is %d", len(w.acts))
		}
		a, err := w.next()
		if err != nil {
			return err
		}
		if err := w.do(a); err != nil {
			return err
		}
	}
}

// do makes an act that must be accepted.
func (w *walk) do(a act) error {
	step, err := a.do(w.h)
	if err != nil {
		return fmt.Errorf("the %v is refused: %w", a, err)
	}
	w.acts, w.events = append(w.acts, a), step.Events
	return nil
}

// located says where in which hand something is wrong.
func (w *walk) located(n int, err error) error {
	if err == nil {
		return nil
	}
	last := act{}
	if len(w.acts) > 0 {
		last = w.acts[len(w.acts)-1]
	}
	return fmt.Errorf("hand %d, dealer %d, totals %v, rules %s, after %d acts (the last: %v): %w", n, w.setup.Dealer, w.setup.Totals, w.rules, len(w.acts), last, err)
}

// deal deals hand n, by its own rules where none are given. Different salts give different hands.
func (s *suite) deal(n int, salt uint64, rules []byte) (*walk, error) {
	w := &walk{suite: s, rng: rand.New(rand.NewPCG(uint64(n), salt)), rules: rules}
	var err error
	if rules == nil {
		if w.rules, err = s.ruleSet(n, salt, w.rng); err != nil {
			return nil, err
		}
	}
	w.setup = game.Setup{Rules: w.rules, Version: s.g.Version(), Dealer: w.rng.IntN(s.g.Seats()), Totals: totals(s.g.Seats(), w.rng)}
	for i := range w.setup.Seed {
		w.setup.Seed[i] = byte(w.rng.Uint32())
	}
	if w.h, err = s.g.Deal(w.setup); err != nil {
		return nil, w.located(n, fmt.Errorf("no deal: %w", err))
	}
	w.events = w.h.Opening()
	for range s.g.Seats() {
		w.styles = append(w.styles, style{
			any: []int{0, 20, 50, 100}[w.rng.IntN(4)], timeout: []int{0, 0, 5, 40}[w.rng.IntN(4)],
			auto: []int{0, 5, 20}[w.rng.IntN(3)], strength: game.Strengths()[w.rng.IntN(2)],
		})
	}
	return w, nil
}

// ruleSet is the default, a preset, one of Config.Rules or drawn from the catalogue.
func (s *suite) ruleSet(n int, salt uint64, rng *rand.Rand) ([]byte, error) {
	c := s.g.Options()
	overrides := object(draw(c, rng)...)
	named := [][]byte{nil}
	for _, p := range c.Presets {
		named = append(named, p.Rules)
	}
	for _, r := range s.cfg.Rules {
		named = append(named, []byte(r))
	}
	if at := n/2 + int(salt)*3; n%2 == 0 && (len(named) > 1 || n == 0) {
		overrides = named[at%len(named)]
	}
	rules, err := s.g.Rules(overrides)
	if err != nil {
		return nil, fmt.Errorf("the rules %s: %w", overrides, err)
	}
	return rules, nil
}

// totals is what the seats have won so far: nothing, or points that sum to zero.
func totals(seats int, rng *rand.Rand) []int64 {
	most := []int64{0, 0, 20, 1 << 40}[rng.IntN(4)]
	if most == 0 {
		return nil
	}
	all := make([]int64, seats)
	for i := range all {
		n := rng.Int64N(2*most) - most
		all[i] += n
		all[(i+1)%seats] -= n
	}
	return all
}

// asked lists the seats with an open prompt.
func (s *suite) asked(h game.Hand) (seats []int) {
	for seat := range s.g.Seats() {
		if h.Prompt(seat).Serial != 0 {
			seats = append(seats, seat)
		}
	}
	return seats
}

var errStuck = errors.New("the hand is not over, asks nobody and does not hold")

// next draws what happens next.
func (w *walk) next() (act, error) {
	seats := w.asked(w.h)
	if w.h.Hold() > 0 && (len(seats) == 0 || w.rng.IntN(4) == 0) {
		return act{kind: 'r'}, nil
	}
	if len(seats) == 0 {
		return act{}, errStuck
	}
	seat := seats[w.rng.IntN(len(seats))]
	style := w.styles[seat]
	switch n := w.rng.IntN(100); {
	case n < style.timeout:
		return act{kind: 't', seat: seat}, nil
	case n < style.timeout+style.auto:
		return act{kind: 'a', seat: seat}, nil
	case w.rng.IntN(100) < style.any && w.cfg.Legal != nil:
		legal, err := w.legal(seat)
		if err != nil {
			return act{}, err
		}
		return act{'m', seat, legal[w.rng.IntN(len(legal))]}, nil
	}
	move, err := w.g.Think(w.rules, w.h.View(seat), w.h.Prompt(seat).Payload, style.strength)
	if err != nil {
		return act{}, fmt.Errorf("seat %d: Think: %w", seat, err)
	}
	return act{'m', seat, move}, nil
}

// legal is what the game lists as answers of a seat that is asked.
func (w *walk) legal(seat int) ([][]byte, error) {
	legal, err := w.cfg.Legal(w.rules, w.h.View(seat), w.h.Prompt(seat).Payload, w.rng)
	if err == nil && len(legal) == 0 {
		err = errors.New("no answer")
	}
	if err != nil {
		return nil, fmt.Errorf("Config.Legal, asked for seat %d: %w", seat, err)
	}
	return legal, nil
}

// copy is a second hand in the same state.
func (s *suite) copy(h game.Hand) (game.Hand, error) {
	again, err := s.g.Restore(bytes.Clone(h.Snapshot()))
	if err == nil && again == nil {
		err = errors.New("neither a hand nor an error")
	}
	if err != nil {
		return nil, fmt.Errorf("restoring a snapshot: %w", err)
	}
	return again, nil
}

// entry is something that can be seen of a hand, or is told of it.
type entry struct {
	name  string
	value string // as it is, so that looking costs little
}

// look is all that can be seen of a hand.
func (s *suite) look(h game.Hand) []entry {
	all := []entry{
		{"snapshot", string(h.Snapshot())},
		{"hold", h.Hold().String()},
		result(h),
	}
	for seat := game.Public; seat < s.g.Seats(); seat++ {
		all = append(all, seen(h, seat, true)...)
	}
	return all
}

func result(h game.Hand) entry {
	r, over := h.Result()
	return entry{"result", fmt.Sprintf("over %v, scores %v, next dealer %d, summary %s", over, r.Scores, r.NextDealer, r.Summary)}
}

// seen is what a viewer sees of a hand. A prompt's serial may count the prompts of all seats, and only a seat that is asked
// hears of its prompt.
func seen(h game.Hand, viewer int, serial bool) []entry {
	all := []entry{{who(viewer) + ", view", string(h.View(viewer))}}
	if viewer == game.Public {
		return all
	}
	p := h.Prompt(viewer)
	said := "not asked"
	if p.Serial != 0 {
		said = fmt.Sprintf("asked %s, secret %v, limit %v", p.Payload, p.Secret, p.Limit)
	}
	if serial {
		said += fmt.Sprintf(", serial %d", p.Serial)
	}
	return append(all, entry{who(viewer) + ", prompt", said})
}

func who(viewer int) string {
	if viewer == game.Public {
		return "public"
	}
	return fmt.Sprintf("seat %d", viewer)
}

// told is what events tell, whom.
func told(events []game.Event) (all []entry) {
	for i := range events {
		for seat := range events[i].Seats {
			all = append(all, heard(i, &events[i], seat))
		}
		all = append(all, heard(i, &events[i], game.Public))
	}
	return all
}

// heard is what event i tells a viewer.
func heard(i int, e *game.Event, viewer int) entry {
	if payload := valueOf(e, viewer); payload != nil {
		return entry{fmt.Sprintf("event %d for %s", i, who(viewer)), string(payload)}
	}
	return entry{fmt.Sprintf("event %d, not for %s", i, who(viewer)), ""}
}

// text shows bytes: as text where they are text.
func text(b []byte) string {
	switch {
	case b == nil:
		return "nothing"
	case len(b) > 0 && utf8.Valid(b) && !bytes.ContainsFunc(b, unicode.IsControl):
		return fmt.Sprintf("%q", b)
	}
	return fmt.Sprintf("%x", b)
}

// differ is the first difference between two lists, or nil.
func differ(a, b []entry) error {
	for i := range max(len(a), len(b)) {
		switch {
		case i >= len(a):
			return fmt.Errorf("only the second has %s: %s", b[i].name, text([]byte(b[i].value)))
		case i >= len(b):
			return fmt.Errorf("only the first has %s: %s", a[i].name, text([]byte(a[i].value)))
		case a[i] != b[i]:
			return fmt.Errorf("%s is\n%s, and %s is\n%s", a[i].name, text([]byte(a[i].value)), b[i].name, text([]byte(b[i].value)))
		}
	}
	return nil
}

// valueOf is what was told to a viewer by an event; nil = nothing.
func valueOf(e *game.Event, viewer int) []byte {
	if viewer == game.Public {
		return e.Public
	}
	return e.Seats[viewer]
}
