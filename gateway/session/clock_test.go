package session

import (
	"context"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/protobuf/proto"

	"teahouse/pkg/wire/wirepb"
)

// TestTheClock runs on fake time, with a pipe instead of a socket.
func TestTheClock(t *testing.T) {
	start := func(t *testing.T) (*testHub, *testClient) {
		d := newTestHub(t, nil)
		ctx, cancel := context.WithCancel(t.Context())
		ours, theirs := net.Pipe()
		go d.hub.Run(ctx)
		go d.hub.Serve(theirs)
		t.Cleanup(func() {
			cancel()
			ours.Close()
			synctest.Wait()
		})
		return d, d.over(ours)
	}
	byeAt := func(t *testing.T, c *testClient, code wirepb.Code, at time.Duration) {
		t.Helper()
		began := time.Now()
		c.bye(code, true)
		if took := time.Since(began); took < at || took > at+time.Second {
			t.Errorf("%v came after %v, want %v", code, took, at)
		}
	}
	t.Run("handshake", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			_, c := start(t)
			byeAt(t, c, wirepb.Code_HANDSHAKE_TIMEOUT, 5*time.Second)
		})
	})
	t.Run("a partial frame keeps nobody alive", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			_, c := start(t)
			c.sendRaw([]byte{0, 0, 0})
			byeAt(t, c, wirepb.Code_HANDSHAKE_TIMEOUT, 5*time.Second)
		})
	})
	t.Run("idle, with pings before it", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			_, c := start(t)
			c.hello()
			began := time.Now()
			if e := c.next(); e.GetPing() == nil {
				t.Errorf("no ping but %v", e)
			}
			if took := time.Since(began); took < 10*time.Second || took > 11*time.Second {
				t.Errorf("the ping came after %v", took)
			}
			byeAt(t, c, wirepb.Code_IDLE_TIMEOUT, 30*time.Second-time.Since(began).Truncate(time.Second))
		})
	})
	t.Run("heartbeats keep it alive", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			d, c := start(t)
			c.hello()
			for range 20 {
				time.Sleep(5 * time.Second)
				c.send(&wirepb.Envelope{Body: &wirepb.Envelope_Ping{Ping: &wirepb.Ping{Nonce: 3}}})
				if p := c.next().GetPong(); p.GetNonce() != 3 {
					t.Errorf("no pong but %v", p)
				}
			}
			if d.hub.Len() != 1 {
				t.Error("the session is gone")
			}
		})
	})
	t.Run("a lost hint loses no match", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			d, c := start(t)
			c.login(9, 4)
			c.call("queue.join", 0, &wirepb.JoinRequest{Number: 1})
			(<-d.up.calls).answer(wirepb.Code_OK, &wirepb.JoinReply{Ticket: 77})
			c.reply(wirepb.Code_OK)
			began := time.Now()
			read := <-d.up.calls
			if took := time.Since(began); read.Method != "queue.binding" || took < 2*time.Second || took > 3*time.Second {
				t.Errorf("%s came after %v", read.Method, took)
			}
			read.answer(wirepb.Code_OK, &wirepb.BindingReply{Ticket: 77})
			go (<-d.up.calls).answer(wirepb.Code_OK, &wirepb.BindingReply{Table: uint64(table)})
			n := &wirepb.Notice{}
			p := c.push()
			if err := proto.Unmarshal(p.Payload, n); err != nil || n.GetMatched().GetTable() != uint64(table) || n.GetMatched().Ticket != 77 {
				t.Errorf("told %v %v", p, err)
			}
			// The coordinator's own hint arrives late: the client already knows.
			notice := event(d.hub.all()[0].id, 4, 0, 0)
			notice.Kind, notice.Payload = wirepb.Push_NOTICE, p.Payload
			d.hub.Push(notice)
			time.Sleep(5 * time.Second)
			if s := d.hub.Stats(); s.Pushes != 0 || s.BindingsRead != 2 {
				t.Errorf("%d hints forwarded, %d bindings read", s.Pushes, s.BindingsRead)
			}
		})
	})
	t.Run("a match that a shard refuses is not the last word", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			d, c := start(t)
			c.login(9, 4)
			c.call("queue.join", 0, &wirepb.JoinRequest{Number: 1})
			receive(t, d.up.calls).answer(wirepb.Code_OK, &wirepb.JoinReply{Ticket: 77})
			c.reply(wirepb.Code_OK)
			c.call("queue.cancel", 0, &wirepb.CancelRequest{Number: 2, Ticket: 77})
			receive(t, d.up.calls).answer(wirepb.Code_AT_TABLE, &wirepb.CancelReply{Table: uint64(table)})
			c.reply(wirepb.Code_AT_TABLE)
			receive(t, d.up.calls).answer(wirepb.Code_OK, &wirepb.BindingReply{Ticket: 77}) // back in the queue
			go receive(t, d.up.calls).answer(wirepb.Code_OK, &wirepb.BindingReply{Table: uint64(table + 1)})
			n := &wirepb.Notice{}
			p := c.push()
			if err := proto.Unmarshal(p.Payload, n); err != nil || n.GetMatched().GetTable() != uint64(table+1) {
				t.Errorf("told %v %v", p, err)
			}
		})
	})
}

// After a pause of the process, what the clients sent meanwhile is still unread.
func TestAPauseOfTheProcessIsNotTheClientsSilence(t *testing.T) {
	d := newTestHub(t, nil).listen()
	c := d.client().login(9, 4)
	now := time.Now()
	d.hub.sweep(now, now.Add(time.Minute))
	if s := d.hub.Stats(); len(s.Byes) != 0 {
		t.Fatalf("said goodbye: %v", s.Byes)
	}
	now = now.Add(time.Minute)
	for range 31 * 4 { // from now on the process runs and hears nothing
		d.hub.sweep(now, now.Add(250*time.Millisecond))
		now = now.Add(250 * time.Millisecond)
	}
	c.bye(wirepb.Code_IDLE_TIMEOUT, true)
}
