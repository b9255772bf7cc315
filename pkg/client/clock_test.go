package client

import (
	"context"
	"net"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"teahouse/pkg/wire/wirepb"
)

// TestHeartbeatsAndASilentGateway runs on fake time: the client pings a silent gateway, and leaves
// it when that has lasted too long.
func TestHeartbeatsAndASilentGateway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &gateway{t: t, conns: make(chan *peer, 4), calls: make(chan call, 4)}
		lost := make(chan error, 4)
		var pings atomic.Uint64
		c, err := Dial(t.Context(), Config{
			Addr: "pipe",
			Dial: func(context.Context, string) (net.Conn, error) {
				ours, theirs := net.Pipe()
				go g.serve(&peer{t: t, conn: theirs, pings: &pings})
				return ours, nil
			},
			Hooks: Hooks{Disconnected: func(err error) { lost <- err }},
		})
		if err != nil {
			t.Fatal(err)
		}
		first, began := <-g.conns, time.Now()
		if err := <-lost; err != errIdle {
			t.Errorf("lost by %v", err)
		}
		if took := time.Since(began); took < 30*time.Second || took > 36*time.Second {
			t.Errorf("lost after %v", took)
		}
		if pings.Load() < 4 {
			t.Errorf("%d pings", pings.Load())
		}
		second := <-g.conns
		if first == second || second.login.Method != "auth.resume" {
			t.Error("the session did not go on")
		}
		for range 20 { // a gateway that sends something is kept
			time.Sleep(9 * time.Second)
			second.send(&wirepb.Envelope{Body: &wirepb.Envelope_Ping{Ping: &wirepb.Ping{}}})
		}
		if len(lost) != 0 {
			t.Error("the connection was closed")
		}
		c.Close()
	})
}

// TestTimesAreTold runs on fake time, with gateways whose clocks are far off and a line that is
// slow. What happened long before is told as such, also after a resume through another gateway.
func TestTimesAreTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const there, back = 30 * time.Millisecond, 50 * time.Millisecond
		offsets := []time.Duration{time.Hour, -7 * time.Minute}
		gateways := []*gateway{}
		for _, off := range offsets {
			gateways = append(gateways, &gateway{t: t, conns: make(chan *peer, 4), calls: make(chan call, 4), clock: func() time.Time {
				time.Sleep(there) // the ping has come so late
				now := time.Now().Add(off)
				time.Sleep(back)
				return now
			}})
		}
		var pings atomic.Uint64
		dials := 0
		c, err := Dial(t.Context(), Config{
			Addr: "pipe",
			Dial: func(context.Context, string) (net.Conn, error) {
				ours, theirs := net.Pipe()
				g := gateways[dials%2]
				dials++
				go g.serve(&peer{t: t, conn: theirs, pings: &pings})
				return ours, nil
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		var tab *Table
		tell := func(i int, p *peer, number uint64, ago, want time.Duration) {
			t.Helper()
			when := time.Now().Add(-ago)
			p.send(&wirepb.Envelope{Body: &wirepb.Envelope_Push{Push: &wirepb.Push{
				Kind: wirepb.Push_EVENT, Table: uint64(table), Number: number, TimeMs: uint64(when.Add(offsets[i]).UnixMilli()),
			}}})
			e, err := tab.Receive(t.Context())
			if err != nil || e.Number != number {
				t.Fatal(e, err)
			}
			if off := e.At.Sub(time.Now().Add(-want)).Abs(); off > (there+back)/2+time.Millisecond {
				t.Errorf("event %d is told as %v ago, want %v", number, time.Since(e.At), want)
			}
		}
		first := <-gateways[0].conns
		tab = sit(t, gateways[0], c, 1)
		tell(0, first, 1, 0, 0)
		tell(0, first, 2, 3*time.Second, 3*time.Second)
		tell(0, first, 3, -time.Minute, 0) // never later than now
		before := pings.Load()
		for range 30 { // calls that keep the line busy do not keep the clock
			time.Sleep(3 * time.Second)
			go c.Call(t.Context(), "queue.list", 0, &wirepb.ListRequest{}, nil)
			(<-gateways[0].calls).answer(wirepb.Code_OK, nil)
		}
		if n := pings.Load() - before; n < 2 || n > 4 {
			t.Errorf("%d pings in 90 s", n)
		}
		first.conn.Close()
		second := <-gateways[1].conns
		(<-gateways[1].calls).answer(wirepb.Code_OK, &wirepb.AttachReply{Seat: 2, NextNumber: 1})
		tell(1, second, 4, 20*time.Second, 20*time.Second)
	})
}

// A gateway that tells no time, or has not yet, is believed to tell what happens now.
func TestWithoutTheGatewaysClockItIsNow(t *testing.T) {
	g := startGateway(t)
	now := time.Unix(1_800_000_000, 0)
	c, p := g.dial(func(cfg *Config) { cfg.Now = func() time.Time { return now } })
	tab := sit(t, g, c, 1)
	p.send(&wirepb.Envelope{Body: &wirepb.Envelope_Push{Push: &wirepb.Push{
		Kind: wirepb.Push_EVENT, Table: uint64(table), Number: 1, TimeMs: 1_700_000_000_000,
	}}})
	if e, err := tab.Receive(testContext(t)); err != nil || !e.At.Equal(now) {
		t.Errorf("told of %v, %v", e.At, err)
	}
}
