package outage

import (
	"math/rand/v2"
	"testing"
	"time"

	"teahouse/pkg/wire/wirepb"
)

var zero = time.Unix(1_000_000, 0)

// at is a moment of fake time, in milliseconds.
func at(ms int) time.Time { return zero.Add(time.Duration(ms) * time.Millisecond) }

func sent(id uint64, method string, table uint64) *wirepb.Envelope {
	return &wirepb.Envelope{Body: &wirepb.Envelope_Call{Call: &wirepb.Call{Id: id, Method: method, Table: table}}}
}

func reply(id uint64, code wirepb.Code) *wirepb.Envelope {
	return &wirepb.Envelope{Body: &wirepb.Envelope_Reply{Reply: &wirepb.Reply{Id: id, Code: code}}}
}

func ping() *wirepb.Envelope {
	return &wirepb.Envelope{Body: &wirepb.Envelope_Ping{Ping: &wirepb.Ping{}}}
}

func pong() *wirepb.Envelope {
	return &wirepb.Envelope{Body: &wirepb.Envelope_Pong{Pong: &wirepb.Pong{}}}
}

func hello() *wirepb.Envelope {
	return &wirepb.Envelope{Body: &wirepb.Envelope_Hello{Hello: &wirepb.Hello{}}}
}

func push() *wirepb.Envelope {
	return &wirepb.Envelope{Body: &wirepb.Envelope_Push{Push: &wirepb.Push{}}}
}

// script is a keeper on fake time.
type script struct {
	Keeper
	id uint64
}

func (s *script) send(ms int, method string) uint64 {
	s.id++
	s.Sent(sent(s.id, method, 7), at(ms))
	return s.id
}

func (s *script) answer(ms int, id uint64, code wirepb.Code) { s.Received(reply(id, code), at(ms)) }

// login logs in, or resumes.
func (s *script) login(ms int) {
	s.Sent(sent(0, "auth.resume", 0), at(ms))
	s.answer(ms, 0, wirepb.Code_OK)
}

