package embedded_test

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"teahouse/registry"
	"teahouse/registry/consul"
	"teahouse/registry/embedded"
)

func node(id string) registry.Instance {
	return registry.Instance{ID: id, Name: id, Role: registry.RoleNode, LinkAddr: "127.0.0.1:7801"}
}

// awaitIDs reads until a snapshot has exactly these ids.
func awaitIDs(t testing.TB, ch <-chan registry.Snapshot, ids ...string) {
	t.Helper()
	timeout := time.After(30 * time.Second)
	for {
		select {
		case s, ok := <-ch:
			if !ok {
				t.Fatal("watch ended")
			}
			if slices.EqualFunc(s.Instances, ids, func(i registry.Instance, id string) bool { return i.ID == id }) {
				return
			}
		case <-timeout:
			t.Fatalf("no snapshot with %v", ids)
		}
	}
}

func mustWatch(t testing.TB, r registry.Registry) <-chan registry.Snapshot {
	t.Helper()
	ch, err := r.Watch(t.Context(), registry.RoleNode)
	if err != nil {
		t.Fatal(err)
	}
	return ch
}

func mustRegister(t testing.TB, r registry.Registry, i registry.Instance) registry.Registration {
	t.Helper()
	reg, err := r.Register(t.Context(), i)
	if err != nil {
		t.Fatal(err)
	}
	return reg
}

// A restarted server knows no instance, and they all register again.
func TestRestart(t *testing.T) {
	first := start(t, embedded.Config{})
	quick := consul.Config{Addr: first.Addr(), TTL: 300 * time.Millisecond, BackoffMax: 100 * time.Millisecond}
	r := client(t, quick)
	old := mustWatch(t, r)
	mustRegister(t, r, node("n1"))
	awaitIDs(t, old, "n1")

	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	second := start(t, embedded.Config{Addr: first.Addr()})
	awaitIDs(t, mustWatch(t, client(t, quick)), "n1")
	mustRegister(t, client(t, quick), node("n2"))
	awaitIDs(t, old, "n1", "n2")
	if got := second.Stats().Instances; got != 2 {
		t.Errorf("%d instances, want 2", got)
	}
}

// A process starts without its registry and is found once there is one.
func TestRegistryStartsLater(t *testing.T) {
	early, err := embedded.New(embedded.Config{})
	if err != nil {
		t.Fatal(err)
	}
	addr := early.Addr()
	if err := early.Close(); err != nil { // without Run
		t.Fatal(err)
	}
	r := client(t, consul.Config{Addr: addr, TTL: 300 * time.Millisecond, BackoffMax: 100 * time.Millisecond})
	ch := mustWatch(t, r)
	mustRegister(t, r, node("n1"))
	start(t, embedded.Config{Addr: addr})
	awaitIDs(t, ch, "n1")
}

func TestCloseBeforeRun(t *testing.T) {
	server, err := embedded.New(embedded.Config{})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := server.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if err := server.Run(t.Context()); err != nil {
		t.Errorf("run: %v", err)
	}
	if err := server.Close(); err != nil {
		t.Fatal(err)
	}
	if conn, err := net.Dial("tcp", server.Addr()); err == nil {
		_ = conn.Close()
		t.Error("still listens")
	}
}

func TestRunTwice(t *testing.T) {
	server := start(t, embedded.Config{})
	awaitIDs(t, mustWatch(t, client(t, consul.Config{Addr: server.Addr()}))) // it runs
	if err := server.Run(t.Context()); err == nil {
		t.Error("a second Run returned no error")
	}
}

