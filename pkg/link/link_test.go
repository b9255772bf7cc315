package link

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"teahouse/pkg/link/linkpb"
	"teahouse/pkg/wire"
)

var testSecret = []byte("a cluster secret of enough bytes")

// testConfig has long timeouts: most tests are not about a busy machine.
func testConfig(name, role string) Config {
	return Config{Cluster: "c1", Secret: testSecret, Name: name, Role: role, DeadAfter: time.Minute}
}

func nodeConfig() Config    { return testConfig("node-1", RoleNode) }
func gatewayConfig() Config { return testConfig("gateway-1", RoleGateway) }

// tcpPair returns both ends of a loopback connection.
func tcpPair(t testing.TB) (dialed, accepted net.Conn) {
	t.Helper()
	ln := listen(t)
	defer ln.Close()
	dialed, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	accepted, err = ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	return dialed, accepted
}

func listen(t testing.TB) net.Listener {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return ln
}

// shake runs the handshake from both sides, without starting the links.
func shake(dial, acc Config, dialed, accepted net.Conn, dialH, accH Handler) (d, a *Conn, derr, aerr error) {
	var both sync.WaitGroup
	both.Go(func() {
		if dial, derr = dial.WithDefaults(); derr == nil {
			d, derr = connect(context.Background(), dial, dialed, "", dialH)
		}
	})
	both.Go(func() { a, aerr = accept(context.Background(), acc, accepted, accH) })
	both.Wait()
	return d, a, derr, aerr
}

// startPair makes a working link from a gateway to a node over loopback.
func startPair(t testing.TB, gateway, node Config, gatewayH, nodeH Handler) (g, n *Conn) {
	t.Helper()
	dialed, accepted := tcpPair(t)
	g, n, err1, err2 := shake(gateway, node, dialed, accepted, gatewayH, nodeH)
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	g.start()
	n.start()
	t.Cleanup(func() {
		g.Close()
		n.Close()
		<-g.Done()
		<-n.Done()
	})
	return g, n
}

// echo answers each request with its own payload.
func echo(c *Conn, r *linkpb.Request) { c.Respond(r.Id, &linkpb.Response{Payload: r.Payload}) }

func TestDialAccept(t *testing.T) {
	ln := listen(t)
	defer ln.Close()
	got := make(chan *Conn, 1)
	go func() {
		nc, err := ln.Accept()
		if err != nil {
			t.Error(err)
			close(got)
			return
		}
		c, err := Accept(t.Context(), nodeConfig(), nc, Handler{Request: echo})
		if err != nil {
			t.Error(err)
		}
		got <- c
	}()
	g, err := Dial(t.Context(), gatewayConfig(), ln.Addr().String(), Handler{})
	if err != nil {
		t.Fatal(err)
	}
	n := <-got
	if p := g.Peer(); p.Name != "node-1" || p.Role != RoleNode {
		t.Errorf("the dialer's peer is %+v", p)
	}
	if p := n.Peer(); p.Name != "gateway-1" || p.Role != RoleGateway {
		t.Errorf("the acceptor's peer is %+v", p)
	}
	response, err := g.Call(t.Context(), &linkpb.Request{Id: 99, Payload: []byte("tea")})
	if err != nil || string(response.Payload) != "tea" || response.Id == 99 {
		t.Errorf("%v, %v", response, err)
	}
	n.Close()
	<-n.Done()
	<-g.Done()
	if !errors.Is(g.Err(), ErrBroken) || !errors.Is(n.Err(), ErrClosed) {
		t.Errorf("ends: %v, %v", g.Err(), n.Err())
	}
	if err := n.SendPush(&linkpb.Push{}); !errors.Is(err, ErrClosed) {
		t.Errorf("push on a closed link: %v", err)
	}
	if _, err := n.Go(&linkpb.Request{}, nil); !errors.Is(err, ErrClosed) {
		t.Errorf("call on a closed link: %v", err)
	}
}