// Every beginning and every end of an outage, and what is none.
func TestOutages(t *testing.T) {
	const unknown, busy, gone = wirepb.Code_OUTCOME_UNKNOWN, wirepb.Code_BUSY, wirepb.Code_PROMPT_GONE
	for name, c := range map[string]struct {
		play  func(s *script)
		until int // when it is looked at
		want  int // ms
		cause Cause
		open  bool // it still lasts
	}{
		"nothing": {func(s *script) {}, 9000, 0, None, false},
		"an answer": {func(s *script) {
			s.answer(140, s.send(100, "table.move"), wirepb.Code_OK)
		}, 9000, 40, Unanswered, false},
		"a refusal is an answer": {func(s *script) {
			s.answer(140, s.send(100, "table.move"), gone)
		}, 9000, 40, Unanswered, false},
		"no answer yet": {func(s *script) { s.send(100, "table.move") }, 20_100, 20_000, Unanswered, true},
		"a paused gateway answers when it goes on": {func(s *script) {
			id := s.send(100, "table.move")
			s.Sent(ping(), at(5000))
			s.answer(20_100, id, wirepb.Code_OK)
			s.Received(pong(), at(20_100))
		}, 30_000, 20_000, Unanswered, false},
		"who waits has his heartbeat": {func(s *script) {
			s.Sent(ping(), at(5000))
			s.Sent(ping(), at(10_000))
			s.Received(pong(), at(20_100))
			s.Received(pong(), at(20_100))
		}, 30_000, 15_100, Unanswered, false},
		"a heartbeat of an attempt to connect that failed is nobody's any more": {func(s *script) {
			for ms := range 3 {
				s.Sent(hello(), at(1000*ms))
				s.Sent(ping(), at(1000*ms))
			}
			s.Received(pong(), at(2005))
			s.Sent(ping(), at(9000))
			s.Received(pong(), at(9001))
		}, 20_000, 5, Unanswered, false},
		"an answered heartbeat is no answer to a move": {func(s *script) {
			s.send(0, "table.move")
			for ms := 1000; ms <= 19_000; ms += 1000 {
				s.Sent(ping(), at(ms))
				s.Received(pong(), at(ms+1))
			}
		}, 20_000, 20_000, Unanswered, true},
		"nor is a push": {func(s *script) {
			s.send(0, "table.move")
			s.Received(push(), at(5000))
		}, 20_000, 20_000, Unanswered, true},
		"an answer to something else is none": {func(s *script) {
			s.send(0, "table.move")
			s.answer(1001, s.send(1000, "queue.list"), wirepb.Code_OK)
		}, 20_000, 20_000, Unanswered, true},
		"sent again until it is decided": {func(s *script) {
			s.answer(900, s.send(0, "table.move"), unknown)
			s.answer(1700, s.send(1000, "table.move"), busy)
			s.answer(2000, s.send(1800, "table.move"), wirepb.Code_OK)
			s.answer(2050, s.send(2000, "table.move"), wirepb.Code_OK) // the next one
		}, 9000, 2000, Unanswered, false},
		"given up, and much later another of its kind": {func(s *script) {
			s.answer(30, s.send(0, "queue.join"), unknown)
			s.answer(60_040, s.send(60_000, "queue.join"), wirepb.Code_OK)
		}, 70_000, 40, Unanswered, false},
		"a lost connection of somebody who sits nowhere": {func(s *script) {
			s.Lost(at(1000))
			s.login(21_000)
		}, 30_000, 20_000, Connection, false},
		"that is not back": {func(s *script) { s.Lost(at(1000)) }, 21_000, 20_000, Connection, true},
		"told of twice": {func(s *script) {
			s.Lost(at(1000))
			s.Lost(at(5000))
			s.login(21_000)
		}, 30_000, 20_000, Connection, false},
		"logins that are refused bring nobody back": {func(s *script) {
			s.Lost(at(1000))
			s.Sent(sent(0, "auth.resume", 0), at(2000))
			s.answer(2100, 0, wirepb.Code_UNAVAILABLE)
			s.login(21_000)
		}, 30_000, 20_000, Connection, false},
		"at a table, until it has answered": {func(s *script) {
			s.Lost(at(1000))
			s.login(4000)
			s.answer(6000, s.send(4000, "table.attach"), wirepb.Code_TABLE_UNAVAILABLE)
			s.answer(11_000, s.send(6100, "table.attach"), wirepb.Code_OK)
		}, 30_000, 10_000, Connection, false},
		"an attach long after has nothing to do with it": {func(s *script) {
			s.Lost(at(1000))
			s.login(1500)
			s.answer(60_010, s.send(60_000, "table.attach"), wirepb.Code_OK)
		}, 70_000, 500, Connection, false},
		"a half-dead connection accepts everything until it is given up": {func(s *script) {
			s.send(1000, "table.move")
			s.Sent(ping(), at(5000))
			s.Lost(at(31_000))
			s.login(31_500)
			s.answer(31_600, s.send(31_500, "table.attach"), wirepb.Code_OK)
			s.answer(31_700, s.send(31_600, "table.move"), wirepb.Code_OK)
		}, 60_000, 30_700, Unanswered, false},
		"lost again before the table has answered": {func(s *script) {
			s.Lost(at(1000))
			s.login(2000)
			s.send(2000, "table.attach")
			s.Lost(at(3000))
			s.login(4000)
			s.answer(5000, s.send(4000, "table.attach"), wirepb.Code_OK)
		}, 9000, 4000, Connection, false},
		"told late": {func(s *script) { s.Late(at(1000), at(4000)) }, 9000, 3000, Unheard, false},
		"the longest of several": {func(s *script) {
			s.answer(50, s.send(0, "table.move"), wirepb.Code_OK)
			s.Late(at(1000), at(1100))
			s.answer(2070, s.send(2000, "table.move"), wirepb.Code_OK)
		}, 9000, 100, Unheard, false},
		"what was before is forgotten": {func(s *script) {
			s.answer(5000, s.send(0, "table.move"), wirepb.Code_OK)
			s.Forget(at(6000))
			s.answer(6030, s.send(6000, "table.move"), wirepb.Code_OK)
		}, 9000, 30, Unanswered, false},
		"of what lasts the rest counts": {func(s *script) {
			s.send(0, "table.move")
			s.Forget(at(6000))
		}, 9000, 3000, Unanswered, true},
		"the first login": {func(s *script) {
			s.Sent(sent(0, "auth.guest", 0), at(0))
			s.Sent(sent(0, "auth.guest", 0), at(3000)) // the first attempt came to nothing
			s.answer(4000, 0, wirepb.Code_OK)
		}, 9000, 4000, Unanswered, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := &script{}
			c.play(s)
			got := s.Longest(at(c.until))
			if got.Length() != time.Duration(c.want)*time.Millisecond || got.Cause != c.cause {
				t.Errorf("%v by %v, want %d ms by %v", got.Length(), got.Cause, c.want, c.cause)
			}
			if open, ok := s.Open(at(c.until)); ok != c.open || ok && open != got {
				t.Errorf("open: %v %v, longest %v", open, ok, got)
			}
		})
	}
}