func TestRunEndsWithContext(t *testing.T) {
	server, err := embedded.New(embedded.Config{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	result := make(chan error, 1)
	go func() { result <- server.Run(ctx) }()
	awaitIDs(t, mustWatch(t, client(t, consul.Config{Addr: server.Addr()}))) // it serves
	cancel()
	if err := <-result; err != nil {
		t.Errorf("run: %v", err)
	}
	if err := server.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
}

func TestDefaultAddrIsLoopback(t *testing.T) {
	host, _, err := net.SplitHostPort(start(t, embedded.Config{}).Addr())
	if err != nil || !net.ParseIP(host).IsLoopback() {
		t.Errorf("listens on %q, %v", host, err)
	}
}

func TestConfigOutOfRange(t *testing.T) {
	for _, cfg := range []embedded.Config{
		{MaxInstances: -1}, {MaxWatches: -1}, {MaxConns: -1}, {MaxBody: -1}, {Addr: "no port"},
	} {
		if server, err := embedded.New(cfg); err == nil {
			_ = server.Close()
			t.Errorf("%+v was accepted", cfg)
		}
	}
}

// send makes one request without the client, which would never send it.
func send(t *testing.T, server *embedded.Server, method, path, body string) (status int) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, "http://"+server.Addr()+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{DisableKeepAlives: true}
	resp, err := transport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	return resp.StatusCode
}

func TestBadRequests(t *testing.T) {
	server := start(t, embedded.Config{MaxBody: 512, MaxInstances: 1})
	const register = "/v1/agent/service/register"
	if got := send(t, server, "PUT", register, `{"Name":"a","Check":{"TTL":"1m"}}`); got != 200 {
		t.Fatalf("a valid registration: status %d", got)
	}
	for _, test := range []struct {
		name, method, path, body string
		want                     int
	}{
		{"too long", "PUT", register, `{"Name":"` + strings.Repeat("a", 600) + `"}`, 413},
		{"garbage", "PUT", register, "\x00{", 400},
		{"empty", "PUT", register, "", 400},
		{"no name", "PUT", register, "{}", 400},
		{"long name", "PUT", register, `{"Name":"` + strings.Repeat("a", 300) + `"}`, 400},
		{"no ttl", "PUT", register, `{"Name":"a","Check":{}}`, 400},
		{"negative ttl", "PUT", register, `{"Name":"a","Check":{"TTL":"-1s"}}`, 400},
		{"endless ttl", "PUT", register, `{"Name":"a","Check":{"TTL":"25h"}}`, 400},
		{"bad status", "PUT", register, `{"Name":"a","Check":{"TTL":"1s","Status":"fine"}}`, 400},
		{"bad grace", "PUT", register, `{"Name":"a","Check":{"TTL":"1s","DeregisterCriticalServiceAfter":"soon"}}`, 400},
		{"two checks", "PUT", register, `{"Name":"a","Checks":[{"TTL":"1s"}]}`, 400},
		{"full", "PUT", register, `{"Name":"b"}`, 429},
		{"wrong method", "POST", register, `{"Name":"a"}`, 405},
		{"unknown path", "GET", "/v1/kv/secret", "", 404},
		{"unknown service", "PUT", "/v1/agent/service/deregister/x", "", 404},
		{"unknown check", "PUT", "/v1/agent/check/update/x", `{"Status":"passing"}`, 404},
		{"update to nonsense", "PUT", "/v1/agent/check/update/service:a", `{"Status":"fine"}`, 400},
		{"index is no number", "GET", "/v1/health/service/a?index=x", "", 400},
		{"wait is no time", "GET", "/v1/health/service/a?index=1&wait=x", "", 400},
		{"negative wait", "GET", "/v1/health/service/a?index=1&wait=-1s", "", 400},
	} {
		if got := send(t, server, test.method, test.path, test.body); got != test.want {
			t.Errorf("%s: status %d, want %d", test.name, got, test.want)
		}
	}
	stats := server.Stats()
	if stats.Instances != 1 || stats.RefusedInstances != 1 || stats.RefusedBodies != 3 {
		t.Errorf("stats %+v", stats)
	}
}

func TestTooManyWatches(t *testing.T) {
	server := start(t, embedded.Config{MaxWatches: 1})
	// An index from the future is answered at once; the current one, 1, blocks.
	if got := send(t, server, "GET", "/v1/health/service/a?index=7&wait=10m", ""); got != 200 {
		t.Fatalf("index from the future: status %d", got)
	}
	waits := make(chan int, 1)
	go func() { waits <- send(t, server, "GET", "/v1/health/service/a?index=1&wait=10m", "") }()
	for server.Stats().Watches == 0 {
		select {
		case status := <-waits:
			t.Fatalf("the first query did not wait: status %d", status)
		case <-time.After(time.Millisecond):
		}
	}
	if got := send(t, server, "GET", "/v1/health/service/a?index=1&wait=10m", ""); got != 429 {
		t.Errorf("the second: status %d, want 429", got)
	}
	if got := server.Stats().RefusedWatches; got != 1 {
		t.Errorf("%d refused watches, want 1", got)
	}
	if err := server.Close(); err != nil { // ends the blocked query
		t.Fatal(err)
	}
	if got := <-waits; got != 503 {
		t.Errorf("at the end: status %d, want 503", got)
	}
}

func TestTooManyConnections(t *testing.T) {
	server := start(t, embedded.Config{MaxConns: 1})
	first, err := net.Dial("tcp", server.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	// An answer shows that the first connection has been counted.
	if _, err := first.Write([]byte("GET /v1/health/service/a HTTP/1.1\r\nHost: x\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	if _, err := first.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	second, err := net.Dial("tcp", server.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close()
	_ = second.SetReadDeadline(time.Now().Add(30 * time.Second))
	if n, err := second.Read(make([]byte, 1)); n != 0 || isTimeout(err) {
		t.Errorf("the second connection stayed open: read %d, %v", n, err)
	}
	if got := server.Stats().RefusedConns; got != 1 {
		t.Errorf("%d refused connections, want 1", got)
	}
}

func isTimeout(err error) bool {
	netErr, ok := err.(net.Error)
	return ok && netErr.Timeout()
}

// A silent client does not delay the end.
func TestCloseWithSilentConnection(t *testing.T) {
	server := start(t, embedded.Config{})
	conn, err := net.Dial("tcp", server.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	began := time.Now()
	if err := server.Close(); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("closing took %v", took)
	}
}

func FuzzRegister(f *testing.F) {
	f.Add([]byte(`{"ID":"n1","Name":"teahouse-node","Check":{"CheckID":"ttl:n1","TTL":"5s","Status":"passing"}}`))
	f.Add([]byte(`{"Name":"a","Meta":{"k":"v"},"Checks":null}`))
	f.Add([]byte("null"))
	handler := embedded.NewHandler(embedded.Config{MaxInstances: 2, MaxBody: 4096})
	f.Fuzz(func(t *testing.T, body []byte) {
		status := serve(handler, "PUT", "/v1/agent/service/register", body)
		if !slices.Contains([]int{200, 400, 413, 429}, status) {
			t.Errorf("status %d", status)
		}
		if status := serve(handler, "GET", "/v1/health/service/a", nil); status != 200 {
			t.Errorf("afterwards: status %d", status)
		}
	})
}

// The time from a registration to its arrival at a watcher, both over real connections.
func BenchmarkWatchLatency(b *testing.B) {
	server, err := embedded.New(embedded.Config{})
	if err != nil {
		b.Fatal(err)
	}
	result := make(chan error, 1)
	go func() { result <- server.Run(b.Context()) }()
	defer func() { _ = server.Close(); <-result }()
	r, err := consul.New(consul.Config{Addr: server.Addr()})
	if err != nil {
		b.Fatal(err)
	}
	defer r.Close()
	ch := mustWatch(b, r)
	awaitIDs(b, ch)
	n := 0
	for b.Loop() {
		n++
		i := node("n1")
		i.Meta = map[string]string{"n": fmt.Sprint(n)}
		reg := mustRegister(b, r, i)
		awaitIDs(b, ch, "n1")
		if err := reg.Close(b.Context()); err != nil {
			b.Fatal(err)
		}
		awaitIDs(b, ch)
	}
}

func serve(handler http.Handler, method, path string, body []byte) int {
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, httptest.NewRequest(method, path, bytes.NewReader(body)))
	return w.Code
}
