package edge

import (
	"context"
	"net/http"
	"testing"
	"time"

	"teahouse/pkg/client"
	"teahouse/pkg/wire/wirepb"
)

// TestGatewaysTakeTurns ends one gateway after the other while a client plays, which loses no
// connection: it goes on through the next one before the Bye.
func TestGatewaysTakeTurns(t *testing.T) {
	signer := newSigner(t)
	reg := newFakeRegistry()
	a := startNode(t, "node-a", 1, signer)
	reg.show(a)
	addr := "127.0.0.1:0"
	type running struct {
		name   string
		status string
		end    context.CancelFunc
		ended  chan error
	}
	start := func(name string) running {
		t.Helper()
		ready := make(chan map[string]string, 1)
		ctx, cancel := context.WithCancel(t.Context())
		t.Cleanup(cancel)
		g := running{name: name, end: cancel, ended: make(chan error, 1)}
		go func() {
			g.ended <- Run(ctx, Config{
				Name: name, Listen: addr, ReusePort: true, Registry: reg, Secret: secret, Verifier: signer.Verifier(),
				Drain: time.Minute, StatusListen: "127.0.0.1:0", Ready: func(a map[string]string) { ready <- a },
			})
		}()
		addresses := receive(t, ready)
		addr, g.status = addresses["client"], addresses["status"]
		receive(t, reg.registered)
		return g
	}
	first := start("gateway-1")
	patience, enough := context.WithTimeout(context.Background(), time.Minute)
	defer enough()
	departed := make(chan bool, 8)
	c, err := client.Dial(patience, client.Config{Addr: addr, Hooks: client.Hooks{
		Departed: func() { departed <- true },
		Received: func(e *wirepb.Envelope) {
			if g := e.GetGoingAway(); g != nil {
				if g.InMs == 0 || g.InMs > 60_000 {
					t.Errorf("told %v", g)
				}
				g.InMs = 300 // nobody wants to wait
			}
		},
	}})
	if err != nil {
		t.Fatal(err)
	}
	tab, err := c.Attach(patience, table)
	if err != nil {
		t.Fatal(err)
	}
	number := uint64(0)
	play := func() {
		t.Helper()
		number++
		if n, err := tab.Move(patience, 1, []byte("move")); err != nil || n != number {
			t.Fatalf("move %d: %v", n, err)
		}
		if e, err := tab.Receive(patience); err != nil || e.Number != number || time.Since(e.At) > time.Minute {
			t.Fatalf("received %v %v", e, err)
		}
	}
	for _, name := range []string{"gateway-2", "gateway-3"} {
		play()
		next := start(name)
		first.end()
		if id := receive(t, reg.left); id != first.name {
			t.Errorf("%s has left", id)
		}
		resp, err := http.Get("http://" + first.status + "/readyz")
		if err == nil {
			if resp.Body.Close(); resp.StatusCode == http.StatusOK {
				t.Errorf("%s is ready for more", first.name)
			}
		}
		http.DefaultClient.CloseIdleConnections()
		for len(departed) == 0 {
			play()
		}
		<-departed
		if err := receive(t, first.ended); err != nil { // long before the Bye: nobody is left
			t.Error(err)
		}
		first = next
	}
	play()
	if s := c.Stats(); s.Departures != 2 || s.Disconnects != 0 || s.Resends != 0 || s.Gaps != 0 {
		t.Errorf("%+v", s)
	}
	c.Close()
	first.end()
	if err := receive(t, first.ended); err != nil {
		t.Error(err)
	}
}

// TestHurry: nobody is waited for when nobody wants that.
func TestHurry(t *testing.T) {
	signer := newSigner(t)
	for name, change := range map[string]func(*Config, chan struct{}){
		"hurry":    func(c *Config, hurry chan struct{}) { c.Drain, c.Hurry = time.Hour, hurry },
		"no drain": func(c *Config, _ chan struct{}) { c.Drain = -1 },
	} {
		t.Run(name, func(t *testing.T) {
			reg := newFakeRegistry()
			reg.show(startNode(t, "node-a", 1, signer))
			ready, hurry := make(chan map[string]string, 1), make(chan struct{})
			cfg := Config{
				Listen: "127.0.0.1:0", Registry: reg, Secret: secret, Verifier: signer.Verifier(),
				Ready: func(a map[string]string) { ready <- a },
			}
			change(&cfg, hurry)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			ended := make(chan error, 1)
			go func() { ended <- Run(ctx, cfg) }()
			bye := make(chan wirepb.Code, 1)
			c, err := client.Dial(t.Context(), client.Config{Addr: receive(t, ready)["client"], BackoffMin: time.Minute, BackoffMax: time.Minute,
				Hooks: client.Hooks{Received: func(e *wirepb.Envelope) {
					if e.GetBye() != nil {
						bye <- e.GetBye().Code
					}
				}}})
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			cancel()
			close(hurry)
			if code := receive(t, bye); code != wirepb.Code_SHUTTING_DOWN {
				t.Errorf("sent away with %v", code)
			}
			if err := receive(t, ended); err != nil {
				t.Error(err)
			}
		})
	}
}
