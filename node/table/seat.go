package table

import (
	"math"

	"teahouse/pkg/game"
	"teahouse/pkg/wire/wirepb"
)

type seat struct {
	player game.PlayerID // 0 = a bot
	name   string
	total  int64 // points of the round's ended hands
	left   bool  // the player needs nothing more from the table

	auto     bool   // auto-play is on
	timeouts uint32 // in a row; two turn auto-play on
	switches uint32 // requests to switch auto-play since the deal

	// autoShown is what the other seats are told about auto. It must not reveal secret prompts, so it
	// depends only on what they see: requests, detachments and prompts that are not secret.
	autoShown  bool
	unattended uint32 // prompts that are not secret and timed out, in a row

	// The session that gets the pushes. attachment counts attaches, so that a Detach that was
	// proposed before the last attach has no effect. The epoch never decreases.
	attached   bool
	attachment uint64
	epoch      uint64
	gateway    string
	session    uint64

	nonce []byte // for the hand that was committed to; nil = none yet

	// With a clock only.
	reserve uint32 // milliseconds left in this hand
	grace   uint32 // milliseconds, of the newest lag
	ready   bool   // for the next hand
	here    bool   // what the seats were told about attached
	comings uint32 // how often they were told so since the deal

	// The number and content hash of the last accepted move. Its reply can be made from its number.
	number uint64
	hash   uint64

	stream stream
	prompt prompt
}

// bot reports whether the seat is a bot's.
func (s *seat) bot() bool { return s.player == 0 }

// prompt is the open prompt of a seat; number 0 = none. Its number is that of its event in the seat's
// stream.
type prompt struct {
	number uint64
	serial uint32 // the game's number of the prompt
	opened uint64 // log time; set again by TookOver
	due    uint64 // log time; earlier in auto-play

	// Milliseconds, as the seat was told.
	limit   uint32
	reserve uint32

	secret bool // of a table with a clock
}

// stream holds the events for one seat, numbered from 1. It keeps the end of the previous hand and all
// of the current one. Payloads and the array behind events are never modified, so snapshots may
// share them.
type stream struct {
	dropped uint64 // events 1 to dropped are no longer kept
	events  [][]byte
	times   []uint64 // by event: log time
	handEnd uint64   // number of the last HandEnded event
}

// StreamEvent is one event of a seat's stream; Payload is a wirepb.TableEvent.
type StreamEvent struct {
	Number  uint64
	Payload []byte
}

func (s *stream) last() uint64 { return s.dropped + uint64(len(s.events)) }

func (s *stream) at(number uint64) []byte { return s.events[number-s.dropped-1] }

// happenedAt returns the log time of an event that is kept.
func (s *stream) happenedAt(number uint64) uint64 { return s.times[number-s.dropped-1] }

func (s *stream) append(payload []byte, now uint64) uint64 {
	s.events = append(s.events, payload)
	s.times = append(s.times, now)
	return s.last()
}

// forget drops all events; their numbers stay used.
func (s *stream) forget() {
	*s = stream{dropped: s.last(), handEnd: min(s.handEnd, s.last())}
}

// rollBack removes the events after number. It clips the capacity so that the next append copies,
// because an older snapshot may share the array.
func (s *stream) rollBack(number uint64) {
	s.handEnd = min(s.handEnd, number)
	if number <= s.dropped {
		s.dropped, s.events, s.times = number, nil, nil
		return
	}
	n := number - s.dropped
	s.events, s.times = s.events[:n:n], s.times[:n]
}

// trim drops the events before the last HandEnded.
func (s *stream) trim() {
	if s.handEnd <= s.dropped {
		return
	}
	s.events = append([][]byte(nil), s.events[s.handEnd-1-s.dropped:]...)
	s.times = append([]uint64(nil), s.times[s.handEnd-1-s.dropped:]...)
	s.dropped = s.handEnd - 1
}

// steps returns the times of the kept events: the first one, then how much later each of the others was.
func (s *stream) steps() []uint64 {
	steps := make([]uint64, len(s.times))
	for i, at := range s.times {
		steps[i] = at
		if i > 0 {
			steps[i] -= s.times[i-1]
		}
	}
	return steps
}

// walk is the inverse of steps. Where the times are not known, nothing is old.
func (s *stream) walk(steps []uint64) {
	s.times = make([]uint64, len(s.events))
	at := uint64(0)
	for i := range s.times {
		if len(steps) != len(s.times) {
			s.times[i] = math.MaxUint64
			continue
		}
		at += steps[i]
		s.times[i] = at
	}
}

// broadcast adds an event to every stream.
func (t *Table) broadcast(e *wirepb.TableEvent) {
	payload := encode(e)
	for i := range t.seats {
		t.emit(i, payload)
	}
}

// emit adds an event to one stream, pushes it if the seat is attached, and returns its number.
func (t *Table) emit(seat int, payload []byte) uint64 {
	s := t.seats[seat]
	n := s.stream.append(payload, t.now)
	t.push(seat, wirepb.Push_EVENT, n, payload)
	return n
}

func (t *Table) push(seat int, kind wirepb.Push_Kind, number uint64, payload []byte) {
	s := t.seats[seat]
	if !s.attached {
		return
	}
	t.out.Pushes = append(t.out.Pushes, Push{
		Seat: seat, Gateway: s.gateway, Session: s.session, Epoch: s.epoch,
		Kind: kind, Number: number, Payload: payload,
	})
}

// seatOf finds the seat of a player; 0, which marks bots, has none.
func (t *Table) seatOf(player uint64) (int, *seat, error) {
	if player != 0 {
		for i, s := range t.seats {
			if uint64(s.player) == player {
				return i, s, nil
			}
		}
	}
	return 0, nil, game.Errorf(wirepb.Code_NOT_SEATED, "player %d does not sit at table %v", player, t.id)
}
