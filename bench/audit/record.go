package audit

import (
	"bytes"
	"sort"
	"time"

	"github.com/cespare/xxhash/v2"

	"teahouse/pkg/game"
)

// Seat is what one client experienced at one table.
type Seat struct {
	Player game.PlayerID
	// Cut is when the client stopped listening although the table went on; zero = it
	// stayed to the end. What it did not hear is then no finding.
	Cut time.Time
	// Out is how much of the time between two moments the client could not act or not
	// hear; nil = never.
	Out    func(from, to time.Time) time.Duration
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
	again     uint64 // what was asked for again has come up to here
	disorder  int    // messages that came twice unasked, late or too early
}

// span is an event whose payload ends at end in data and begins where the previous one ends.
type span struct {
	number uint64
	end    int
	at     int64 // when it came, Unix nanoseconds
}

type snapshot struct {
	number  uint64 // of the last event in it
	payload []byte
}

// Event notes a push of kind EVENT. An event that is not the next one counts as
// wrong: between a gateway and its client nothing comes twice and nothing is left
// out.
func (s *Stream) Event(number uint64, payload []byte, at time.Time) {
	if number == s.again+1 && number <= s.last {
		s.again = number
		if old, ok := s.at(number); ok && !bytes.Equal(old, payload) {
			s.disorder++
		}
		return
	}
	if number != s.last+1 {
		s.disorder++
		return
	}
	s.last, s.again = number, number
	s.data = append(s.data, payload...)
	s.events = append(s.events, span{number, len(s.data), at.UnixNano()})
}

// Again says that the client asks for the events behind number, which may have come before:
// it keeps a bounded number of them.
func (s *Stream) Again(number uint64) { s.again = number }

// Snapshot notes a push of kind SNAPSHOT, which stands for all events up to
// number. One that lies behind what the client knows counts as wrong: only
// somebody who has slept through it would send it.
func (s *Stream) Snapshot(number uint64, payload []byte) {
	if number < s.last {
		s.disorder++
		return
	}
	s.last, s.again = number, number
	s.snapshots = append(s.snapshots, snapshot{number, append([]byte(nil), payload...)})
}

// Size is about how many bytes the stream occupies.
func (s *Stream) Size() int { return cap(s.data) + 24*cap(s.events) }

// at is the payload of an event.
func (s *Stream) at(number uint64) (payload []byte, ok bool) {
	i := sort.Search(len(s.events), func(i int) bool { return s.events[i].number >= number })
	if i == len(s.events) || s.events[i].number != number {
		return nil, false
	}
	return s.payload(i), true
}

// when is the time at which an event came.
func (s *Stream) when(number uint64) (at time.Time, ok bool) {
	i := sort.Search(len(s.events), func(i int) bool { return s.events[i].number >= number })
	if i == len(s.events) || s.events[i].number != number {
		return at, false
	}
	return time.Unix(0, s.events[i].at), true
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