func TestOut(t *testing.T) {
	s := &script{}
	s.answer(1000, s.send(0, "table.move"), wirepb.Code_OK)
	s.Late(at(500), at(1500)) // overlaps
	s.answer(3050, s.send(3000, "table.move"), wirepb.Code_OK)
	s.Lost(at(5000))
	for _, c := range []struct{ from, to, want int }{
		{0, 4000, 1500}, {200, 1200, 1000}, {1500, 5000, 0}, {4000, 7000, 2000}, {9000, 10_000, 1000}, {2000, 2000, 0},
	} {
		if got := s.Out(at(c.from), at(c.to)); got != time.Duration(c.want)*time.Millisecond {
			t.Errorf("%+v: %v", c, got)
		}
	}
}

func TestKeeperIsBounded(t *testing.T) {
	s := &script{}
	for i := range 2000 {
		s.Sent(ping(), at(i*1000))
		s.Late(at(i*1000), at(i*1000+500))
	}
	if len(s.pings) > maxPings || len(s.spans) > maxSpans {
		t.Errorf("%d pings, %d spans", len(s.pings), len(s.spans))
	}
	if got := s.Longest(at(2_000_000)); got.Length() != 2000*time.Second {
		t.Errorf("%v: the oldest heartbeat is the one that counts", got.Length())
	}
}

// A player and a server of chance, and the truth: from each first sending to its decision, from each
// loss to the answer that ends it. Never less is reported, and nothing that did not happen.
func TestAgainstTheTruth(t *testing.T) {
	for seed := range uint64(2000) {
		r := rand.New(rand.NewPCG(seed, 1))
		s := &script{}
		now, longest := 0, 0
		pass := func() { now += r.IntN(700) }
		down := -1     // since when
		var first = -1 // the first sending of the move that is not decided
		var id uint64  // of its newest sending; 0 = it is not on its way
		var attachID uint64
		attachSince := -1
		end := func(since int) {
			if since >= 0 {
				longest = max(longest, now-since)
			}
		}
		for range 40 {
			pass()
			switch {
			case down >= 0: // it comes back
				s.login(now)
				end(down)
				attachSince, down = down, -1
				attachID = s.send(now, "table.attach")
			case r.IntN(8) == 0:
				s.Lost(at(now))
				down = now
				for _, since := range []int{first, attachSince} {
					if id != 0 && since == first && since >= 0 || attachID != 0 && since == attachSince && since >= 0 {
						down = min(down, since)
					}
				}
				id, attachID, attachSince = 0, 0, -1
			case attachID != 0:
				s.answer(now, attachID, wirepb.Code_OK)
				end(attachSince)
				attachID, attachSince = 0, -1
				if first >= 0 {
					id = s.send(now, "table.move") // again
				}
			case first < 0:
				first, id = now, s.send(now, "table.move")
			case r.IntN(4) == 0:
				s.answer(now, id, wirepb.Code_OUTCOME_UNKNOWN)
				end(first)
				id = s.send(now, "table.move")
			default:
				s.answer(now, id, wirepb.Code_OK)
				end(first)
				first, id = -1, 0
			}
			lasts := longest
			for _, since := range []int{down, attachSince} {
				if since >= 0 {
					lasts = max(lasts, now-since)
				}
			}
			if id != 0 {
				lasts = max(lasts, now-first)
			}
			if got := s.Longest(at(now)).Length(); got != time.Duration(lasts)*time.Millisecond {
				t.Fatalf("seed %d: %v, the truth is %d ms", seed, got, lasts)
			}
		}
	}
}
