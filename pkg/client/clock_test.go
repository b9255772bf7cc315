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
