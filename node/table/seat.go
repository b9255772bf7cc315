package table

import (
	"teahouse/pkg/game"
	"teahouse/pkg/wire/wirepb"
)

type seat struct {
	player game.PlayerID // 0 = a player made of code
	name   string
	total  int64 // points of the round's ended hands
	left   bool  // needs nothing more of the table

	auto     bool
	timeouts uint32 // in a row; two start auto-play
	switches uint32 // requests to switch auto-play since the deal

	// What the other seats are told of auto. It follows from nothing but what they see:
	// from requests and detachments, and from prompts that are no secret.
	autoShown  bool
	unattended uint32 // such prompts that the clock answered, in a row

	// The session that gets the pushes. attachment counts attaches, so that a
	// Detach that was decided before the last one does nothing. Epochs never
	// fall.
	attached   bool
	attachment uint64
	epoch      uint64
	gateway    string
	session    uint64

	nonce []byte // for the hand that was committed to; nil = none yet

	// The last accepted move; its reply follows from its number.
	number uint64
	hash   uint64

	stream stream
	prompt prompt
}

// bot tells that the seat belongs to a player made of code.
func (s *seat) bot() bool { return s.player == 0 }

// prompt is the open question to a seat, or one with number 0. Its number is
// that of its event in the seat's stream.
type prompt struct {
	number uint64
	serial uint32 // the game's
	opened uint64 // log time; TookOver opens it anew
	limit  uint32 // milliseconds
	due    uint64 // opened+limit, sooner in auto-play
}

// stream numbers what one viewer is told, from 1. Kept is the end of the hand
// before and all of the current hand. Payloads and the array behind events are
// never written again, so snapshots may share them.
type stream struct {
	dropped uint64 // events 1 to dropped are no longer kept
	events  [][]byte
	handEnd uint64 // number of the last HandEnded event
}

// StreamEvent is one event of a viewer's stream; Payload is a
// wirepb.TableEvent.
type StreamEvent struct {
	Number  uint64
	Payload []byte
}

func (s *stream) last() uint64 { return s.dropped + uint64(len(s.events)) }

func (s *stream) at(number uint64) []byte { return s.events[number-s.dropped-1] }

func (s *stream) append(payload []byte) uint64 {
	s.events = append(s.events, payload)
	return s.last()
}

// rollBack takes the events behind number away. Clipping makes the next append
// copy, because an older snapshot may share the array.
func (s *stream) rollBack(number uint64) {
	s.handEnd = min(s.handEnd, number)
	if number <= s.dropped {
		s.dropped, s.events = number, nil
		return
	}
	n := number - s.dropped
	s.events = s.events[:n:n]
}

// trim drops the events before the last HandEnded.
func (s *stream) trim() {
	if s.handEnd <= s.dropped {
		return
	}
	s.events = append([][]byte(nil), s.events[s.handEnd-1-s.dropped:]...)
	s.dropped = s.handEnd - 1
}

// tell adds an event to every stream.
func (t *Table) tell(e *wirepb.TableEvent) {
	payload := encode(e)
	for i := range t.seats {
		t.show(i, payload)
	}
}

// show adds an event to one stream and returns its number.
func (t *Table) show(seat int, payload []byte) uint64 {
	s := t.seats[seat]
	n := s.stream.append(payload)
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

// seatOf finds the seat of a player who exists.
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
