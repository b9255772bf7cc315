package outage

import (
	"slices"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"teahouse/pkg/game"
	"teahouse/pkg/gomoku"
	"teahouse/pkg/mahjong/tablegame"
	"teahouse/pkg/wire/wirepb"
)

// Table compares what the seats of one table are told. Streams are numbered by seat, and a seat is
// asked, and confirmed, what others do not learn of; what is left comes to all seats, in one order.
// The beats of this order are counted from each hand's start, so that seats can be compared.
type Table struct {
	seats map[game.PlayerID]*place
	beats []beat // which somebody has not heard, and the newest; oldest first
	game  string
}

// place is how far a seat has heard.
type place struct {
	at    uint64    // its newest beat
	heard time.Time // when anything came
	lost  bool      // a snapshot came: it does not count until the next hand starts
}

type beat struct {
	number uint64
	first  time.Time // when the first seat heard it
}

const (
	// maxBeats bounds the beats that are remembered; of one behind that the next one counts.
	maxBeats = 4096
	// perHand is more than the beats of a hand.
	perHand = 1 << 24
)

// NewTable makes the book of a table at which nobody has heard anything yet.
func NewTable() *Table { return &Table{seats: make(map[game.PlayerID]*place)} }

// Heard takes a push of the table to a player. late says that another seat had heard of it at since.
// ours are the players who are measured: those are expected as soon as one of them hears that the
// table is open.
func (t *Table) Heard(player game.PlayerID, p *wirepb.Push, ours func(game.PlayerID) bool, now time.Time) (since time.Time, late bool) {
	s := t.seats[player]
	if s == nil {
		s = &place{}
		t.seats[player] = s
	}
	s.heard = now
	if p.Kind == wirepb.Push_SNAPSHOT {
		since, late = t.owed(s)
		s.lost = true
		s.at = max(s.at, t.newest())
		return since, late
	}
	step, hand := t.weigh(p.Payload, ours)
	switch {
	case step == private || s.lost && hand == 0:
		return since, false
	case hand > 0:
		s.at, s.lost = uint64(hand)*perHand, false
	default:
		s.at++
	}
	if s.at > t.newest() {
		t.beats = append(t.beats, beat{s.at, now})
	} else if i, found := t.find(s.at); found {
		since, late = t.beats[i].first, true
	}
	t.trim()
	return since, late
}

// Left says that the player has nothing more to hear. It returns how many still have.
func (t *Table) Left(player game.PlayerID) int {
	delete(t.seats, player)
	t.trim()
	return len(t.seats)
}

// Owed calls yield for each player whom others have left behind, with the time since when.
func (t *Table) Owed(yield func(game.PlayerID, time.Time)) {
	for player, s := range t.seats {
		if since, late := t.owed(s); late {
			yield(player, since)
		}
	}
}

// owed is when somebody was told the first thing that s was not.
func (t *Table) owed(s *place) (since time.Time, late bool) {
	if s.lost { // whatever comes to it is a proof; only the time since then is known
		i := slices.IndexFunc(t.beats, func(b beat) bool { return b.number > s.at && b.first.After(s.heard) })
		if i < 0 {
			return since, false
		}
		return t.beats[i].first, true
	}
	i, _ := t.find(s.at + 1)
	if i == len(t.beats) {
		return since, false
	}
	return t.beats[i].first, true
}

func (t *Table) newest() uint64 {
	if len(t.beats) == 0 {
		return 0
	}
	return t.beats[len(t.beats)-1].number
}

// find is the beat of that number, or the next one that is remembered.
func (t *Table) find(number uint64) (i int, found bool) {
	i, _ = slices.BinarySearchFunc(t.beats, number, func(b beat, n uint64) int {
		switch {
		case b.number < n:
			return -1
		case b.number > n:
			return 1
		}
		return 0
	})
	return i, i < len(t.beats)
}

// trim forgets what everybody has heard.
func (t *Table) trim() {
	least := t.newest()
	for _, s := range t.seats {
		least = min(least, s.at)
	}
	// A beat that all have heard is needed no more, but the newest says where the table is.
	i, _ := t.find(least)
	if i = min(i, len(t.beats)-1); i > 0 {
		t.beats = slices.Delete(t.beats, 0, i)
	}
	if len(t.beats) > maxBeats {
		// The first is the last that everybody has heard, and the second says since when somebody is behind.
		t.beats = slices.Delete(t.beats, 2, len(t.beats)-maxBeats+2)
	}
}

// step says to whom an event is told.
type step uint8

const (
	private step = iota // perhaps to one seat alone
	common              // to every seat, in the same order
)

// The fields of wirepb.TableEvent.
const (
	fieldOpened = 1 + iota
	fieldHandStarted
	fieldGame
	fieldPrompt
	fieldAutoPlay // is not told to the seat itself

	fieldProlonged = 14
	fieldTurn      = 15 // first only where nothing else happened that this seat is told
)

// fieldAnswered is the field of mahjongpb.Event that only its own seat is told.
const fieldAnswered = 2

// weigh looks at an event as briefly as it can: it is called for each one that any seat is told.
// hand is that which starts, 0 = none.
func (t *Table) weigh(payload []byte, ours func(game.PlayerID) bool) (s step, hand uint32) {
	field, kind, n := protowire.ConsumeTag(payload)
	if n < 0 || kind != protowire.BytesType {
		return private, 0
	}
	body, n := protowire.ConsumeBytes(payload[n:])
	if n < 0 {
		return private, 0
	}
	switch field {
	case fieldPrompt, fieldAutoPlay, fieldProlonged, fieldTurn:
		return private, 0
	case fieldGame:
		return t.weighGame(body), 0
	case fieldHandStarted:
		var h wirepb.HandStarted
		if proto.Unmarshal(body, &h) != nil {
			return private, 0
		}
		return common, h.Hand
	case fieldOpened:
		var o wirepb.Opened
		if proto.Unmarshal(body, &o) != nil {
			return private, 0
		}
		t.open(&o, ours)
	}
	return common, 0
}

func (t *Table) weighGame(event []byte) step {
	switch t.game {
	case gomoku.Name:
		return common
	case tablegame.Name:
		if field, _, n := protowire.ConsumeTag(event); n >= 0 && field != fieldAnswered {
			return common
		}
	}
	return private // of a game that nobody here knows hands and ends are compared, and no more
}

func (t *Table) open(o *wirepb.Opened, ours func(game.PlayerID) bool) {
	if t.game != "" {
		return
	}
	t.game = o.GetGame()
	for _, s := range o.GetSeats() {
		if id := game.PlayerID(s.Player); ours(id) && t.seats[id] == nil {
			t.seats[id] = &place{}
		}
	}
}
