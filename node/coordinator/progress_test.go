package coordinator

import (
	"fmt"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	"teahouse/node/coordinator/coordpb"
	"teahouse/pkg/link/linkpb"
	"teahouse/pkg/wire/wirepb"
)

// told returns the progress that was pushed since the last call, by ticket.
func (s *stepped) told() map[uint64]*wirepb.Progress {
	s.t.Helper()
	all := make(map[uint64]*wirepb.Progress)
	for _, p := range s.pushed {
		n := &wirepb.Notice{}
		if p.Kind != wirepb.Push_NOTICE || p.Session != 7 || proto.Unmarshal(p.Payload, n) != nil {
			s.t.Fatalf("pushed %v", p)
		}
		if m := n.GetProgress(); m != nil {
			if all[m.Ticket] != nil {
				s.t.Errorf("ticket %d told twice", m.Ticket)
			}
			all[m.Ticket] = m
		}
	}
	s.pushed = nil
	return all
}

// pass lets time pass in the steps of the loop.
func (s *stepped) pass(d time.Duration) {
	s.t.Helper()
	const step = 100 * time.Millisecond
	for end := s.now.Add(d); s.now.Before(end); {
		s.now = s.now.Add(min(step, end.Sub(s.now)))
		s.step()
		for len(s.proposed) > 0 {
			s.land(nil)
		}
	}
}

func TestProgressIsTold(t *testing.T) {
	s := newStepped(t, nil)
	s.lead(true)
	s.settle()
	s.queue(1)
	if told := s.told(); len(told) != 0 {
		t.Errorf("together with the answer to the join: %v", told)
	}
	s.pass(overviewEvery)
	if m := s.told()[1]; m.GetPeople() != 1 || m.GetSeats() != 4 || m.GetBotsInMs() != 0 || m.GetWaitMs() != 0 {
		t.Fatalf("alone: %v", m)
	}
	s.queue(1)
	s.told()
	s.pass(overviewEvery)
	told := s.told()
	if len(told) != 2 || told[1].GetPeople() != 2 || told[2].GetPeople() != 2 || told[1].GetWaitedMs() < 1000 || told[1].GetWaitedMs() <= told[2].GetWaitedMs() {
		t.Fatalf("two: %v", told)
	}
	s.pass(overviewEvery)
	if told := s.told(); len(told) != 0 {
		t.Errorf("nothing is new: %v", told)
	}
	s.pass(repeatProgress)
	if told := s.told(); len(told) != 2 || told[1].GetWaitedMs() < uint32(repeatProgress.Milliseconds()) {
		t.Errorf("a push may have been lost: %v", told)
	}
	got := s.ask(requestOf("queue.cancel", &wirepb.LoginReply{Player: 1, Epoch: 1}, &wirepb.CancelRequest{Number: 2, Ticket: 1}))
	s.pass(overviewEvery)
	if told := s.told(); (*got)[0].Code != wirepb.Code_OK || len(told) != 1 || told[2].GetPeople() != 1 {
		t.Errorf("one has left: %v", told)
	}
	s.lead(false)
	s.pass(2 * repeatProgress)
	if told := s.told(); len(told) != 0 {
		t.Errorf("not the leader: %v", told)
	}
	s.lead(true)
	s.pass(overviewEvery)
	s.told()
	s.lead(false)
	s.lead(true)
	s.pass(overviewEvery)
	if told := s.told(); len(told) != 1 {
		t.Errorf("a new leadership knows of nobody what it was told: %v", told)
	}
}

