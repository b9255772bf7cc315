package audit

import (
	"sort"

	"github.com/cespare/xxhash/v2"

	"teahouse/pkg/game"
)

// Seat is what one client experienced at one table.
type Seat struct {
	Player game.PlayerID
	// Steady means that the client stayed connected as long as it sat there, so none of its prompts
	// may have timed out.
	Steady bool
	Stream Stream
	Moves  []Move
}

// Move is a move that the client has sent.
type Move struct {
	Prompt uint64
	Number uint64 // 0 = not acknowledged
	Hash   uint64 // of its payload, by HashMove
}

// HashMove is Move.Hash of a payload.
func HashMove(payload []byte) uint64 { return xxhash.Sum64(payload) }

// Stream is what a table pushed to a seat, in order of arrival. The zero value is empty. It holds
// no pointer per event, so that a million of them cost the garbage collector nothing.
type Stream struct {
	data      []byte
	events    []span
	snapshots []snapshot
	last      uint64 // number of the newest event
	disorder  int    // messages that were repeated, late or too early
}

// span is an event whose payload ends at end in data and begins where the previous one ends.
type span struct {
	number uint64
	end    int
}

type snapshot struct {
	number  uint64 // of the last event in it
	payload []byte
}

// Event records a push of kind EVENT. An event that is not the next one counts as wrong: between a
// gateway and its client nothing is repeated or left out.
func (s *Stream) Event(number uint64, payload []byte) {
	if number != s.last+1 {
		s.disorder++
		return
	}
	s.last = number
	s.data = append(s.data, payload...)
	s.events = append(s.events, span{number, len(s.data)})
}

// Snapshot records a push of kind SNAPSHOT, which replaces all events up to number. One that is
// behind what the client knows counts as wrong: only an outdated sender would send it.
func (s *Stream) Snapshot(number uint64, payload []byte) {
	if number < s.last {
		s.disorder++
		return
	}
	s.last = number
	s.snapshots = append(s.snapshots, snapshot{number, append([]byte(nil), payload...)})
}

// Size is the approximate memory of the stream in bytes.
func (s *Stream) Size() int { return cap(s.data) + 16*cap(s.events) }

// at is the payload of an event.
func (s *Stream) at(number uint64) (payload []byte, ok bool) {
	i := sort.Search(len(s.events), func(i int) bool { return s.events[i].number >= number })
	if i == len(s.events) || s.events[i].number != number {
		return nil, false
	}
	return s.payload(i), true
}

func (s *Stream) payload(i int) []byte {
	begin := 0
	if i > 0 {
		begin = s.events[i-1].end
	}
	return s.data[begin:s.events[i].end]
}

// skipped reports whether a snapshot replaced the event.
func (s *Stream) skipped(number uint64) bool {
	for _, snap := range s.snapshots {
		if number <= snap.number {
			return true
		}
	}
	return false
}