// Frames of all kinds arrive in the order in which they were sent, between Up and Down.
func TestOrder(t *testing.T) {
	const rounds = 500
	var log []string
	note := func(format string, args ...any) { log = append(log, fmt.Sprintf(format, args...)) } // reader goroutine only
	over := make(chan struct{})
	g, n := startPair(t, gatewayConfig(), nodeConfig(), Handler{
		Up:       func(*Conn) { note("up") },
		Push:     func(_ *Conn, m *linkpb.Push) { note("push %d", m.Number) },
		Announce: func(_ *Conn, m *linkpb.Announce) { note("announce %d", m.Term) },
		Members:  func(_ *Conn, m *linkpb.Members) { note("members %d", m.Number) },
		SessionClosed: func(_ *Conn, m *linkpb.SessionClosed) {
			note("closed %d", m.Session)
		},
		Down: func(*Conn, error) { note("down"); close(over) },
	}, Handler{
		Up: func(c *Conn) { c.SendAnnounce(&linkpb.Announce{Term: 1}) },
		Request: func(c *Conn, r *linkpb.Request) {
			c.Respond(r.Id, &linkpb.Response{})
			for i := range uint64(rounds) {
				c.SendPush(&linkpb.Push{Number: i, Payload: make([]byte, i)})
				c.SendMembers(&linkpb.Members{Number: i})
				c.SendSessionClosed(&linkpb.SessionClosed{Session: i})
			}
			c.SendAnnounce(&linkpb.Announce{Term: 2})
		},
	})
	want := []string{"up", "announce 1", "response"}
	for i := range rounds {
		want = append(want, fmt.Sprintf("push %d", i), fmt.Sprintf("members %d", i), fmt.Sprintf("closed %d", i))
	}
	want = append(want, "announce 2", "last", "down")
	if _, err := g.Go(&linkpb.Request{}, func(*linkpb.Response, error) { note("response") }); err != nil {
		t.Fatal(err)
	}
	// The answer to a second request comes after everything else; its handler sends everything
	// again.
	if _, err := g.Go(&linkpb.Request{}, func(*linkpb.Response, error) { note("last"); g.Close() }); err != nil {
		t.Fatal(err)
	}
	<-over
	<-n.Done()
	for i := range min(len(log), len(want)) {
		if log[i] != want[i] {
			t.Fatalf("frame %d is %q, want %q", i, log[i], want[i])
		}
	}
	if len(log) != len(want) {
		t.Fatalf("%d frames, want %d", len(log), len(want))
	}
}

func TestRequestNobodyTakes(t *testing.T) {
	g, n := startPair(t, gatewayConfig(), nodeConfig(), Handler{}, Handler{})
	response, err := g.Call(t.Context(), &linkpb.Request{Method: "x"})
	if err != nil || response.Code.String() != "UNKNOWN_METHOD" {
		t.Fatalf("%v, %v", response, err)
	}
	if n := n.Stats().Ignored; n != 1 {
		t.Fatalf("%d ignored", n)
	}
}

func TestForgottenCall(t *testing.T) {
	requests := make(chan uint64, 1)
	g, n := startPair(t, gatewayConfig(), nodeConfig(), Handler{}, Handler{
		Request: func(c *Conn, r *linkpb.Request) {
			if r.Method == "late" {
				requests <- r.Id
			} else {
				echo(c, r)
			}
		},
	})
	id, err := g.Go(&linkpb.Request{Method: "late"}, func(*linkpb.Response, error) { t.Error("a forgotten call was answered") })
	if err != nil {
		t.Fatal(err)
	}
	if !g.Forget(id) || g.Forget(id) {
		t.Error("Forget did not report true exactly once")
	}
	n.Respond(<-requests, &linkpb.Response{})
	if _, err := g.Call(t.Context(), &linkpb.Request{}); err != nil { // answered after the late response
		t.Fatal(err)
	}
	if got := g.Stats().Ignored; got != 1 {
		t.Errorf("%d ignored, want the late response", got)
	}

	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() {
		_, err := g.Call(ctx, &linkpb.Request{Method: "late"})
		ended <- err
	}()
	<-requests
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled call: %v", err)
	}
}

