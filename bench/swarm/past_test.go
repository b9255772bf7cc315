package swarm

import (
	"testing"

	"google.golang.org/protobuf/proto"

	"teahouse/bench/audit"
	"teahouse/pkg/game"
	"teahouse/pkg/wire/wirepb"
)

// What a woken process could say too late is counted, whatever it is.
func TestStrays(t *testing.T) {
	here, gone := game.MakeTableID(1, 2), game.MakeTableID(1, 1)
	event := func(table game.TableID, kind wirepb.Push_Kind, number uint64) *wirepb.Push {
		return &wirepb.Push{Kind: kind, Table: uint64(table), Number: number}
	}
	matched := func(table game.TableID) *wirepb.Push {
		payload, err := proto.Marshal(&wirepb.Notice{Body: &wirepb.Notice_Matched{Matched: &wirepb.Matched{Ticket: 1, Table: uint64(table)}}})
		if err != nil {
			t.Fatal(err)
		}
		return &wirepb.Push{Kind: wirepb.Push_NOTICE, Payload: payload}
	}
	for name, c := range map[string]struct {
		push  *wirepb.Push
		stray bool
	}{
		"an event":                         {event(here, wirepb.Push_EVENT, 1), false},
		"a match":                          {matched(here), false},
		"an event of a table that is over": {event(gone, wirepb.Push_EVENT, 9), true},
		"a view of a table that is over":   {event(gone, wirepb.Push_SNAPSHOT, 9), true},
		"the match for it":                 {matched(gone), true},
		"a hint that is none":              {&wirepb.Push{Kind: wirepb.Push_NOTICE, Payload: []byte{0xff}}, true},
	} {
		t.Run(name, func(t *testing.T) {
			s := &Swarm{book: newBook(nil, 1)}
			p := newPlayer(s, 0)
			p.past.left(gone)
			seat := &seat{table: here, heard: s.hearing.at(here), Seat: audit.Seat{}}
			p.seat.Store(seat)
			p.received(&wirepb.Envelope{Body: &wirepb.Envelope_Push{Push: c.push}})
			if got := s.book.result.EventsWrong == 1; got != c.stray || (len(s.book.result.Notes) == 1) != c.stray {
				t.Errorf("%+v", s.book.result)
			}
		})
	}
	t.Run("an event to somebody who sits nowhere", func(t *testing.T) {
		s := &Swarm{book: newBook(nil, 1)}
		newPlayer(s, 0).received(&wirepb.Envelope{Body: &wirepb.Envelope_Push{Push: event(here, wirepb.Push_EVENT, 1)}})
		if s.book.result.EventsWrong != 1 {
			t.Errorf("%+v", s.book.result)
		}
	})
}

// What is said after the run's end, to a seat that the grace has broken off, is no stray; while the
// others still play, that seat goes on listening.
func TestBrokenOff(t *testing.T) {
	table := game.MakeTableID(1, 2)
	s := &Swarm{book: newBook(nil, 1), cfg: Config{Acknowledged: func(game.TableID, game.PlayerID, audit.Move) {}}}
	p := newPlayer(s, 0)
	taken := &seat{table: table, heard: s.hearing.at(table)}
	p.seat.Store(taken)
	p.cut = &sitting{player: p, seat: taken}
	push := func(number uint64) {
		p.received(&wirepb.Envelope{Body: &wirepb.Envelope_Push{Push: &wirepb.Push{Kind: wirepb.Push_EVENT, Table: uint64(table), Number: number}}})
	}
	push(1)
	s.deaf.Store(true)
	p.cutOff()
	push(2)
	if s.book.result.EventsWrong != 0 || taken.Stream.Size() == 0 || len(s.book.open[table].seats) != 1 || len(s.hearing.open) != 0 {
		t.Errorf("%+v, %q, %d tables are open", s.book.result.Audit, s.book.result.Notes, len(s.hearing.open))
	}
}
