package session

import (
	"context"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"teahouse/pkg/wire"
	"teahouse/pkg/wire/wirepb"
)

// TestGoAway runs on fake time: all clients are told once when the end comes, whenever they said Hello,
// and are served until then, or until none is left.
func TestGoAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newTestHub(t, nil)
		client := func() *testClient {
			ours, theirs := net.Pipe()
			go d.hub.Serve(theirs)
			synctest.Wait()
			return d.over(ours)
		}
		told := func(c *testClient, want uint32) {
			t.Helper()
			if g := c.next().GetGoingAway(); g == nil || g.InMs != want {
				t.Errorf("told %v, want %d ms", g, want)
			}
		}
		played, silent, early := client().login(9, 4), client(), client().hello()
		over := make(chan time.Duration, 1)
		began := time.Now()
		go func() {
			d.hub.GoAway(t.Context(), 8*time.Second)
			over <- time.Since(began)
		}()
		told(played, 8000)
		told(early, 8000)
		time.Sleep(1500 * time.Millisecond)
		silent.send(&wirepb.Envelope{Body: &wirepb.Envelope_Hello{Hello: &wirepb.Hello{Version: wire.Version}}})
		if silent.next().GetWelcome() == nil {
			t.Error("no Welcome")
		}
		told(silent, 6500)
		late := client().hello()
		told(late, 6500)
		// Everybody is served.
		played.attach(table, 0)
		d.hub.Push(event(d.hub.players[9].id, 4, table, 1))
		if played.push().Number != 1 {
			t.Error("no event")
		}
		for _, c := range []*testClient{early, silent, late} {
			c.conn.Close()
		}
		time.Sleep(2 * time.Second)
		if len(over) != 0 {
			t.Error("it did not wait for the last one")
		}
		played.conn.Close()
		if took := <-over; took != 3500*time.Millisecond {
			t.Errorf("the last one left after %v", took)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		d.hub.Drain(ctx)
	})
	synctest.Test(t, func(t *testing.T) {
		d := newTestHub(t, nil)
		began := time.Now()
		d.hub.GoAway(t.Context(), time.Hour) // nobody is there
		ours, theirs := net.Pipe()
		go d.hub.Serve(theirs)
		c := d.over(ours).hello()
		if g := c.next().GetGoingAway(); g.GetInMs() != 3_600_000 || time.Since(began) != 0 {
			t.Errorf("told %v", g)
		}
		drained := make(chan bool)
		go func() {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			d.hub.Drain(ctx)
			drained <- true
		}()
		c.bye(wirepb.Code_SHUTTING_DOWN, true)
		ours.Close()
		<-drained
	})
	synctest.Test(t, func(t *testing.T) {
		d := newTestHub(t, nil)
		ours, theirs := net.Pipe()
		go d.hub.Serve(theirs)
		c := d.over(ours).hello()
		go c.next()
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		began := time.Now()
		d.hub.GoAway(ctx, time.Hour)
		if took := time.Since(began); took != 2*time.Second {
			t.Errorf("it lasted %v", took)
		}
		ours.Close()
	})
}
