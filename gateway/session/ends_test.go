package session

import (
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	"teahouse/pkg/game"
	"teahouse/pkg/link/linkpb"
	"teahouse/pkg/wire/wirepb"
)

// The coordinator announces the newer login, and only to the session that it replaces.
func TestSupersededThroughAnotherGateway(t *testing.T) {
	d := newTestHub(t, nil).listen()
	c := d.client().login(9, 4)
	id := c.attach(table, 0)
	for _, other := range []*linkpb.Push{
		{Session: id, Epoch: 3, SupersededBy: 4}, // of the previous session
		{Session: id, Epoch: 4, SupersededBy: 4},
		{Session: id + 1, Epoch: 4, SupersededBy: 5},
	} {
		d.hub.Push(other)
	}
	d.hub.Push(event(id, 4, table, 1))
	if p := c.push(); p.Number != 1 {
		t.Fatalf("no event but %v", p)
	}
	d.hub.Push(&linkpb.Push{Session: id, Epoch: 4, SupersededBy: 5})
	c.bye(wirepb.Code_SUPERSEDED, false)
}

// A forgotten session has no successor, so its client should come back.
func TestForgotten(t *testing.T) {
	d := newTestHub(t, nil).listen()
	c := d.client().login(9, 4)
	c.call("queue.join", 0, &wirepb.JoinRequest{Number: 1})
	receive(t, d.up.calls).answer(wirepb.Code_SESSION_FORGOTTEN, nil)
	if e := c.next(); e.GetBye().GetCode() != wirepb.Code_SESSION_FORGOTTEN || !e.GetBye().GetReconnect() {
		t.Fatalf("got %v: the call must stay open, so that it is sent again", e)
	}
	if n := d.hub.Stats().Byes[wirepb.Code_SESSION_FORGOTTEN]; n != 1 {
		t.Errorf("counted %d", n)
	}
}

func TestForgottenWhileTheBindingIsRead(t *testing.T) {
	d := newTestHub(t, nil).listen()
	c := d.client().login(9, 4)
	c.call("queue.join", 0, &wirepb.JoinRequest{Number: 1})
	receive(t, d.up.calls).answer(wirepb.Code_OK, &wirepb.JoinReply{Ticket: 3})
	c.reply(wirepb.Code_OK)
	d.hub.Members()
	d.hub.sweep(time.Now(), time.Now())
	q := receive(t, d.up.calls)
	if q.Method != "queue.binding" {
		t.Fatalf("asked %v", q.Request)
	}
	q.answer(wirepb.Code_SESSION_FORGOTTEN, nil)
	c.bye(wirepb.Code_SESSION_FORGOTTEN, true)
}

// Each attach may cost a whole hand of events, so attaches are bounded; other calls and the stream
// go on.
func TestAttachingTooOften(t *testing.T) {
	d := newTestHub(t, func(c *Config) { c.AttachBurst, c.AttachEvery = 2, time.Hour }).listen()
	c := d.client().login(9, 4)
	c.attach(table, 0)
	id := c.attach(table, 0)
	for range 3 {
		c.call("table.attach", table, &wirepb.AttachRequest{})
		c.reply(wirepb.Code_TOO_OFTEN)
	}
	d.hub.Push(event(id, 4, table, 1))
	if p := c.push(); p.Number != 1 {
		t.Fatalf("no event but %v", p)
	}
	d.hub.Led(table.Shard()) // the gateway's own attaches do not count
	receive(t, d.up.calls).answer(wirepb.Code_OK, &wirepb.AttachReply{})
	if s := d.hub.Stats(); s.TooOften != 3 || s.Refused != 3 {
		t.Errorf("%+v", s)
	}
}

// TestAllowance compares with the plain definition: in any span of time, no more than the burst
// plus one per interval.
func TestAllowance(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		burst := rapid.IntRange(1, 5).Draw(t, "burst")
		const every = 100
		var a allowance
		start := time.Unix(1000, 0)
		now := 0
		var taken []int
		for range 40 {
			now += rapid.IntRange(0, 2*every).Draw(t, "pause")
			if a.take(start.Add(time.Duration(now)), burst, every) {
				taken = append(taken, now)
			} else if len(taken) < burst {
				t.Fatalf("refused at %d after %v", now, taken)
			} else if now-taken[len(taken)-burst] >= burst*every {
				t.Fatalf("refused at %d although %v is long past", now, taken)
			}
		}
		for i := range taken {
			for j := i; j < len(taken); j++ {
				if n, most := j-i+1, burst+1+(taken[j]-taken[i])/every; n > most {
					t.Fatalf("%d within %d, at most %d", n, taken[j]-taken[i], most)
				}
			}
		}
	})
}

// A coordinator leader that was paused may report a match whose round is long over.
func TestAStaleMatchIsNoNews(t *testing.T) {
	first, second := game.MakeTableID(1, 1), game.MakeTableID(1, 2)
	now := time.Unix(0, 0)
	var b binding
	b.holds(3, 0, now)
	if !b.matched(3, first) {
		t.Fatal("the first match is no news")
	}
	b.holds(5, 0, now) // queued again, after the round
	if b.matched(3, first) || b.ticket != 5 {
		t.Fatalf("called back to the first table: %+v", b)
	}
	if !b.matched(5, second) || b.matched(3, first) || b.matched(5, second) {
		t.Fatal("the second match must be told once, and the first never again")
	}
}

func TestACutFrameIsCounted(t *testing.T) {
	d := newTestHub(t, nil).listen()
	whole := d.client().login(1, 1)
	whole.conn.Close()
	receive(t, d.left)
	cut := d.client().login(2, 2)
	cut.sendRaw([]byte{0, 0, 1, 0, 'x'})
	cut.conn.Close()
	receive(t, d.left)
	if s := d.hub.Stats(); s.Cut != 1 || s.Sessions != 0 {
		t.Errorf("%+v", s)
	}
}

// TestLateCloseOfTheOldSession: a late close removes only what is its own.
func TestLateCloseOfTheOldSession(t *testing.T) {
	d := newTestHub(t, nil).listen()
	old := d.client().login(9, 4)
	oldID := old.attach(table, 0)
	newer := d.client().login(9, 5)
	id := newer.attach(table, 0)
	old.bye(wirepb.Code_SUPERSEDED, false)
	old.conn.Close()
	if m := receive(t, d.up.closed); m.Session != oldID || m.Epoch != 4 {
		t.Errorf("told %v", m)
	}
	receive(t, d.left)
	d.hub.mu.RLock()
	kept := d.hub.players[9]
	d.hub.mu.RUnlock()
	if kept == nil || kept.id != id {
		t.Error("the player's newest session is forgotten")
	}
	d.hub.Push(event(id, 5, table, 1))
	if p := newer.push(); p.Number != 1 || proto.Size(p) == 0 {
		t.Errorf("no event but %v", p)
	}
}
