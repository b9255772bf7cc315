package session

import (
	"context"
	"encoding/binary"
	"errors"
	"net"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"teahouse/pkg/game"
	"teahouse/pkg/token"
	"teahouse/pkg/wire"
	"teahouse/pkg/wire/wirepb"
)

var table = game.MakeTableID(3, 7)

func TestBadInputEndsInABye(t *testing.T) {
	hello := &wirepb.Envelope{Body: &wirepb.Envelope_Hello{Hello: &wirepb.Hello{Version: wire.Version}}}
	frame := func(messages ...*wirepb.Envelope) (b []byte) {
		for _, m := range messages {
			var err error
			if b, err = wire.AppendEnvelope(b, m); err != nil {
				t.Fatal(err)
			}
		}
		return b
	}
	tooLong := binary.BigEndian.AppendUint32(nil, 1<<31)
	for name, test := range map[string]struct {
		input []byte
		code  wirepb.Code
	}{
		"garbage":              {[]byte{0, 0, 0, 3, 0xff, 0xff, 0xff}, wirepb.Code_BAD_FRAME},
		"empty frame":          {[]byte{0, 0, 0, 0}, wirepb.Code_BAD_FRAME},
		"HTTP":                 {[]byte("GET / HTTP/1.1\r\n\r\n"), wirepb.Code_FRAME_TOO_LONG},
		"too long":             {append(tooLong, make([]byte, 1<<20)...), wirepb.Code_FRAME_TOO_LONG},
		"too long later":       {append(frame(hello), tooLong...), wirepb.Code_FRAME_TOO_LONG},
		"old version":          {frame(&wirepb.Envelope{Body: &wirepb.Envelope_Hello{Hello: &wirepb.Hello{Version: wire.MinVersion - 1}}}), wirepb.Code_VERSION_UNSUPPORTED},
		"call before Hello":    {frame(&wirepb.Envelope{Body: &wirepb.Envelope_Call{Call: &wirepb.Call{}}}), wirepb.Code_BAD_FRAME},
		"ping before Hello":    {frame(&wirepb.Envelope{Body: &wirepb.Envelope_Ping{Ping: &wirepb.Ping{}}}), wirepb.Code_BAD_FRAME},
		"second Hello":         {frame(hello, hello), wirepb.Code_BAD_FRAME},
		"a message of servers": {frame(hello, &wirepb.Envelope{Body: &wirepb.Envelope_Push{Push: &wirepb.Push{}}}), wirepb.Code_BAD_FRAME},
	} {
		t.Run(name, func(t *testing.T) {
			d := newTestHub(t, nil).listen()
			c := d.client()
			go c.conn.Write(test.input)
			c.bye(test.code, false)
			if n := d.hub.Stats().Byes[test.code]; n != 1 {
				t.Errorf("counted %d", n)
			}
		})
	}
}

