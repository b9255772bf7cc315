package link

import (
	"context"
	"errors"
	"net"
	"slices"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"teahouse/pkg/link/linkpb"
)

// serve runs Serve until the returned function is called or the test ends.
func serve(t testing.TB, ln net.Listener, cfg Config, h Handler) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		if err := Serve(ctx, ln, cfg, h); err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
	stop = func() { cancel(); running.Wait() }
	t.Cleanup(stop)
	return stop
}

// watch is a handler that reports Up and Down of each peer.
func watch(events chan<- string) Handler {
	return Handler{
		Up:   func(c *Conn) { events <- "up " + c.Peer().Name },
		Down: func(c *Conn, _ error) { events <- "down " + c.Peer().Name },
	}
}

func startPool(t testing.TB, cfg PoolConfig) *Pool {
	t.Helper()
	p, err := NewPool(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

func expect(t *testing.T, events <-chan string, want ...string) {
	t.Helper()
	for _, w := range want {
		select {
		case got := <-events:
			if got != w {
				t.Fatalf("event %q, want %q", got, w)
			}
		case <-time.After(time.Minute):
			t.Fatalf("no event, want %q", w)
		}
	}
}

// lost makes a Lost function that reports its argument.
func lost(events chan<- string) func(Loss) {
	return func(l Loss) {
		text := "lost " + l.Name
		if l.Err == nil || l.At.IsZero() {
			text += " without a reason or a time"
		}
		if l.Refused {
			text += " refused"
		}
		events <- text
	}
}

// impatient is a pool that considers every link to have lived long.
func impatient(events chan string) PoolConfig {
	return PoolConfig{
		Link: gatewayConfig(), Handler: watch(events), Lost: lost(events),
		BackoffMin: time.Nanosecond, BackoffMax: time.Nanosecond,
	}
}

func TestPoolReportsRefusal(t *testing.T) {
	ln := listen(t)
	stop := serve(t, ln, nodeConfig(), Handler{})
	events := make(chan string, 16)
	p := startPool(t, impatient(events))
	p.SetTargets(map[string]string{"node-1": ln.Addr().String()})
	expect(t, events, "up node-1")
	if c := p.Conn("node-1"); c == nil || p.Conns()["node-1"] != c || p.Conn("node-2") != nil {
		t.Fatal("the pool does not show its link")
	}
	stop() // listener first, as when a process ends
	expect(t, events, "down node-1", "lost node-1 refused")
	if p.Conn("node-1") != nil {
		t.Fatal("the pool shows a link that is down")
	}
	again, err := net.Listen("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	serve(t, again, nodeConfig(), Handler{})
	expect(t, events, "up node-1")
}

// A process that dies right after its start is as dead as an old one, even though a young link that
// broke is not replaced at once.
func TestPoolReportsRefusalOfAYoungLink(t *testing.T) {
	ln := listen(t)
	conns := make(chan *Conn, 16)
	stop := serve(t, ln, nodeConfig(), Handler{Up: func(c *Conn) { conns <- c }})
	events := make(chan string, 16)
	cfg := impatient(events)
	cfg.BackoffMin, cfg.BackoffMax = 10*time.Millisecond, time.Minute
	p := startPool(t, cfg)
	p.SetTargets(map[string]string{"node-1": ln.Addr().String()})
	expect(t, events, "up node-1")
	(<-conns).Close() // the listener stays
	expect(t, events, "down node-1", "lost node-1", "up node-1")
	stop()
	expect(t, events, "down node-1", "lost node-1 refused")
}

func TestPoolReconnects(t *testing.T) {
	ln := listen(t)
	conns := make(chan *Conn, 16)
	serve(t, ln, nodeConfig(), Handler{Up: func(c *Conn) { conns <- c }})
	events := make(chan string, 16)
	p := startPool(t, impatient(events))
	p.SetTargets(map[string]string{"node-1": ln.Addr().String()})
	expect(t, events, "up node-1")
	for range 3 {
		(<-conns).Close() // the listener stays
		expect(t, events, "down node-1")
		two := []string{<-events, <-events}
		if slices.Sort(two); !slices.Equal(two, []string{"lost node-1", "up node-1"}) {
			t.Fatalf("events %q", two)
		}
	}
}

func TestPoolTargets(t *testing.T) {
	events := make(chan string, 16)
	p := startPool(t, impatient(events))
	addrs := make([]string, 2)
	for i := range addrs {
		ln := listen(t)
		serve(t, ln, nodeConfig(), Handler{})
		addrs[i] = ln.Addr().String()
	}
	p.SetTargets(map[string]string{"node-1": addrs[0], "": ""})
	expect(t, events, "up node-1")
	first := p.Conn("node-1")
	p.SetTargets(map[string]string{"node-1": addrs[0]})
	if p.Conn("node-1") != first {
		t.Fatal("the same target got another link")
	}
	p.SetTargets(map[string]string{"node-1": addrs[1]})
	expect(t, events, "down node-1", "up node-1")
	if got := p.Conn("node-1").Peer().Addr; got != addrs[1] {
		t.Fatalf("link to %s, want %s", got, addrs[1])
	}
	for _, addr := range []string{addrs[0], addrs[0]} { // back at another address, back at the same one
		p.SetTargets(nil)
		p.SetTargets(map[string]string{"node-1": addr}) // waits for the end of the old one
		expect(t, events, "down node-1", "up node-1")
	}
	p.Close()
	expect(t, events, "down node-1")
	p.SetTargets(map[string]string{"node-1": addrs[0]})
	p.Close()
	if len(events) != 0 || p.Conn("node-1") != nil {
		t.Fatalf("a closed pool still works: %q", <-events)
	}
}

func TestPoolRefusesWrongName(t *testing.T) {
	ln := listen(t)
	failed := make(chan string, 1024)
	cfg := nodeConfig()
	serve(t, ln, cfg, Handler{})
	events := make(chan string, 16)
	p := startPool(t, impatient(events))
	open := p.open
	p.open = func(ctx context.Context, name, addr string, h Handler) (*Conn, error) {
		c, err := open(ctx, name, addr, h)
		if errors.Is(err, ErrRefused) {
			select {
			case failed <- name:
			default:
			}
		}
		return c, err
	}
	p.SetTargets(map[string]string{"node-2": ln.Addr().String()})
	expect(t, failed, "node-2", "node-2")
	if len(events) != 0 {
		t.Fatalf("event %q", <-events)
	}
}

func TestPoolBackoff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, err := NewPool(PoolConfig{Link: gatewayConfig()})
		if err != nil {
			t.Fatal(err)
		}
		var dials []time.Time
		p.open = func(context.Context, string, string, Handler) (*Conn, error) {
			dials = append(dials, time.Now())
			return nil, syscall.ECONNREFUSED
		}
		begin := time.Now()
		p.SetTargets(map[string]string{"node-1": "a"})
		time.Sleep(30 * time.Second) // fake time
		p.Close()
		if len(dials) < 30 || len(dials) > 70 || !dials[0].Equal(begin) {
			t.Fatalf("%d dials in 30 s, the first after %v", len(dials), dials[0].Sub(begin))
		}
		wait := 50 * time.Millisecond
		for i := 1; i < len(dials); i++ {
			if gap := dials[i].Sub(dials[i-1]); gap < wait/2 || gap > wait {
				t.Errorf("pause %d is %v, want %v to %v", i, gap, wait/2, wait)
			}
			wait = min(2*wait, time.Second)
		}
	})
}