// When a link breaks, each of its open calls fails once; a call made meanwhile is either refused or
// among them.
func TestBreakFailsOpenCalls(t *testing.T) {
	g, n := startPair(t, gatewayConfig(), nodeConfig(), Handler{}, Handler{
		Request: func(*Conn, *linkpb.Request) {}, // never answers
	})
	const callers, each = 8, 500
	var callbacks, accepted [callers]int
	var all sync.WaitGroup
	for i := range callers {
		all.Go(func() {
			for range each {
				_, err := g.Go(&linkpb.Request{}, func(_ *linkpb.Response, err error) {
					if !errors.Is(err, ErrBroken) {
						t.Errorf("open call: %v", err)
					}
					callbacks[i]++ // reader goroutine
				})
				if err != nil {
					if !errors.Is(err, ErrClosed) {
						t.Errorf("Go: %v", err)
					}
					return
				}
				if accepted[i]++; i == 0 && accepted[i] == each/2 {
					n.Close()
				}
			}
		})
	}
	all.Wait()
	<-g.Done()
	if callbacks != accepted || accepted[0] < each/2 {
		t.Fatalf("accepted %v, called back %v", accepted, callbacks)
	}
}

func TestCallBound(t *testing.T) {
	cfg := gatewayConfig()
	cfg.MaxCalls = 2
	g, _ := startPair(t, cfg, nodeConfig(), Handler{}, Handler{Request: func(*Conn, *linkpb.Request) {}})
	done := func(*linkpb.Response, error) {}
	first, err := g.Go(&linkpb.Request{}, done)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := g.Go(&linkpb.Request{}, done); err != nil {
		t.Fatal(err)
	}
	if _, err := g.Go(&linkpb.Request{}, done); !errors.Is(err, ErrBusy) {
		t.Fatalf("third call: %v", err)
	}
	g.Forget(first)
	if _, err := g.Go(&linkpb.Request{}, done); err != nil {
		t.Fatalf("after one was forgotten: %v", err)
	}
}

// A call that could not be sent does not stay open.
func TestUnsentCall(t *testing.T) {
	cfg := gatewayConfig()
	cfg.MaxFrame, cfg.MaxCalls = 8<<10, 1
	g, _ := startPair(t, cfg, nodeConfig(), Handler{}, Handler{Request: echo})
	never := func(*linkpb.Response, error) { t.Error("called back") }
	if _, err := g.Go(&linkpb.Request{Payload: make([]byte, 8<<10)}, never); !errors.Is(err, ErrTooLong) {
		t.Fatalf("too long: %v", err)
	}
	if _, err := g.Call(t.Context(), &linkpb.Request{}); err != nil {
		t.Fatal(err)
	}
}

func TestLongFrames(t *testing.T) {
	g, _ := startPair(t, gatewayConfig(), nodeConfig(), Handler{}, Handler{Request: echo})
	payload := bytes.Repeat([]byte("tea"), 1<<20) // beyond the read buffer and keepBuffer
	for range 3 {
		response, err := g.Call(t.Context(), &linkpb.Request{Payload: payload})
		if err != nil || !bytes.Equal(response.Payload, payload) {
			t.Fatalf("%d bytes, %v", len(response.GetPayload()), err)
		}
	}
}

