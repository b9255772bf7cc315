package coordinator

import (
	"slices"
	"time"

	"google.golang.org/protobuf/proto"

	"teahouse/pkg/link/linkpb"
	"teahouse/pkg/wire/wirepb"
)

const (
	// repeatProgress is after how long a player is told again what has not changed: a push may be lost.
	repeatProgress = 5 * time.Second
	// maxProgress bounds the players that are told after one overview. Who is left out comes first after the next.
	maxProgress = 1000
	// A ticket that has just been given out is told of after the next overview: the push could overtake the answer
	// to the join, and the gateway would not know what it is about.
	firstProgress = 100 // ms
)

// teller tells the players with waiting tickets how far these have come. The loop owns it; it ends with the
// leadership.
type teller struct {
	next  time.Time
	told  map[uint64]told // by waiting ticket
	after uint64          // the ticket behind which to go on; 0 = from the first
}

// told is what the player of a ticket knows.
type told struct {
	at       time.Time
	people   int
	expected uint32
}

// tell looks at the queues if it is time to, and pushes what is new to whom it concerns.
func (t *teller) tell(c *Coordinator, now time.Time) {
	if now.Before(t.next) {
		return
	}
	t.next = now.Add(overviewEvery)
	o := c.overview(now)
	known := t.told
	t.told = make(map[uint64]told, len(o.seekers))
	first, _ := slices.BinarySearchFunc(o.seekers, t.after+1, seeker.compare)
	t.after = 0
	sent := 0
	for i := range o.seekers {
		s := &o.seekers[(first+i)%len(o.seekers)]
		before, ok := known[s.ticket]
		news := told{now, s.people, o.expectedOf(s)}
		switch {
		case !ok && o.waited(s, now) < firstProgress:
		case ok && before.people == news.people && before.expected == news.expected && now.Sub(before.at) < repeatProgress:
			t.told[s.ticket] = before
		case sent < maxProgress:
			c.pushProgress(s, o.progress(s, now))
			t.told[s.ticket] = news
			if sent++; sent == maxProgress {
				t.after = s.ticket
			}
		case ok:
			t.told[s.ticket] = before
		}
	}
}

func (c *Coordinator) pushProgress(s *seeker, m *wirepb.Progress) {
	if s.place.gateway == "" {
		return
	}
	payload, err := proto.Marshal(&wirepb.Notice{Body: &wirepb.Notice_Progress{Progress: m}})
	if err != nil {
		c.cfg.Logger.Error("notice cannot be encoded", "error", err)
		return
	}
	c.told.Add(1)
	c.cfg.Push(s.place.gateway, &linkpb.Push{
		Session: s.place.session, Epoch: s.place.epoch, Kind: wirepb.Push_NOTICE, Payload: payload,
	})
}

// progress returns how far a ticket has come; nil if it has not been seen waiting.
func (c *Coordinator) progress(ticket uint64, now time.Time) *wirepb.Progress {
	if ticket == 0 {
		return nil
	}
	o := c.overview(now)
	s := o.seeker(ticket)
	if s == nil {
		return nil
	}
	return o.progress(s, now)
}

func (o *overview) progress(s *seeker, now time.Time) *wirepb.Progress {
	k := &o.kinds[s.kind]
	waited := o.waited(s, now)
	m := &wirepb.Progress{Ticket: s.ticket, WaitedMs: uint32(waited), People: uint32(s.people), Seats: uint32(k.settings.Seats)}
	if bots := uint64(k.settings.BotsAfterMs); bots > 0 || k.settings.Alone {
		m.BotsInMs = uint32(max(1, bots-min(bots, waited)))
	}
	// Who has waited longer than others did is told when bots come, or nothing.
	m.WaitMs = m.BotsInMs
	if all := uint64(o.expectedOf(s)); all > waited {
		m.WaitMs = uint32(all - waited)
	}
	return m
}

// waited returns for how long a ticket has waited, in ms.
func (o *overview) waited(s *seeker, now time.Time) uint64 {
	ms := o.nowMs - min(o.nowMs, s.joinedMs) + uint64(max(0, now.Sub(o.at)).Milliseconds())
	return min(ms, longestWait)
}

// expectedOf returns how long a ticket will wait in all, in ms; 0 = not known.
func (o *overview) expectedOf(s *seeker) uint32 {
	k := &o.kinds[s.kind]
	return o.expected(k.key, k.settings.BotsAfterMs)
}