// Two processes of one name replace each other's links; that must not spin.
func TestPoolFlappingLink(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reports := 0
		p, err := NewPool(PoolConfig{Link: gatewayConfig(), Lost: func(Loss) { reports++ }})
		if err != nil {
			t.Fatal(err)
		}
		dials := 0
		p.open = func(_ context.Context, _, _ string, h Handler) (*Conn, error) {
			dials++
			dialed, accepted := net.Pipe()
			g, n, err1, err2 := shake(gatewayConfig(), nodeConfig(), dialed, accepted, h, Handler{})
			if err := errors.Join(err1, err2); err != nil {
				return nil, err
			}
			g.start()
			n.start()
			n.Close()
			return g, nil
		}
		p.SetTargets(map[string]string{"node-1": "a"})
		time.Sleep(30 * time.Second) // fake time
		p.Close()
		if dials < 30 || dials > 70 || reports < dials-1 {
			t.Errorf("%d dials and %d reports in 30 s", dials, reports)
		}
	})
}

func TestServeReplacesOlderLink(t *testing.T) {
	ln := listen(t)
	events := make(chan string, 16)
	serve(t, ln, nodeConfig(), watch(events))
	first, err := Dial(t.Context(), gatewayConfig(), ln.Addr().String(), Handler{})
	if err != nil {
		t.Fatal(err)
	}
	expect(t, events, "up gateway-1")
	second, err := Dial(t.Context(), gatewayConfig(), ln.Addr().String(), Handler{})
	if err != nil {
		t.Fatal(err)
	}
	expect(t, events, "down gateway-1", "up gateway-1")
	<-first.Done()
	if second.Err() != nil {
		t.Fatalf("the newer link ended: %v", second.Err())
	}
	second.Close()
	<-second.Done()
	expect(t, events, "down gateway-1")
}

func TestServeEnds(t *testing.T) {
	ln := listen(t)
	stop := serve(t, ln, nodeConfig(), Handler{})
	c, err := Dial(t.Context(), gatewayConfig(), ln.Addr().String(), Handler{})
	if err != nil {
		t.Fatal(err)
	}
	stranger, err := net.Dial("tcp", ln.Addr().String()) // says nothing
	if err != nil {
		t.Fatal(err)
	}
	defer stranger.Close()
	stop()
	<-c.Done()
	if _, err := net.Dial("tcp", ln.Addr().String()); err == nil {
		t.Fatal("the listener is still open")
	}
	if err := Serve(t.Context(), ln, nodeConfig(), Handler{}); !errors.Is(err, net.ErrClosed) {
		t.Fatalf("closed listener: %v", err)
	}
	if err := Serve(t.Context(), listen(t), Config{}, Handler{}); err == nil {
		t.Fatal("empty Config accepted")
	}
}

// Silent strangers do not keep members out.
func TestServeSilentStrangers(t *testing.T) {
	ln := listen(t)
	serve(t, ln, nodeConfig(), Handler{Request: echo})
	for range maxHandshakes / 2 {
		nc, err := net.Dial("tcp", ln.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer nc.Close()
	}
	c, err := Dial(t.Context(), gatewayConfig(), ln.Addr().String(), Handler{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Call(t.Context(), &linkpb.Request{}); err != nil {
		t.Error(err)
	}
	c.Close()
	<-c.Done()
}
