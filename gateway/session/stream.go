package session

import (
	"teahouse/pkg/game"
	"teahouse/pkg/planted"
	"teahouse/pkg/wire/wirepb"
)

// stream decides what of a table's pushes a client gets: exactly the next event, each once.
// It is pure. The zero value is attached to no table.
type stream struct {
	table   game.TableID // 0 = none
	last    uint64       // number of the last event or snapshot forwarded
	rewind  bool         // the next snapshot counts, whatever its number
	open    int          // attaches on their way, the client's and ours
	opening game.TableID // what the client attached to last, answered or not
	wanted  bool         // attach again once none is on its way
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

// led notes that the group has a new leader, or the old one on a new link. An attach that is on
// its way counts too: the answer that comes may be that of the leader before.
func (s *stream) led(group game.GroupID) {
	if planted.Is(planted.NoReattach) {
		return
	}
	if s.table != 0 && s.table.Shard() == group || s.open > 0 && s.opening.Shard() == group {
		s.wanted = true
	}
}

// begin notes that the client's attach is on its way.
func (s *stream) begin(table game.TableID) {
	s.open++
	s.opening = table
}

// take reports whether to attach again now, with which last event, and notes that this is
// on its way.
func (s *stream) take() (table game.TableID, last uint64, ok bool) {
	if !s.wanted || s.open > 0 || s.table == 0 {
		return 0, 0, false
	}
	s.wanted = false
	s.open++
	return s.table, s.last, true
}

// attached takes the answer to an attach from the event last on. Own says that the stream,
// not the client, asked for it. Ended reports that the stream is over, which the client does
// not know.
func (s *stream) attached(table game.TableID, last uint64, own bool, code wirepb.Code) (ended bool) {
	s.open--
	if own && table != s.table {
		return false // the client has gone to another table meanwhile
	}
	switch {
	case attaches(code):
		if !own {
			s.table, s.last = table, last
		}
		s.rewind = code == wirepb.Code_RESUME_INVALID
	case !own:
		// The client knows, and the stream before, if any, goes on.
	case unsettled(code):
		s.wanted = true // the sweep tries again
	default:
		s.end(table)
		return true
	}
	return false
}

// attaches reports whether an attach that was answered with code has had its effect.
func attaches(code wirepb.Code) bool {
	return code == wirepb.Code_OK || code == wirepb.Code_RESUME_INVALID
}

// end forgets the table, if it is that one.
func (s *stream) end(table game.TableID) {
	if table == s.table {
		*s = stream{open: s.open, opening: s.opening}
	}
}