func TestCallsThatTheGatewayRefuses(t *testing.T) {
	d := newTestHub(t, func(c *Config) { c.Limits.MaxCalls = 2 }).listen()
	c := d.client().hello()
	c.call("no.such", 0, &wirepb.BindingRequest{})
	c.reply(wirepb.Code_UNKNOWN_METHOD)
	c.call("queue.binding", 0, &wirepb.BindingRequest{})
	c.reply(wirepb.Code_NOT_LOGGED_IN)

	c.call("auth.guest", 0, &wirepb.GuestRequest{})
	first := receive(t, d.up.calls)
	c.call("auth.guest", 0, &wirepb.GuestRequest{})
	c.reply(wirepb.Code_ALREADY_LOGGED_IN) // while the first is in flight
	c.call("queue.binding", 0, &wirepb.BindingRequest{})
	c.reply(wirepb.Code_NOT_LOGGED_IN)
	first.answer(wirepb.Code_UNAVAILABLE, nil)
	c.id = 3
	c.reply(wirepb.Code_UNAVAILABLE)
	c.id = 5
	c.call("auth.guest", 0, &wirepb.GuestRequest{}) // a failed login may be repeated
	receive(t, d.up.calls).answer(wirepb.Code_OK, &wirepb.LoginReply{Player: 9, Epoch: 4})
	c.reply(wirepb.Code_OK)

	c.call("auth.guest", 0, &wirepb.GuestRequest{})
	c.reply(wirepb.Code_ALREADY_LOGGED_IN)
	c.call("auth.resume", 0, &wirepb.ResumeRequest{})
	c.reply(wirepb.Code_ALREADY_LOGGED_IN)
	c.call("table.move", 0, &wirepb.MoveRequest{})
	c.reply(wirepb.Code_BAD_REQUEST)
	c.call("table.move", game.MakeTableID(0, 5), &wirepb.MoveRequest{})
	c.reply(wirepb.Code_BAD_REQUEST)
	c.id++
	c.send(&wirepb.Envelope{Body: &wirepb.Envelope_Call{Call: &wirepb.Call{
		Id: c.id, Method: "table.attach", Table: uint64(table), Payload: []byte("\xff"),
	}}})
	c.reply(wirepb.Code_BAD_REQUEST)

	c.call("table.move", table, &wirepb.MoveRequest{})
	c.call("account.profile", 0, &wirepb.ProfileRequest{})
	c.call("table.move", table, &wirepb.MoveRequest{})
	c.reply(wirepb.Code_BUSY)
	move := receive(t, d.up.calls)
	if move.Player != 9 || move.Epoch != 4 || move.Table != uint64(table) || move.Session == 0 || move.scope != wirepb.Scope_TABLE {
		t.Errorf("the move went out as %v", move.Request)
	}
	if profile := receive(t, d.up.calls); profile.scope != wirepb.Scope_SESSION || profile.Table != 0 {
		t.Errorf("the profile went out as %v %v", profile.scope, profile.Request)
	}
}

