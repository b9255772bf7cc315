package session

import (
	"teahouse/pkg/game"
	"teahouse/pkg/planted"
	"teahouse/pkg/wire/wirepb"
)

// stream decides which of a table's pushes a client gets: exactly the next event, each once. It is
// pure; the zero value is attached to no table.
type stream struct {
	table   game.TableID // 0 = none
	last    uint64       // number of the last event or snapshot forwarded
	rewind  bool         // accept the next snapshot whatever its number
	open    int          // attaches in flight, the client's and ours
	opening game.TableID // the client's last attach, answered or not
	wanted  bool         // attach again once none is in flight
	waiting bool         // the client was told that nobody runs the table
}

// verdict is what to do with a push.
type verdict int

const (
	drop    verdict = iota // not of this stream
	repeat                 // forwarded before
	gap                    // something before it is missing: attach again
	forward                // the next one
)

// push judges an event or a snapshot.
func (s *stream) push(kind wirepb.Push_Kind, table game.TableID, number uint64) verdict {
	switch {
	case table != s.table || table == 0:
		return drop
	case kind == wirepb.Push_SNAPSHOT && number < s.last && !s.rewind:
		return repeat
	case kind == wirepb.Push_SNAPSHOT:
		s.last, s.rewind = number, false
		return forward
	case kind != wirepb.Push_EVENT:
		return drop
	case number == s.last && planted.Is(planted.ForwardedTwice):
		return forward
	case number <= s.last:
		return repeat
	case number > s.last+1:
		s.wanted = true
		return gap
	}
	s.last = number
	return forward
}

// led records that the group has a new leader, or the old one on a new link. An attach in flight
// does not make up for it: the previous leader may be the one that answers.
func (s *stream) led(group game.GroupID) {
	if planted.Is(planted.NoReattach) {
		return
	}
	if s.of(group) || s.open > 0 && s.opening.Shard() == group {
		s.wanted = true
	}
}

// wait reports whether to tell the client that nobody runs its table, if it is one of the group's.
func (s *stream) wait(group game.GroupID) bool {
	if !s.of(group) || s.waiting {
		return false
	}
	s.waiting = true
	return true
}

// hear reports whether the client has to be told that its table is heard again.
func (s *stream) hear() bool {
	was := s.waiting
	s.waiting = false
	return was
}

// of reports whether the stream is that of a table of the group.
func (s *stream) of(group game.GroupID) bool { return s.table != 0 && s.table.Shard() == group }

// begin records that the client's attach is in flight.
func (s *stream) begin(table game.TableID) {
	s.open++
	s.opening = table
}

// take reports whether to attach again now and after which event, and records that this is in
// flight.
func (s *stream) take() (table game.TableID, last uint64, ok bool) {
	if !s.wanted || s.open > 0 || s.table == 0 {
		return 0, 0, false
	}
	s.wanted = false
	s.open++
	return s.table, s.last, true
}

// attached takes the answer to an attach after event last. Own means that the stream, not the
// client, asked. Ended reports that the stream is over and the client does not know; heard, that
// somebody runs the table again although the client was told otherwise.
func (s *stream) attached(table game.TableID, last uint64, own bool, code wirepb.Code) (ended, heard bool) {
	s.open--
	if own && table != s.table {
		return false, false // the client has gone to another table since
	}
	switch {
	case attaches(code):
		heard = s.hear() && table == s.table
		if !own {
			s.table, s.last = table, last
		}
		s.rewind = code == wirepb.Code_RESUME_INVALID
	case !own:
		// The client knows; its previous stream, if any, goes on.
	case unsettled(code):
		s.wanted = true // the sweep tries again
	default:
		s.end(table)
		return true, false
	}
	return false, heard
}

// attaches reports whether an attach that was answered with code has taken effect.
func attaches(code wirepb.Code) bool {
	return code == wirepb.Code_OK || code == wirepb.Code_RESUME_INVALID
}

// end forgets the table, if it is the current one.
func (s *stream) end(table game.TableID) {
	if table == s.table {
		*s = stream{open: s.open, opening: s.opening}
	}
}