// Where bots fill the tables, a ticket is told when; nobody is said to wait longer than that.
func TestProgressWithBots(t *testing.T) {
	s := newStepped(t, nil)
	s.lead(true)
	s.settle()
	var p wirepb.LoginReply
	got := s.ask(&linkpb.Request{Method: "auth.guest", Session: 7})
	s.settle()
	if err := proto.Unmarshal((*got)[0].Payload, &p); err != nil {
		t.Fatal(err)
	}
	s.ask(requestOf("queue.join", &p, &wirepb.JoinRequest{Number: 1, Queue: "standard"}))
	bound := func() *wirepb.Progress {
		t.Helper()
		got := s.ask(requestOf("queue.binding", &p, &wirepb.BindingRequest{}))
		for len(s.proposed) > 0 {
			s.land(nil)
		}
		m := &wirepb.BindingReply{}
		if len(*got) != 1 || proto.Unmarshal((*got)[0].Payload, m) != nil || m.Ticket != 1 {
			t.Fatalf("binding: %v", *got)
		}
		return m.Progress
	}
	s.pass(3 * time.Second)
	s.c.waits.note([]wait{{queueKey{modeKey{"standard", "xuezhan"}, 1, 4}, 4000}}, s.c.Counts().NowMs)
	s.pass(overviewEvery)
	m := bound()
	if m.GetWaitedMs() < 3500 || m.GetBotsInMs() > 6500 || m.GetBotsInMs() < 5500 || m.GetWaitMs() > 500 || m.GetWaitMs() == 0 {
		t.Errorf("others had waited for 4 s: %v", m)
	}
	s.pass(2 * time.Second)
	if m = bound(); m.GetWaitMs() != m.GetBotsInMs() || m.GetBotsInMs() > 4500 {
		t.Errorf("others had waited less: %v", m)
	}
	s.pass(6 * time.Second)
	if len(s.created) != 1 {
		t.Fatal("no table")
	}
	if m = bound(); m != nil { // matched, not confirmed
		t.Errorf("it waits no more: %v", m)
	}
}

// No more are told than the bound after each look, and nobody is left out for long.
func TestProgressIsBounded(t *testing.T) {
	w := newWorld(t, func(s *coordpb.Settings) { s.MaxTickets, s.MaxIdle = 10_000, 10_000 })
	const tickets = 2*maxProgress + 500
	for i := range tickets {
		// Each alone with a wish of its own, as far as the queues have so many.
		if r := w.one(joinFor(w.one(guest("")), 1, "bench", uint32(1+i%3), 0)); r.code != wirepb.Code_OK {
			t.Fatal(r.code)
		}
	}
	cfg := testConfig()
	pushes := 0
	seen := make(map[uint64]int)
	cfg.Push = func(_ string, p *linkpb.Push) {
		n := &wirepb.Notice{}
		if err := proto.Unmarshal(p.Payload, n); err != nil {
			t.Error(err)
		}
		seen[n.GetProgress().GetTicket()]++
		pushes++
	}
	c, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	c.state = w.state
	var tell teller
	now := time.Unix(1000, 0)
	w.do(firstProgress)
	for round := 1; round <= 5; round++ {
		pushes = 0
		for range 10 {
			now = now.Add(overviewEvery / 10)
			tell.tell(c, now)
		}
		if want := min(maxProgress, tickets-(round-1)*maxProgress); pushes != max(0, want) {
			t.Errorf("round %d: %d told, want %d", round, pushes, max(0, want))
		}
	}
	if len(seen) != tickets || len(tell.told) != tickets {
		t.Errorf("%d of %d tickets were told, %d are remembered", len(seen), tickets, len(tell.told))
	}
	if n := c.Counts().Progress; n != tickets {
		t.Errorf("%d counted", n)
	}
	// Repetitions are bounded too, and in turn.
	for range 30 {
		pushes = 0
		now = now.Add(overviewEvery)
		if tell.tell(c, now); pushes > maxProgress {
			t.Fatalf("%d told at once", pushes)
		}
	}
	least, most := tickets, 0
	for _, n := range seen {
		least, most = min(least, n), max(most, n)
	}
	if least < 5 || most > least+1 {
		t.Errorf("some were told %d times, others %d times", least, most)
	}
}

