package audit

import (
	"fmt"
	"maps"
	"slices"

	"google.golang.org/protobuf/proto"

	"teahouse/bench/report"
	"teahouse/pkg/game"
	"teahouse/pkg/mahjong/tablegame"
	"teahouse/pkg/wire/wirepb"
)

// Table is a table at which our clients sat.
type Table struct {
	ID    game.TableID
	Seats []*Seat         // ours, in any order
	Hands map[uint32]Hand // what the database has, by hand
	// Unscored says that nobody could ask the database: there are archives, but no scores.
	Unscored bool
}

// Hand is what the database has about a hand.
type Hand struct {
	Scores  [][]int64 // of each settlement; there must be only one
	Archive []byte    // a HandArchive; nil = none could be read
}

// Result is the verdict on one or more tables.
type Result struct {
	report.Audit
	HandsFinished int
	Unreachable   int      // prompts that timed out while their client could not answer
	Notes         []string // what was found, at most maxNotes
}

// maxNotes bounds the notes of a Result. The counts go on.
const maxNotes = 20

// Add adds another verdict.
func (r *Result) Add(o Result) {
	a, b := &r.Audit, &o.Audit
	a.LostMoves += b.LostMoves
	a.DuplicateMoves += b.DuplicateMoves
	a.HandsUnfinished += b.HandsUnfinished
	a.HandsUnsettled += b.HandsUnsettled
	a.HandsTwice += b.HandsTwice
	a.ScoreSumNonzero += b.ScoreSumNonzero
	a.EventsWrong += b.EventsWrong
	a.PromptsTimedOut += b.PromptsTimedOut
	a.HiddenTilesSeen += b.HiddenTilesSeen
	r.HandsFinished += o.HandsFinished
	r.Unreachable += o.Unreachable
	r.Notes = append(r.Notes, o.Notes[:min(len(o.Notes), maxNotes-len(r.Notes))]...)
}

func (r *Result) note(format string, args ...any) {
	if len(r.Notes) < maxNotes {
		r.Notes = append(r.Notes, fmt.Sprintf(format, args...))
	}
}

// Check audits one table.
func Check(t Table) (Result, error) {
	c := &checker{table: t, ended: map[uint32][]int64{}, numbers: map[moveKey]bool{}}
	if err := c.choose(played(t)); err != nil {
		return c.Result, err
	}
	for _, s := range t.Seats {
		c.seats = append(c.seats, newSeatCheck(s))
	}
	for _, s := range c.seats {
		c.listen(s)
	}
	for _, hand := range slices.Sorted(maps.Keys(c.ended)) {
		c.settlement(hand)
		c.replay(hand)
	}
	c.rest()
	return c.Result, nil
}

// checker is the audit of one table.
type checker struct {
	Result
	table Table
	seats []*seatCheck
	game  game.Game
	open  bool            // the game hides nothing
	known tablegame.Audit // follows the replayed hand, unless open

	promised uint32             // hands of the round
	ended    map[uint32][]int64 // scores of the hands whose end our seats saw
	numbers  map[moveKey]bool   // moves in the archives
	blind    bool               // an archive is missing or broken: moves that are in no archive prove nothing
}

type moveKey struct {
	player game.PlayerID
	number uint64
}

// seatCheck is a seat and what has been checked about it.
type seatCheck struct {
	*Seat
	moves   map[uint64]*sent // by prompt
	covered []reach          // the parts of its stream that belong to replayed hands
	settled map[uint32]bool  // hands that it was told were settled
}

type sent struct {
	Move
	found bool
}

type reach struct{ first, last uint64 }

func newSeatCheck(s *Seat) *seatCheck {
	c := &seatCheck{Seat: s, moves: make(map[uint64]*sent, len(s.Moves)), settled: map[uint32]bool{}}
	for _, m := range s.Moves {
		// A refused answer may be followed by another one to the same prompt.
		if old := c.moves[m.Prompt]; old == nil || m.Number != 0 {
			c.moves[m.Prompt] = &sent{Move: m}
		}
	}
	return c
}

func (s *seatCheck) covers(number uint64) bool {
	return slices.ContainsFunc(s.covered, func(r reach) bool { return r.first <= number && number <= r.last })
}

