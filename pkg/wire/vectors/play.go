package vectors

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"teahouse/pkg/wire/wirepb"
)

// Client is a client that is played with. Its user reads events as they come, until he is told not to.
type Client interface {
	// Connect opens the connection that the client has asked for. The error says that it does not ask
	// for one, or that it did so sooner than after had passed since it lost the one before.
	Connect(after time.Duration) error
	// Receive lets a message of the gateway arrive.
	Receive(*wirepb.Envelope)
	// Lose breaks the connection.
	Lose()
	// Do lets the user do something. request is what Op says as JSON; nil if it says nothing.
	Do(o *Op, request proto.Message)
	// Pass lets time pass.
	Pass(time.Duration)
	// Did is what has happened since it was called last.
	Did() Did
	// Now is what the client knows.
	Now() Now
}

// Did is what a client has done.
type Did struct {
	Sent   []*wirepb.Envelope
	Told   []Told
	Events []Event
}

// Now is a State without gaps.
type Now struct {
	Online        bool
	Table, Ticket uint64
	Unqueued      bool
	Seat          uint64
	Attached      bool
}

// Play plays the script with a client that knows what s.Start says.
func (s *Script) Play(t testing.TB, c Client) {
	t.Helper()
	steps, err := compile(s)
	if err != nil {
		t.Fatal(err)
	}
	p := &player{t: t, client: c, ids: map[string]uint64{}}
	for _, step := range steps {
		if p.step(step); t.Failed() {
			return
		}
	}
}

// player compares a client with a script.
type player struct {
	t      testing.TB
	client Client
	at     int
	ids    map[string]uint64 // ids of calls by their names in the script

	device, attempt uint64 // of the last resume
}

func (p *player) errorf(format string, args ...any) {
	p.t.Helper()
	p.t.Errorf("step %d: %s", p.at, fmt.Sprintf(format, args...))
}

func (p *player) step(s step) {
	p.t.Helper()
	p.at = s.at
	switch {
	case s.Connect != nil:
		if err := p.client.Connect(time.Duration(s.Connect.NotBeforeMS) * time.Millisecond); err != nil {
			p.errorf("it does not connect: %v", err)
			return
		}
	case s.Lose != nil:
		p.client.Lose()
	case s.User != nil:
		p.client.Do(s.User, s.request)
	}
	for _, m := range s.receive {
		e := proto.CloneOf(m.Envelope)
		if r := e.GetReply(); r != nil {
			r.Id = p.ids[m.label]
		}
		p.client.Receive(e)
	}
	if s.PassMS > 0 {
		p.client.Pass(s.pass())
	}
	did := p.client.Did()
	p.sent(s, did.Sent)
	p.told(s.Tells, did.Told)
	if !slices.Equal(did.Events, s.Events) {
		p.errorf("the events are %v, want %v", did.Events, s.Events)
	}
	if s.Then != nil {
		p.then(*s.Then, p.client.Now())
	}
}

// sent compares what was sent with what should be. Its order does not count, nor do Pings.
func (p *player) sent(s step, sent []*wirepb.Envelope) {
	p.t.Helper()
	pings := 0
	sent = slices.DeleteFunc(slices.Clone(sent), func(e *wirepb.Envelope) bool {
		if e.GetPing() != nil {
			pings++
			return true
		}
		return false
	})
	if s.Pings && pings == 0 {
		p.errorf("no Ping was sent")
	}
	for _, want := range s.sends {
		i := slices.IndexFunc(sent, func(got *wirepb.Envelope) bool { return p.same(got, want.Envelope) })
		if i < 0 {
			p.errorf("it does not send %s; it sends %s", show(want.Envelope), showAll(sent))
			return
		}
		if call := sent[i].GetCall(); call != nil {
			p.ids[want.label] = call.Id
		}
		sent = slices.Delete(sent, i, i+1)
	}
	if len(sent) > 0 {
		p.errorf("it sends too much: %s", showAll(sent))
	}
}

// same reports whether a sent message is the one that is wanted, in all that no client is free to choose.
func (p *player) same(got, want *wirepb.Envelope) bool {
	got = proto.CloneOf(got)
	if h := got.GetHello(); h != nil && want.GetHello() != nil {
		h.Client = ""
		if want.GetHello().Version == 0 {
			h.Version = 0
		}
	}
	call, wanted := got.GetCall(), want.GetCall()
	if call == nil || wanted == nil {
		return proto.Equal(got, want)
	}
	if call.Method != wanted.Method || call.Table != wanted.Table {
		return false
	}
	if call.Method == "auth.resume" {
		return p.sameResume(call.Payload, wanted.Payload)
	}
	return sameContents(call.Method, call.Payload, wanted.Payload)
}

// sameResume compares the tokens of two resumes, and demands that the client counts its attempts.
func (p *player) sameResume(got, want []byte) bool {
	a, b := &wirepb.ResumeRequest{}, &wirepb.ResumeRequest{}
	if proto.Unmarshal(got, a) != nil || proto.Unmarshal(want, b) != nil || a.Token != b.Token {
		return false
	}
	if a.Device == 0 || p.device != 0 && a.Device != p.device || a.Attempt <= p.attempt {
		p.errorf("device %d and attempt %d follow %d and %d", a.Device, a.Attempt, p.device, p.attempt)
	}
	p.device, p.attempt = a.Device, a.Attempt
	return true
}

func (p *player) told(want, got []Told) {
	p.t.Helper()
	left := slices.Clone(got)
	for _, w := range want {
		i := slices.IndexFunc(left, func(g Told) bool {
			if w.Number == 0 {
				g.Number = 0
			}
			if w.Ticket == 0 {
				g.Ticket = 0
			}
			return g == w
		})
		if i < 0 {
			p.errorf("it tells %+v, want %+v", got, want)
			return
		}
		left = slices.Delete(left, i, i+1)
	}
	if len(left) > 0 {
		p.errorf("it tells too much: %+v", left)
	}
}

func (p *player) then(want State, now Now) {
	p.t.Helper()
	compare(p, "online", want.Online, now.Online)
	compare(p, "table", want.Table, now.Table)
	compare(p, "ticket", want.Ticket, now.Ticket)
	compare(p, "unqueued", want.Unqueued, now.Unqueued)
	compare(p, "seat", want.Seat, now.Seat)
	compare(p, "attached", want.Attached, now.Attached)
}

func compare[T comparable](p *player, name string, want *T, got T) {
	p.t.Helper()
	if want != nil && got != *want {
		p.errorf("%s is %v, want %v", name, got, *want)
	}
}

func showAll(all []*wirepb.Envelope) string {
	var out []string
	for _, e := range all {
		out = append(out, show(e))
	}
	return "[" + strings.Join(out, ", ") + "]"
}
