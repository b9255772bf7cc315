package peer

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"teahouse/pkg/game"
	"teahouse/pkg/link"
	"teahouse/pkg/link/linkpb"
	"teahouse/pkg/wire/wirepb"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const shard = game.GroupID(3)

func linkConfig(name string) link.Config {
	return link.Config{
		Cluster: "c1", Secret: []byte("a cluster secret of enough bytes"), Name: name, Role: link.RoleNode,
		DeadAfter: time.Minute, // these tests must not fail on a busy machine
	}
}

// fakeNode is another node, for which the test answers.
type fakeNode struct {
	name, addr string
	stop       func()
	up         chan *link.Conn
	requests   chan request
}

type request struct {
	c   *link.Conn
	req *linkpb.Request
}

func (r request) answer(code wirepb.Code, detail string) {
	r.c.Respond(r.req.Id, &linkpb.Response{Code: code, Detail: detail})
}

func startNode(t *testing.T, name string) *fakeNode {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	n := &fakeNode{
		name: name, addr: ln.Addr().String(),
		up: make(chan *link.Conn, 16), requests: make(chan request, 16),
	}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		err := link.Serve(ctx, ln, linkConfig(name), link.Handler{
			Up:      func(c *link.Conn) { n.up <- c },
			Request: func(c *link.Conn, req *linkpb.Request) { n.requests <- request{c, req} },
		})
		if err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
	n.stop = func() { cancel(); running.Wait() }
	t.Cleanup(n.stop)
	return n
}

// startPeers makes the Peers of node-1 with links to nodes, which are up when it returns.
func startPeers(t *testing.T, cfg Config, nodes ...*fakeNode) (*Peers, map[string]*link.Conn) {
	t.Helper()
	cfg.Link = linkConfig("node-1")
	p, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	addrs := map[string]string{"node-1": "127.0.0.1:1"} // never dialed: it is itself
	for _, n := range nodes {
		addrs[n.name] = n.addr
	}
	p.SetTargets(addrs)
	conns := make(map[string]*link.Conn)
	for _, n := range nodes {
		conns[n.name] = receive(t, n.up)
	}
	return p, conns
}

func receive[T any](t *testing.T, from <-chan T) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(time.Minute):
		t.Fatal("nothing came")
		panic("unreachable")
	}
}

// call makes a call and returns a channel for its outcome as text.
func call(t *testing.T, p *Peers) <-chan string {
	t.Helper()
	outcome := make(chan string, 1)
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() {
		response, err := p.Call(ctx, shard, &linkpb.Request{Method: link.MethodCreate, Group: uint32(shard)})
		outcome <- fmt.Sprint(response.GetCode(), " ", response.GetDetail(), " ", err)
	})
	t.Cleanup(func() { cancel(); running.Wait() })
	return outcome
}

func announce(t *testing.T, c *link.Conn, term uint64, withdrawn bool) {
	t.Helper()
	if err := c.SendAnnounce(&linkpb.Announce{Group: uint32(shard), Term: term, Withdrawn: withdrawn}); err != nil {
		t.Fatal(err)
	}
}

func wantOutcome(t *testing.T, outcome <-chan string, want string) {
	t.Helper()
	if got := receive(t, outcome); got != want {
		t.Fatalf("outcome %q, want %q", got, want)
	}
}

func TestCallWaitsForLeader(t *testing.T) {
	n2 := startNode(t, "node-2")
	p, conns := startPeers(t, Config{}, n2)
	outcome := call(t, p)
	announce(t, conns["node-2"], 1, false)
	receive(t, n2.requests).answer(wirepb.Code_OK, "done")
	wantOutcome(t, outcome, "OK done <nil>")
	if leader := p.Leader(shard); leader != "node-2" {
		t.Fatalf("leader %q", leader)
	}
}

func TestCallReturnsRefusal(t *testing.T) {
	n2 := startNode(t, "node-2")
	p, conns := startPeers(t, Config{}, n2)
	announce(t, conns["node-2"], 1, false)
	outcome := call(t, p)
	receive(t, n2.requests).answer(wirepb.Code_TABLE_GONE, "no")
	wantOutcome(t, outcome, "TABLE_GONE no <nil>")
}

func TestCallFollowsLeader(t *testing.T) {
	// Ways in which the first leader fails; each time the call must end at the second one.
	for name, fail := range map[string]func(t *testing.T, first request, n2 *fakeNode, c2 *link.Conn){
		"not leader": func(_ *testing.T, first request, _ *fakeNode, _ *link.Conn) {
			first.answer(wirepb.Code_NOT_LEADER, "")
		},
		"withdrawn":   func(t *testing.T, _ request, _ *fakeNode, c2 *link.Conn) { announce(t, c2, 1, true) },
		"silent":      func(*testing.T, request, *fakeNode, *link.Conn) {},
		"broken link": func(_ *testing.T, first request, _ *fakeNode, _ *link.Conn) { first.c.Close() },
		"gone":        func(_ *testing.T, _ request, n2 *fakeNode, _ *link.Conn) { n2.stop() },
		"outcome unknown": func(_ *testing.T, first request, _ *fakeNode, _ *link.Conn) {
			first.answer(wirepb.Code_OUTCOME_UNKNOWN, "")
		},
	} {
		t.Run(name, func(t *testing.T) {
			n2, n3 := startNode(t, "node-2"), startNode(t, "node-3")
			p, conns := startPeers(t, Config{ResendAfter: time.Hour, PauseMin: time.Hour}, n2, n3)
			announce(t, conns["node-2"], 1, false)
			outcome := call(t, p)
			fail(t, receive(t, n2.requests), n2, conns["node-2"])
			announce(t, conns["node-3"], 2, false)
			receive(t, n3.requests).answer(wirepb.Code_OK, "done")
			wantOutcome(t, outcome, "OK done <nil>")
		})
	}
}