// listen collects what a seat was told about the course of the round.
func (c *checker) listen(s *seatCheck) {
	if n := s.Stream.disorder; n > 0 {
		c.EventsWrong += n
		c.note("table %v player %d: %d messages came twice, late or too early", c.table.ID, s.Player, n)
	}
	for i, e := range s.Stream.events {
		m := new(wirepb.TableEvent)
		if err := proto.Unmarshal(s.Stream.payload(i), m); err != nil {
			c.EventsWrong++
			c.note("table %v player %d event %d: %v", c.table.ID, s.Player, e.number, err)
			continue
		}
		switch b := m.Body.(type) {
		case *wirepb.TableEvent_Opened:
			c.promised = max(c.promised, b.Opened.GetHands())
		case *wirepb.TableEvent_HandEnded:
			if _, ok := c.ended[b.HandEnded.GetHand()]; !ok {
				c.ended[b.HandEnded.GetHand()] = b.HandEnded.GetScores()
			}
		case *wirepb.TableEvent_HandSettled:
			if hand := b.HandSettled.GetHand(); s.settled[hand] {
				c.HandsTwice++
				c.note("table %v player %d event %d: hand %d is settled again", c.table.ID, s.Player, e.number, hand)
			} else {
				s.settled[hand] = true
			}
		}
	}
}

// settlement compares the database's record of a hand with what the seats saw.
func (c *checker) settlement(hand uint32) {
	scores := c.table.Hands[hand].Scores
	if known := len(scores) > 0 || c.table.Hands[hand].Archive != nil; !known && c.underway(hand) {
		c.HandsUnfinished++
		c.note("table %v: hand %d was not settled yet when its players left", c.table.ID, hand)
		return
	}
	c.HandsFinished++
	switch {
	case c.table.Unscored:
		return // a missing archive is found by the replay
	case len(scores) == 0:
		c.HandsUnsettled++
		c.note("table %v hand %d is not in the database", c.table.ID, hand)
		return
	case len(scores) > 1:
		c.HandsTwice++
		c.note("table %v hand %d is in the database %d times", c.table.ID, hand, len(scores))
	}
	sum := int64(0)
	for _, s := range scores[0] {
		sum += s
	}
	if sum != 0 || !slices.Equal(scores[0], c.ended[hand]) {
		c.ScoreSumNonzero++
		c.note("table %v hand %d: the database has %v, the seats saw %v", c.table.ID, hand, scores[0], c.ended[hand])
	}
}

// underway says that nobody has claimed that the hand is settled, because all of its players were
// cut off before.
func (c *checker) underway(hand uint32) bool {
	return c.allCut() && !slices.ContainsFunc(c.seats, func(s *seatCheck) bool { return s.settled[hand] })
}

func (c *checker) allCut() bool {
	return !slices.ContainsFunc(c.seats, func(s *seatCheck) bool { return s.Cut.IsZero() })
}

// rest judges what belongs to no replayed hand.
func (c *checker) rest() {
	whole := c.promised > 0 && len(c.ended) >= int(c.promised)
	if !whole {
		c.HandsUnfinished++
		c.note("table %v: %d of %d hands ended", c.table.ID, len(c.ended), c.promised)
	}
	for _, s := range c.seats {
		end := uint64(0) // last event replayed
		for _, r := range s.covered {
			end = max(end, r.last)
		}
		if c.blind {
			continue
		}
		for i, e := range s.Stream.events {
			if !s.covers(e.number) && (whole || e.number < end) {
				c.between(s, e.number, s.Stream.payload(i))
			}
		}
		for _, m := range s.Moves {
			// The answers in an unfinished hand are in no archive yet.
			if m.Number != 0 && !s.moves[m.Prompt].found && (whole || m.Prompt <= end) {
				c.LostMoves++
				c.note("table %v player %d: move %d, on prompt %d, is in no archive", c.table.ID, s.Player, m.Number, m.Prompt)
			}
		}
	}
}

// between checks an event outside the hands: it must not be one that belongs to a hand.
func (c *checker) between(s *seatCheck, number uint64, payload []byte) {
	var m wirepb.TableEvent
	if proto.Unmarshal(payload, &m) != nil {
		return // counted by listen
	}
	switch m.Body.(type) {
	case *wirepb.TableEvent_Opened, *wirepb.TableEvent_AutoPlay, *wirepb.TableEvent_HandSettled,
		*wirepb.TableEvent_RoundEnded, *wirepb.TableEvent_Released, *wirepb.TableEvent_Committed, *wirepb.TableEvent_Delayed,
		*wirepb.TableEvent_SeatChanged, *wirepb.TableEvent_Ready:
		return
	}
	c.EventsWrong++
	c.note("table %v player %d event %d: %T outside of every archived hand", c.table.ID, s.Player, number, m.Body)
	c.known = tablegame.Audit{} // what it shows belongs to no hand
	c.tiles(s, 0, number, &m)
}
