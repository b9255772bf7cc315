package proxy

import (
	"net"
	"slices"
	"testing"
	"time"

	"go.uber.org/goleak"

	"teahouse/pkg/wire"
	"teahouse/pkg/wire/wirepb"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// rig is a client and a gateway with a proxy between them.
type rig struct {
	t               *testing.T
	proxy           *Proxy
	client, gateway net.Conn
	frames          *wire.Reader // as they reach the gateway
}

func start(t *testing.T, cfg Config) *rig {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	cfg.Target = ln.Addr().String()
	p, err := Listen(cfg)
	if err != nil {
		t.Fatal(err)
	}
	client, err := net.Dial("tcp", p.Addr())
	if err != nil {
		t.Fatal(err)
	}
	gateway, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		client.Close()
		gateway.Close()
		p.Close()
	})
	for _, c := range []net.Conn{client, gateway} {
		c.SetDeadline(time.Now().Add(20 * time.Second)) // so that a failing test does not hang
	}
	return &rig{t, p, client, gateway, wire.NewReader(gateway, maxFrame, 512)}
}

// send lets the client call a method.
func (r *rig) send(id uint64, method string) {
	r.t.Helper()
	b, err := wire.AppendEnvelope(nil, &wirepb.Envelope{Body: &wirepb.Envelope_Call{Call: &wirepb.Call{Id: id, Method: method}}})
	if err != nil {
		r.t.Fatal(err)
	}
	if _, err := r.client.Write(b); err != nil {
		r.t.Fatal(err)
	}
}

// arrived returns the ids of the next n calls that reach the gateway.
func (r *rig) arrived(n int) (ids []uint64) {
	r.t.Helper()
	for range n {
		body, err := r.frames.Next()
		if err != nil {
			r.t.Fatalf("after %v: %v", ids, err)
		}
		e, err := wire.ParseEnvelope(body)
		if err != nil {
			r.t.Fatal(err)
		}
		ids = append(ids, e.GetCall().GetId())
	}
	return ids
}

func TestOthersPassInOrder(t *testing.T) {
	r := start(t, Config{Delay: 1, Repeat: 1, Cut: 1})
	var want []uint64
	for id := range uint64(100) {
		r.send(id, "table.move")
		want = append(want, id)
	}
	if got := r.arrived(100); !slices.Equal(got, want) {
		t.Errorf("arrived as %v", got)
	}
	if c := r.proxy.Counts(); c != (Counts{Connections: 1}) {
		t.Errorf("%+v", c)
	}
}

func TestADelayKeepsTheOrder(t *testing.T) {
	r := start(t, Config{Delay: 1, MaxHold: 5 * time.Millisecond})
	var want []uint64
	for id := range uint64(50) {
		r.send(id, []string{"queue.join", "queue.cancel", "table.move"}[id%3])
		want = append(want, id)
	}
	if got := r.arrived(50); !slices.Equal(got, want) {
		t.Errorf("arrived as %v", got)
	}
	if c := r.proxy.Counts(); c.Delayed != 34 || c.Commands != 34 {
		t.Errorf("%+v", c)
	}
}

func TestReordersAndRepeats(t *testing.T) {
	r := start(t, Config{Reorder: 1, Repeat: 1, MaxHold: 20 * time.Millisecond})
	seen := make(map[uint64]int)
	for id := range uint64(20) {
		r.send(id, "queue.join")
	}
	got := r.arrived(40)
	for _, id := range got {
		seen[id]++
	}
	for id := range uint64(20) {
		if seen[id] != 2 {
			t.Errorf("command %d arrived %d times", id, seen[id])
		}
	}
	if slices.IsSorted(got) {
		t.Error("no message was overtaken")
	}
	if c := r.proxy.Counts(); c.Reordered != 20 || c.Repeated != 20 {
		t.Errorf("%+v", c)
	}
}

// TestACutLeavesTheGatewaysSide: delayed frames arrive after the client has lost its connection.
func TestACutLeavesTheGatewaysSide(t *testing.T) {
	cfg, err := Config{Target: "x", MaxHold: 10 * time.Millisecond}.withDefaults()
	if err != nil {
		t.Fatal(err)
	}
	client, clientPeer := net.Pipe()
	gateway, gatewayPeer := net.Pipe()
	q := newQueue(cfg, clientPeer, gatewayPeer)
	frames := make(chan held)
	done := make(chan struct{})
	go func() {
		defer close(done)
		q.run(t.Context(), frames)
		gatewayPeer.Close()
	}()
	frames <- held{loose: true} // the cut
	if _, err := client.Read(make([]byte, 1)); err == nil {
		t.Error("the client's side is still open")
	}
	frames <- held{frame: []byte("late"), hold: time.Millisecond, loose: true}
	close(frames)
	buf := make([]byte, 16)
	if n, err := gateway.Read(buf); err != nil || string(buf[:n]) != "late" {
		t.Errorf("%q, %v", buf[:n], err)
	}
	if _, err := gateway.Read(buf); err == nil {
		t.Error("the gateway's side never ends")
	}
	<-done
}

func TestCut(t *testing.T) {
	r := start(t, Config{Cut: 1, MaxHold: time.Millisecond})
	r.send(1, "queue.cancel")
	if _, err := r.client.Read(make([]byte, 1)); err == nil {
		t.Error("the client's side is still open")
	}
	if got := r.arrived(2); !slices.Equal(got, []uint64{1, 1}) { // the copy arrives after the cut
		t.Errorf("arrived as %v", got)
	}
	if c := r.proxy.Counts(); c.Cut != 1 {
		t.Errorf("%+v", c)
	}
}

func TestAnswersPass(t *testing.T) {
	r := start(t, Config{})
	if _, err := r.gateway.Write([]byte("hello")); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 16)
	if n, err := r.client.Read(buf); err != nil || string(buf[:n]) != "hello" {
		t.Errorf("%q, %v", buf[:n], err)
	}
	r.gateway.Close() // when the gateway's side ends, so does the client's
	if _, err := r.client.Read(buf); err == nil {
		t.Error("the client's side is still open")
	}
}

func TestConfig(t *testing.T) {
	for _, c := range []Config{{}, {Target: "x", Delay: 1.1}, {Target: "x", Cut: -0.1}, {Target: "x", MaxHold: -1}} {
		if _, err := Listen(c); err == nil {
			t.Errorf("%+v is accepted", c)
		}
	}
}