func TestCallSendsAgain(t *testing.T) {
	for _, code := range []wirepb.Code{wirepb.Code_OUTCOME_UNKNOWN, wirepb.Code_UNAVAILABLE, wirepb.Code_NOT_SENT} {
		t.Run(code.String(), func(t *testing.T) {
			n2 := startNode(t, "node-2")
			p, conns := startPeers(t, Config{ResendAfter: time.Hour, PauseMin: time.Millisecond}, n2)
			announce(t, conns["node-2"], 1, false)
			outcome := call(t, p)
			for range 3 {
				receive(t, n2.requests).answer(code, "")
			}
			receive(t, n2.requests).answer(wirepb.Code_OK, "done")
			wantOutcome(t, outcome, "OK done <nil>")
		})
	}
	t.Run("no response", func(t *testing.T) {
		n2 := startNode(t, "node-2")
		p, conns := startPeers(t, Config{ResendAfter: 5 * time.Millisecond, PauseMin: time.Millisecond}, n2)
		announce(t, conns["node-2"], 1, false)
		outcome := call(t, p)
		receive(t, n2.requests)
		// The route is the same as before when a new link announces the same term.
		second := receive(t, n2.requests)
		second.c.Close()
		announce(t, receive(t, n2.up), 1, false)
		for {
			select {
			case r := <-n2.requests:
				r.answer(wirepb.Code_OK, "done")
			case got := <-outcome:
				if got != "OK done <nil>" {
					t.Fatal(got)
				}
				return
			case <-time.After(time.Minute):
				t.Fatal("no outcome")
			}
		}
	})
}

func TestCallStaysHome(t *testing.T) {
	handler := make(chan Handler, 1)
	p, _ := startPeers(t, Config{PauseMin: time.Millisecond, Local: func(g game.GroupID) Handler {
		if g != shard {
			t.Errorf("asked for group %d", g)
		}
		h := <-handler
		handler <- h
		return h
	}})
	tries := 0
	handler <- func(from string, req *linkpb.Request, reply func(*linkpb.Response)) {
		tries++ // on the caller's goroutine
		code := wirepb.Code_OUTCOME_UNKNOWN
		if tries == 2 {
			code = wirepb.Code_OK
		}
		go reply(&linkpb.Response{Code: code, Detail: from + " " + req.Method})
	}
	outcome := call(t, p)
	p.Announce(&linkpb.Announce{Group: uint32(shard), Term: 1})
	wantOutcome(t, outcome, "OK node-1 cluster.create <nil>")

	p.Announce(&linkpb.Announce{Group: uint32(shard), Term: 1, Withdrawn: true})
	if leader := p.Leader(shard); leader != "" {
		t.Fatalf("leader %q", leader)
	}
}

func TestCallEndsWithContext(t *testing.T) {
	n2 := startNode(t, "node-2")
	p, conns := startPeers(t, Config{}, n2)
	for _, last := range []string{"no leader known", "node-2"} {
		if last == "node-2" {
			announce(t, conns["node-2"], 1, false)
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() {
			_, err := p.Call(ctx, shard, &linkpb.Request{Method: link.MethodCreate})
			ended <- err
		}()
		if last == "node-2" {
			receive(t, n2.requests)
		}
		cancel()
		if err := receive(t, ended); !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), last) {
			t.Errorf("want %q in %v", last, err)
		}
	}
}

func TestLost(t *testing.T) {
	n2 := startNode(t, "node-2")
	lost := make(chan link.Loss, 4)
	p, conns := startPeers(t, Config{Lost: func(l link.Loss) { lost <- l }}, n2)
	outcome := call(t, p)
	announce(t, conns["node-2"], 1, false)
	receive(t, n2.requests).answer(wirepb.Code_OK, "")
	wantOutcome(t, outcome, "OK  <nil>")
	n2.stop()
	if l := receive(t, lost); l.Name != "node-2" {
		t.Fatalf("lost %+v", l)
	}
	if leader := p.Leader(shard); leader != "" {
		t.Fatalf("the lost node %q still leads", leader)
	}
}

func TestConfig(t *testing.T) {
	if _, err := New(Config{}); err == nil {
		t.Error("no Link: accepted")
	}
}
