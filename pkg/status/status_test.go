package status

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestServe(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	mux := http.NewServeMux()
	mux.Handle("GET /status", Handler(func() any { return Now() }))
	go func() { ended <- Serve(ctx, l, mux) }()

	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	garbage := make([]byte, 64<<20)
	read := func(path string, want int) (p Process) {
		t.Helper()
		resp, err := client.Get("http://" + l.Addr().String() + path)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if resp.StatusCode != want {
			t.Fatalf("%s: %s, want %d", path, resp.Status, want)
		}
		if want == http.StatusOK {
			if err := json.NewDecoder(resp.Body).Decode(&p); err != nil {
				t.Fatal(err)
			}
		}
		return p
	}
	before := read("/status", http.StatusOK)
	if before.Goroutines < 2 || before.HeapBytes < uint64(len(garbage)) {
		t.Errorf("%+v", before)
	}
	runtime.KeepAlive(garbage)
	if after := read("/status?gc=1", http.StatusOK); after.HeapBytes > before.HeapBytes-32<<20 {
		t.Errorf("%d bytes after a collection, %d before", after.HeapBytes, before.HeapBytes)
	}
	read("/other", http.StatusNotFound)
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// TestServeFinishes: an answer under way is given, and nothing is asked of h after
// Serve has returned.
func TestServeFinishes(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended, answered := make(chan error, 1), make(chan error, 1)
	finished := false
	h := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		cancel()
		for { // until nobody is let in any more
			nc, err := net.Dial("tcp", l.Addr().String())
			if err != nil {
				break
			}
			nc.Close()
		}
		finished = true
		w.WriteHeader(http.StatusNoContent)
	})
	go func() { ended <- Serve(ctx, l, h) }()
	go func() {
		client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
		resp, err := client.Get("http://" + l.Addr().String())
		if err == nil {
			resp.Body.Close()
		}
		answered <- err
	}()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if !finished {
		t.Error("it returned before the answer")
	}
	if err := <-answered; err != nil {
		t.Error(err)
	}
}

// What bench ab divides by the moves only grows.
func TestAllocationsCount(t *testing.T) {
	before := Now()
	var kept [][]byte
	for range 1000 {
		kept = append(kept, make([]byte, 1000))
	}
	after := Now()
	runtime.KeepAlive(kept)
	if after.Mallocs < before.Mallocs+1000 || after.AllocBytes < before.AllocBytes+1000*1000 {
		t.Errorf("%+v, before %+v", after, before)
	}
}

func TestProbes(t *testing.T) {
	var reasons []string
	mux := http.NewServeMux()
	Probes(mux, func() []string { return reasons })
	ask := func(path string, code int, body string) {
		t.Helper()
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		if w.Code != code || w.Body.String() != body {
			t.Errorf("%s: %d %q, want %d %q", path, w.Code, w.Body, code, body)
		}
	}
	ask("/readyz", http.StatusOK, "ready\n")
	reasons = []string{"no leader", "no link"}
	ask("/readyz", http.StatusServiceUnavailable, "no leader\nno link\n")
	ask("/livez", http.StatusOK, "live\n")
}