// While there is always something new for everybody, all are told in turn; it is news how long one will wait.
func TestProgressInTurn(t *testing.T) {
	w := newWorld(t, func(s *coordpb.Settings) { s.MaxTickets, s.MaxIdle = 10_000, 10_000 })
	w.queued(2*maxProgress+500, "bench")
	cfg := testConfig()
	seen := make(map[uint64]int)
	cfg.Push = func(_ string, p *linkpb.Push) {
		n := &wirepb.Notice{}
		if err := proto.Unmarshal(p.Payload, n); err != nil {
			t.Error(err)
		}
		seen[n.GetProgress().GetTicket()]++
	}
	c, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	c.state = w.state
	var tell teller
	now := time.Unix(1000, 0)
	w.do(firstProgress)
	for round := range 25 {
		for range maxWaits {
			c.waits.note([]wait{{queueKey{modeKey{"bench", "xuezhan"}, 1, 1}, uint64(5000 + round)}}, w.now)
		}
		now = now.Add(overviewEvery)
		tell.tell(c, now)
	}
	for id := range uint64(2*maxProgress + 500) {
		if n := seen[id+1]; n != 10 {
			t.Fatalf("ticket %d was told %d times in 25 turns of which each has two of five", id+1, n)
		}
	}
}

// Whatever happens, a ticket is told once a second at most, what is told was true a second ago, and what is
// remembered of tickets ends with them.
func TestProgressProperties(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := newStepped(t, nil)
		s.lead(true)
		s.settle()
		type seat struct {
			p      *wirepb.LoginReply
			number uint64
			ticket uint64
		}
		var seats []*seat
		last := make(map[uint64]time.Time)
		check := func() {
			for _, p := range s.pushed {
				n := &wirepb.Notice{}
				if err := proto.Unmarshal(p.Payload, n); err != nil {
					rt.Fatal(err)
				}
				m := n.GetProgress()
				if m == nil {
					continue
				}
				if at, before := last[m.Ticket]; before && s.now.Sub(at) < overviewEvery-100*time.Millisecond {
					rt.Fatalf("ticket %d told after %v", m.Ticket, s.now.Sub(at))
				}
				last[m.Ticket] = s.now
				if m.People < 1 || m.People > m.Seats || m.BotsInMs > 0 && m.WaitMs > m.BotsInMs {
					rt.Fatalf("told %v", m)
				}
			}
			s.pushed = nil
			if n, most := len(s.steps.loop.teller.told), 12; n > most {
				rt.Fatalf("%d tickets are remembered", n)
			}
		}
		for range rapid.IntRange(5, 30).Draw(rt, "steps") {
			switch rapid.IntRange(0, 3).Draw(rt, "what") {
			case 0:
				if len(seats) < 12 {
					got := s.ask(&linkpb.Request{Method: "auth.guest", Session: 7})
					s.settle()
					p := &wirepb.LoginReply{}
					if err := proto.Unmarshal((*got)[0].Payload, p); err != nil {
						rt.Fatal(err)
					}
					seats = append(seats, &seat{p: p})
				}
			case 1:
				if len(seats) == 0 {
					continue
				}
				one := rapid.SampledFrom(seats).Draw(rt, "player")
				one.number++
				req := requestOf("queue.join", one.p, &wirepb.JoinRequest{Number: one.number, Queue: rapid.SampledFrom([]string{"bench", "standard", "practice"}).Draw(rt, "queue")})
				if one.ticket != 0 && rapid.Bool().Draw(rt, "cancel") {
					req = requestOf("queue.cancel", one.p, &wirepb.CancelRequest{Number: one.number, Ticket: one.ticket})
				}
				got := s.ask(req)
				s.settle()
				m := &wirepb.JoinReply{}
				if proto.Unmarshal((*got)[0].Payload, m) == nil && req.Method == "queue.join" && m.Ticket != 0 {
					one.ticket = m.Ticket
				}
			case 2, 3:
				for range rapid.IntRange(1, 30).Draw(rt, "time") {
					s.pass(100 * time.Millisecond)
					check()
				}
			}
			check()
		}
		for range 25 { // then everybody who waits has been told the truth
			s.pass(100 * time.Millisecond)
			check()
		}
		o := s.c.overview(s.now)
		for _, one := range o.seekers {
			if known := s.steps.loop.teller.told[one.ticket]; known.people != one.people {
				rt.Fatalf("ticket %d knows of %d people, there are %d", one.ticket, known.people, one.people)
			}
		}
		if n, m := len(o.seekers), len(s.steps.loop.teller.told); n > 0 && n != m {
			rt.Fatalf("%d wait, %d are remembered: %v", n, m, fmt.Sprint(s.steps.loop.teller.told))
		}
	})
}