func TestResumeChecksTheToken(t *testing.T) {
	d := newTestHub(t, nil).listen()
	c := d.client().hello()
	other := newTestHub(t, nil)
	forged, err := other.signer.Sign(token.Claims{Player: 5}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	old, err := d.signer.Sign(token.Claims{Player: 5}, time.Now().Add(-48*time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	good, err := d.signer.Sign(token.Claims{Player: 5}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		token string
		code  wirepb.Code
	}{{"nonsense", wirepb.Code_TOKEN_INVALID}, {forged, wirepb.Code_TOKEN_INVALID}, {old, wirepb.Code_TOKEN_EXPIRED}} {
		c.call("auth.resume", 0, &wirepb.ResumeRequest{Token: test.token})
		c.reply(test.code)
	}
	c.call("auth.resume", 0, &wirepb.ResumeRequest{Token: good, Device: 1 << 40, Attempt: 3})
	q := receive(t, d.up.calls)
	m := &wirepb.ResumeRequest{}
	if err := proto.Unmarshal(q.Payload, m); err != nil || q.Player != 5 || m.Token != "" || m.Device != 1<<40 || m.Attempt != 3 {
		t.Fatalf("%v: the resume went out for player %d as %v", err, q.Player, m)
	}
	q.answer(wirepb.Code_OK, &wirepb.LoginReply{Player: 5, Epoch: 2})
	c.reply(wirepb.Code_OK)
}

func TestStreamIsForwardedOnceInOrder(t *testing.T) {
	d := newTestHub(t, nil).listen()
	c := d.client().login(9, 4)
	id := c.attach(table, 10)
	for _, number := range []uint64{11, 11, 5, 12} {
		d.hub.Push(event(id, 4, table, number))
	}
	d.hub.Push(event(id, 3, table, 13))      // of an older attach
	d.hub.Push(event(id, 4, table+1, 13))    // of another table
	d.hub.Push(event(id+1000, 4, table, 13)) // of nobody here
	d.hub.Push(event(id, 4, table, 15))      // a gap
	d.hub.Push(event(id, 4, table, 16))      // still the same gap
	again := receive(t, d.up.calls)
	m := &wirepb.AttachRequest{}
	if err := proto.Unmarshal(again.Payload, m); err != nil || m.LastEvent != 12 || again.Method != "table.attach" || again.Epoch != 4 {
		t.Fatalf("attached again with %v from %d, %v", again.Request, m.LastEvent, err)
	}
	again.answer(wirepb.Code_OK, &wirepb.AttachReply{})
	for number := uint64(13); number <= 17; number++ {
		d.hub.Push(event(id, 4, table, number))
	}
	for want := uint64(11); want <= 17; want++ {
		if p := c.push(); p.Number != want {
			t.Fatalf("event %d came, want %d", p.Number, want)
		}
	}
	// The second gap came while the attach was in flight, so one more attach follows.
	receive(t, d.up.calls).answer(wirepb.Code_OK, &wirepb.AttachReply{})
	if s := d.hub.Stats(); s.Gaps != 2 || s.Repeats != 2 || s.Pushes != 7 || len(d.up.calls) != 0 {
		t.Fatalf("%+v", s)
	}
}

func TestANewLeaderIsAttachedTo(t *testing.T) {
	d := newTestHub(t, nil).listen()
	c := d.client().login(9, 4)
	id := c.attach(table, 0)
	d.hub.Led(table.Shard() + 1)
	d.hub.Led(game.Coordinator)
	if len(d.up.calls) != 0 {
		t.Fatal("attached again for another group")
	}
	d.hub.Led(table.Shard())
	first := receive(t, d.up.calls)
	d.hub.Led(table.Shard()) // once more, while the attach is in flight
	first.answer(wirepb.Code_OK, &wirepb.AttachReply{})
	receive(t, d.up.calls).answer(wirepb.Code_RESUME_INVALID, &wirepb.AttachReply{})
	snapshot := event(id, 4, table, 0)
	snapshot.Kind = wirepb.Push_SNAPSHOT
	d.hub.Push(snapshot)
	d.hub.Push(event(id, 4, table, 1))
	if p := c.push(); p.Kind != wirepb.Push_SNAPSHOT {
		t.Fatalf("want a snapshot, got %v", p)
	}
	if p := c.push(); p.Number != 1 {
		t.Fatalf("no event 1 but %v", p)
	}
}

func TestTheTableHearsOfTheEnd(t *testing.T) {
	d := newTestHub(t, nil).listen()
	c := d.client().login(9, 4)
	id := c.attach(table, 0)
	c.conn.Close()
	m := receive(t, d.up.closed)
	if m.Session != id || m.Player != 9 || m.Epoch != 4 || m.Table != uint64(table) {
		t.Fatalf("told %v", m)
	}
}

func TestAnAttachThatComesTooLateIsTakenBack(t *testing.T) {
	d := newTestHub(t, nil).listen()
	c := d.client().login(9, 4)
	c.call("table.attach", table, &wirepb.AttachRequest{})
	q := receive(t, d.up.calls)
	c.conn.Close()
	receive(t, d.left)
	q.answer(wirepb.Code_OK, &wirepb.AttachReply{})
	if m := receive(t, d.up.closed); m.Table != uint64(table) {
		t.Fatalf("told %v", m)
	}
}

func TestAStreamThatIsOverIsTold(t *testing.T) {
	d := newTestHub(t, nil).listen()
	c := d.client().login(9, 4)
	c.attach(table, 3)
	d.hub.Led(table.Shard())
	receive(t, d.up.calls).answer(wirepb.Code_TABLE_GONE, nil)
	p, n := c.push(), &wirepb.Notice{}
	if err := proto.Unmarshal(p.Payload, n); err != nil || p.Kind != wirepb.Push_NOTICE {
		t.Fatalf("told %v %v", p, err)
	}
	if g := n.GetDetached(); g.GetTable() != uint64(table) || g.Code != wirepb.Code_TABLE_GONE {
		t.Fatalf("told %v", n)
	}
	c.call("table.attach", table, &wirepb.AttachRequest{})
	receive(t, d.up.calls).answer(wirepb.Code_TABLE_GONE, nil)
	c.reply(wirepb.Code_TABLE_GONE) // no hint after the reply: the attach was the client's own
	c.send(&wirepb.Envelope{Body: &wirepb.Envelope_Ping{Ping: &wirepb.Ping{}}})
	if e := c.next(); e.GetPong() == nil {
		t.Fatalf("no pong but %v", e)
	}
}

func TestATableThatWasLeftIsNotAttachedToAgain(t *testing.T) {
	for _, code := range []wirepb.Code{wirepb.Code_OK, wirepb.Code_TABLE_GONE} {
		d := newTestHub(t, nil).listen()
		c := d.client().login(9, 4)
		c.attach(table, 3)
		c.call("table.leave", table, &wirepb.LeaveRequest{})
		receive(t, d.up.calls).answer(code, nil)
		c.reply(code)
		d.hub.Led(table.Shard())
		if len(d.up.calls) != 0 {
			t.Errorf("attached again after %v", code)
		}
	}
}

func TestNothingLongerThanAFrameIsSent(t *testing.T) {
	d := newTestHub(t, nil).listen()
	c := d.client().login(9, 4)
	id := c.attach(table, 0)
	long := make([]byte, 64<<10)
	c.call("archive.hand", 0, &wirepb.HandRequest{})
	receive(t, d.up.calls).answer(wirepb.Code_OK, &wirepb.HandReply{Archive: long})
	if r := c.reply(wirepb.Code_INTERNAL); len(r.Payload) != 0 {
		t.Fatalf("%d bytes came", len(r.Payload))
	}
	fits := event(id, 4, table, 1)
	fits.Payload = long[:len(long)-frameRoom]
	d.hub.Push(fits)
	if p := c.push(); len(p.Payload) != len(fits.Payload) || proto.Size(p) > 64<<10 {
		t.Fatalf("%d bytes came", len(p.Payload))
	}
	tooLong := event(id, 4, table, 2)
	tooLong.Payload = long
	d.hub.Push(tooLong)
	c.bye(wirepb.Code_INTERNAL, false)
}

func TestSupersededByAnotherSession(t *testing.T) {
	d := newTestHub(t, nil).listen()
	old := d.client().login(9, 4)
	d.client().login(9, 5)
	old.bye(wirepb.Code_SUPERSEDED, false)
	late := d.client().login(9, 3) // its reply was overtaken by that of a newer login
	late.bye(wirepb.Code_SUPERSEDED, false)
}

func TestSupersededByANode(t *testing.T) {
	d := newTestHub(t, nil).listen()
	c := d.client().login(9, 4)
	c.call("table.move", table, &wirepb.MoveRequest{})
	receive(t, d.up.calls).answer(wirepb.Code_SUPERSEDED, nil)
	c.reply(wirepb.Code_SUPERSEDED)
	c.bye(wirepb.Code_SUPERSEDED, false)
}

func TestSlowReaderHurtsNobodyElse(t *testing.T) {
	d := newTestHub(t, func(c *Config) { c.MaxOutbound = 64 << 10 }).listen()
	slow, quick := d.client().login(1, 1), d.client().login(2, 1)
	slowID, quickID := slow.attach(table, 0), quick.attach(table, 0)
	payload := make([]byte, 16<<10)
	number := uint64(0)
	for d.hub.Stats().Byes[wirepb.Code_TOO_SLOW] == 0 {
		number++
		for _, id := range []uint64{slowID, quickID} {
			p := event(id, 1, table, number)
			p.Payload = payload
			d.hub.Push(p)
		}
		if p := quick.push(); p.Number != number {
			t.Fatalf("the fast one got %d, want %d", p.Number, number)
		}
	}
	slow.bye(wirepb.Code_TOO_SLOW, true)
	quick.call("queue.binding", 0, &wirepb.BindingRequest{})
	receive(t, d.up.calls).answer(wirepb.Code_OK, nil)
	quick.reply(wirepb.Code_OK)
}

func TestServerFull(t *testing.T) {
	d := newTestHub(t, func(c *Config) { c.MaxSessions = 1 }).listen()
	d.client().hello()
	if bye := d.client().bye(wirepb.Code_SERVER_FULL, true); bye.AfterMs < 1000 {
		t.Fatalf("come back after %d ms", bye.AfterMs)
	}
}

func TestDrainSaysGoodbye(t *testing.T) {
	d := newTestHub(t, nil).listen()
	c := d.client().login(9, 4)
	silent := d.client().hello() // never closes, so it is cut off in the end
	drained := make(chan struct{})
	go func() {
		defer close(drained)
		ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
		defer cancel()
		d.hub.Drain(ctx)
	}()
	c.bye(wirepb.Code_SHUTTING_DOWN, true)
	c.conn.Close()
	receive(t, drained)
	if d.hub.Len() != 0 {
		t.Fatal("a session is still there")
	}
	silent.bye(wirepb.Code_SHUTTING_DOWN, true)
	d.client().bye(wirepb.Code_SHUTTING_DOWN, true)
}

func TestConfigIsChecked(t *testing.T) {
	d := newTestHub(t, nil)
	for name, cfg := range map[string]Config{
		"no verifier":    {},
		"small outbound": {Verifier: d.signer.Verifier(), MaxOutbound: 1000},
		"bad bound":      {Verifier: d.signer.Verifier(), MaxSessions: -1},
		"bad limits":     {Verifier: d.signer.Verifier(), Limits: wire.Limits{MaxFrame: 1}},
	} {
		if _, err := NewHub(cfg, d.up); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}

// FuzzInput feeds a session untrusted bytes, before and after a login. Nothing may panic, and every
// input must leave the session open or end it with a Bye.
func FuzzInput(f *testing.F) {
	seed := func(messages ...*wirepb.Envelope) {
		var b []byte
		for _, m := range messages {
			b, _ = wire.AppendEnvelope(b, m)
		}
		f.Add(b, true)
		f.Add(b, false)
	}
	hello := &wirepb.Envelope{Body: &wirepb.Envelope_Hello{Hello: &wirepb.Hello{Version: wire.Version}}}
	for _, method := range []string{"auth.guest", "auth.resume", "table.attach", "queue.join", "queue.cancel", "x"} {
		seed(hello, &wirepb.Envelope{Body: &wirepb.Envelope_Call{Call: &wirepb.Call{
			Id: 1, Method: method, Table: uint64(table), Payload: []byte{8, 1},
		}}})
	}
	f.Add([]byte{0, 0, 0, 1, 0xff}, false)
	f.Add([]byte{0xff, 0xff, 0xff, 0xff}, true)
	f.Fuzz(func(t *testing.T, input []byte, loggedIn bool) {
		d := newTestHub(t, nil)
		ours, theirs := net.Pipe()
		served := make(chan struct{})
		go func() {
			defer close(served)
			d.hub.Serve(theirs)
		}()
		c := d.over(ours)
		if loggedIn {
			c.login(9, 4)
		}
		ended := make(chan error, 1)
		go func() {
			for {
				if _, err := c.in.Next(); err != nil {
					ended <- err
					return
				}
			}
		}()
		c.conn.Write(input)
		ours.Close()
		<-served
		if err := <-ended; err == nil || errors.Is(err, wire.ErrPartial) {
			t.Fatalf("the output ended with %v", err)
		}
		for len(d.up.calls) > 0 { // answers that arrive after the end
			(<-d.up.calls).answer(wirepb.Code_OK, &wirepb.LoginReply{Player: 1, Epoch: 1})
		}
	})
}
