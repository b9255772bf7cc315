package embedded_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"teahouse/registry/consul"
	"teahouse/registry/embedded"
)

// inProcess passes the client's requests to the handler without a socket, so that both can run in a
// bubble of fake time.
type inProcess struct{ handler http.Handler }

func (p inProcess) RoundTrip(req *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	if req.Body == nil {
		req.Body = http.NoBody
	}
	p.handler.ServeHTTP(w, req)
	return w.Result(), req.Context().Err()
}

// With the default times: a living instance is seen for an hour, a silent one until its time to
// live is over, and watchers learn of that at that very moment.
func TestExpiryToTheSecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		handler, expire := embedded.NewHandlerAndExpiry(embedded.Config{})
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { defer close(ended); expire(ctx) }()
		defer func() { cancel(); <-ended }()
		cfg := consul.Config{Addr: "in.process:1", Transport: inProcess{handler}}

		alive, crashes := client(t, cfg), client(t, cfg)
		defer alive.Close()
		ch := mustWatch(t, alive)
		mustRegister(t, alive, node("alive"))
		awaitIDs(t, ch, "alive")
		mustRegister(t, crashes, node("crashes"))
		awaitIDs(t, ch, "alive", "crashes")

		time.Sleep(time.Hour + time.Second)
		synctest.Wait()
		select {
		case s := <-ch:
			t.Fatalf("a change although nothing happened: %v", s)
		default:
		}

		// The last heartbeat came at a multiple of 5/3 s: at 3600 s, 1 s ago.
		if err := crashes.Close(); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		awaitIDs(t, ch, "alive")
		if took := time.Since(began).Round(time.Millisecond); took != 4*time.Second {
			t.Errorf("gone after %v, want 4s: 5 s after its last heartbeat", took)
		}
	})
}
