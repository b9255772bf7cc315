package session

import (
	"context"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	"teahouse/pkg/link/linkpb"
	"teahouse/pkg/wire/wirepb"
)

const ms = time.Millisecond

func TestLagIsTheShortestOfTheLast(t *testing.T) {
	var l lag
	now := time.Unix(1000, 0)
	measure := func(trip time.Duration) uint32 {
		t.Helper()
		now = now.Add(time.Minute)
		nonce, ok := l.ask(now)
		if !ok || !l.answered(nonce, now.Add(trip)) {
			t.Fatal("nothing is measured")
		}
		return l.ms()
	}
	if l.ms() != 0 {
		t.Error("something is known before the first answer")
	}
	for i, step := range []struct {
		trip time.Duration
		want uint32
	}{
		{777 * ms, 500}, {200 * ms, 200}, {300 * ms, 200}, {4 * ms, 0}, {5 * ms, 0}, {96 * ms, 0}, {94 * ms, 0},
		{240 * ms, 10}, {240 * ms, 90}, {240 * ms, 90}, {245 * ms, 240}, {-ms, 0}, {time.Hour, 0}, {time.Hour, 0}, {time.Hour, 0}, {time.Hour, 500},
	} {
		if got := measure(step.trip); got != step.want {
			t.Errorf("%d: after %v it is %d, want %d", i, step.trip, got, step.want)
		}
	}
}

func TestLagIsMeasuredRarely(t *testing.T) {
	var l lag
	began := time.Unix(1000, 0)
	asked := []time.Duration{}
	for d := time.Duration(0); d < time.Minute; d += 100 * ms {
		if nonce, ok := l.ask(began.Add(d)); ok {
			asked = append(asked, d)
			l.answered(nonce, began.Add(d+50*ms))
		}
	}
	want := []time.Duration{0, 2, 4, 6, 16, 26, 36, 46, 56}
	if len(asked) != len(want) {
		t.Fatalf("asked at %v", asked)
	}
	for i := range want {
		if asked[i] != want[i]*time.Second {
			t.Fatalf("asked at %v", asked)
		}
	}
	l.ask(began.Add(time.Hour))
	if _, ok := l.ask(began.Add(2 * time.Hour)); ok {
		t.Error("asked while the last Ping is unanswered")
	}
}

// TestForgedPongsGainNothing: whatever a client answers beside what it is asked, in whatever order,
// its lag is what it would be without.
func TestForgedPongsGainNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var honest, forged lag
		now := time.Unix(1000, 0)
		var out uint64
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			now = now.Add(time.Duration(rapid.Int64Range(0, int64(3*time.Second)).Draw(t, "pause")))
			switch rapid.IntRange(0, 2).Draw(t, "what") {
			case 0:
				a, ok := honest.ask(now)
				if b, also := forged.ask(now); a != b || ok != also {
					t.Fatalf("one is asked %d %v, the other %d %v", a, ok, b, also)
				}
				if ok {
					out = a
				}
			case 1:
				if out != 0 && (!honest.answered(out, now) || !forged.answered(out, now)) {
					t.Fatal("an honest answer counts for nothing")
				}
				out = 0
			case 2:
				nonce := rapid.Uint64Range(0, 12).Draw(t, "nonce")
				if nonce != out && forged.answered(nonce, now) || out == 0 && forged.answered(nonce, now) {
					t.Fatalf("%d counts, and %d was asked for", nonce, out)
				}
			}
			if honest.ms() != forged.ms() || forged.ms() > maxLag || forged.ms()%lagStep != 0 {
				t.Fatalf("%d and forged %d", honest.ms(), forged.ms())
			}
		}
	})
}

// slowClient answers Pings after a while, on fake time; all else it passes on.
type slowClient struct {
	*testClient
	trip time.Duration
	got  chan *wirepb.Envelope
}

func (c *slowClient) run() {
	for {
		body, err := c.in.Next()
		if err != nil {
			close(c.got)
			return
		}
		e := &wirepb.Envelope{}
		if err := proto.Unmarshal(body, e); err != nil {
			c.t.Error(err)
		}
		if ping := e.GetPing(); ping == nil {
			c.got <- e
		} else {
			time.AfterFunc(c.trip, func() { c.send(pong(ping.Nonce)) })
		}
	}
}

func pong(nonce uint64) *wirepb.Envelope {
	return &wirepb.Envelope{Body: &wirepb.Envelope_Pong{Pong: &wirepb.Pong{Nonce: nonce}}}
}