func TestGarbageEndsLink(t *testing.T) {
	for name, body := range map[string][]byte{
		"no tag":          {},
		"not a field":     {0xff},
		"a number":        {0x28, 0x01},
		"cut":             {0x2a, 0x05, 0x01},
		"two fields":      {0x1a, 0x00, 0x1a, 0x00},
		"broken request":  {0x2a, 0x01, 0xff},
		"broken response": {0x32, 0x01, 0xff},
		"broken push":     {0x3a, 0x01, 0xff},
	} {
		t.Run(name, func(t *testing.T) {
			g, n := startPair(t, gatewayConfig(), nodeConfig(), Handler{Push: func(*Conn, *linkpb.Push) {}}, Handler{})
			frame := append([]byte{0, 0, 0, byte(len(body))}, body...)
			if _, err := n.nc.Write(frame); err != nil {
				t.Fatal(err)
			}
			<-g.Done()
			if !errors.Is(g.Err(), ErrBroken) {
				t.Fatalf("end: %v", g.Err())
			}
		})
	}
	t.Run("too long", func(t *testing.T) {
		g, n := startPair(t, gatewayConfig(), nodeConfig(), Handler{}, Handler{})
		if _, err := n.nc.Write([]byte{0xff, 0, 0, 0}); err != nil {
			t.Fatal(err)
		}
		<-g.Done()
		var tooLong *wire.FrameTooLong
		if !errors.As(g.Err(), &tooLong) {
			t.Fatalf("end: %v", g.Err())
		}
	})
	t.Run("unknown kind is dropped", func(t *testing.T) {
		g, n := startPair(t, gatewayConfig(), nodeConfig(), Handler{}, Handler{Request: echo})
		if _, err := n.nc.Write([]byte{0, 0, 0, 3, 0xfa, 0x01, 0x00}); err != nil { // field 31
			t.Fatal(err)
		}
		if _, err := g.Call(t.Context(), &linkpb.Request{}); err != nil || g.Stats().Ignored != 1 {
			t.Fatalf("%v, %d ignored", err, g.Stats().Ignored)
		}
	})
}

// The hand-written encoder writes what the generated code would write.
func TestFrameEncoding(t *testing.T) {
	cfg, err := nodeConfig().WithDefaults()
	if err != nil {
		t.Fatal(err)
	}
	q := newQueue(cfg)
	push := &linkpb.Push{Session: 7, Number: 9, Payload: bytes.Repeat([]byte("x"), 300)}
	response := &linkpb.Response{Id: 1, Detail: "d"}
	request := &linkpb.Request{Method: "m"}
	err = errors.Join(q.add(kindPush, push, 0), q.add(kindResponse, response, 300), q.add(kindRequest, request, 1))
	if err != nil {
		t.Fatal(err)
	}
	buf := q.take(nil)
	for _, want := range []*linkpb.Frame{
		{Body: &linkpb.Frame_Push{Push: push}},
		{Body: &linkpb.Frame_Response{Response: &linkpb.Response{Id: 300, Detail: "d"}}},
		{Body: &linkpb.Frame_Request{Request: &linkpb.Request{Id: 1, Method: "m"}}},
	} {
		body, rest, err := wire.Split(buf, cfg.MaxFrame)
		if err != nil {
			t.Fatal(err)
		}
		got := new(linkpb.Frame)
		if err := proto.Unmarshal(body, got); err != nil || !proto.Equal(got, want) {
			t.Fatalf("%v, %v; want %v", got, err, want)
		}
		buf = rest
	}
	if len(buf) != 0 || response.Id != 1 || request.Id != 0 {
		t.Fatalf("%d bytes left, ids %d and %d changed", len(buf), response.Id, request.Id)
	}
}

func TestConfig(t *testing.T) {
	if _, err := nodeConfig().WithDefaults(); err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(*Config){
		"cluster": func(c *Config) { c.Cluster = "" },
		"secret":  func(c *Config) { c.Secret = []byte("short") },
		"name":    func(c *Config) { c.Name = "" },
		"role":    func(c *Config) { c.Role = "king" },
		"ping":    func(c *Config) { c.DeadAfter = 60e6 },
		"times":   func(c *Config) { c.HandshakeTimeout = -1 },
		"bounds":  func(c *Config) { c.QueueFrames = -1 },
	} {
		c := nodeConfig()
		spoil(&c)
		if _, err := c.WithDefaults(); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