func TestTablesAreToldTheLag(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newTestHub(t, nil)
		ctx, cancel := context.WithCancel(t.Context())
		ours, theirs := net.Pipe()
		go d.hub.Run(ctx)
		go d.hub.Serve(theirs)
		defer func() {
			cancel()
			ours.Close()
			synctest.Wait()
		}()
		c := &slowClient{d.over(ours), 83 * ms, make(chan *wirepb.Envelope, 100)}
		c.hello()
		go c.run()
		ask := func(method string, id uint64, m proto.Message) upCall {
			t.Helper()
			c.call(method, table, m)
			q := <-d.up.calls
			for q.Method == methodBinding { // not the client's
				q = <-d.up.calls
			}
			if q.Method != method {
				t.Fatalf("%s came", q.Method)
			}
			return q
		}
		lagOf := func(method string, want uint32) {
			t.Helper()
			q := ask(method, 0, &wirepb.MoveRequest{})
			if q.LagMs != want {
				t.Errorf("%s tells a lag of %d, want %d", method, q.LagMs, want)
			}
			q.answer(wirepb.Code_OK, nil)
			if r := (<-c.got).GetReply(); r == nil {
				t.Errorf("no reply to %s", method)
			}
		}
		// Who comes back to a table is measured beside the login, before the attach.
		ask("auth.guest", 0, &wirepb.GuestRequest{}).answer(wirepb.Code_OK, &wirepb.LoginReply{Player: 9, Epoch: 4, Table: uint64(table)})
		<-c.got
		time.Sleep(c.trip)
		synctest.Wait()
		lagOf(methodAttach, 80)
		lagOf(methodMove, 80)
		lagOf(methodLeave, 0)
		lagOf("queue.list", 0)
		lagOf(methodAttach, 80)
		// The line becomes slower, and later better.
		id := d.hub.all()[0].id
		number := uint64(0)
		play := func(d2 time.Duration) {
			for range d2 / time.Second {
				time.Sleep(time.Second)
				number++
				d.hub.Push(event(id, 4, table, number))
				<-c.got
			}
		}
		c.trip = 1700 * ms
		play(time.Minute)
		lagOf(methodMove, 500)
		c.trip = 31 * ms
		play(20 * time.Second)
		lagOf(methodMove, 30)
		// The gateway's own attach tells it too.
		d.hub.Led(table.Shard())
		if q := <-d.up.calls; q.Method != methodAttach || q.LagMs != 30 {
			t.Errorf("the gateway's %s tells a lag of %d", q.Method, q.LagMs)
		} else {
			q.answer(wirepb.Code_OK, nil)
		}
		if n := d.hub.Stats().RoundTrips; n < 9 || n > 13 {
			t.Errorf("%d round trips in 80 s", n)
		}
		// Nothing to say, nothing to measure.
		before := d.hub.Stats()
		time.Sleep(5 * time.Minute)
		after := d.hub.Stats()
		if after.RoundTrips != before.RoundTrips || after.Sessions != 1 {
			t.Errorf("%d round trips of an idle connection, of %d", after.RoundTrips-before.RoundTrips, after.Sessions)
		}
	})
}

// Whoever is in the lobby is not measured, and a match is told after a Ping.
func TestNobodyIsMeasuredBeforeHeHasATable(t *testing.T) {
	d := newTestHub(t, nil).listen()
	c := d.client().login(9, 4)
	id := d.hub.all()[0].id
	notice := func(n *wirepb.Notice) {
		payload, err := proto.Marshal(n)
		if err != nil {
			t.Fatal(err)
		}
		d.hub.Push(&linkpb.Push{Session: id, Epoch: 4, Kind: wirepb.Push_NOTICE, Payload: payload})
	}
	notice(&wirepb.Notice{Body: &wirepb.Notice_Detached{Detached: &wirepb.Detached{Table: uint64(table)}}})
	if e := c.any(); e.GetPush() == nil {
		t.Errorf("beside a notice came %v", e)
	}
	c.send(pong(1)) // nobody has asked
	notice(&wirepb.Notice{Body: &wirepb.Notice_Matched{Matched: &wirepb.Matched{Ticket: 1, Table: uint64(table)}}})
	ping := c.any().GetPing()
	if ping.GetNonce() == 0 || c.any().GetPush() == nil {
		t.Errorf("before a match came %v", ping)
	}
	for range 3 {
		c.send(pong(ping.GetNonce()))
	}
	c.attach(table, 0)
	if n := d.hub.Stats().RoundTrips; n != 1 {
		t.Errorf("%d round trips by four answers to one Ping", n)
	}
}
