package link

import (
	"errors"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"teahouse/pkg/link/linkpb"
)

// pipePair makes a link over a pipe, for tests with fake time; the caller ends it. The node's
// writes go through wrap.
func pipePair(t *testing.T, wrap func(net.Conn) net.Conn, nodeH Handler) (g, n *Conn) {
	t.Helper()
	dialed, accepted := net.Pipe()
	gateway, node := gatewayConfig(), nodeConfig()
	gateway.DeadAfter, node.DeadAfter = 0, 0 // the default
	g, n, err1, err2 := shake(gateway, node, dialed, wrap(accepted), Handler{}, nodeH)
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	g.start()
	n.start()
	return g, n
}

func plain(nc net.Conn) net.Conn { return nc }

func TestIdleLinkLives(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, n := pipePair(t, plain, Handler{})
		time.Sleep(10 * time.Second) // fake time: 200 pings each way
		if g.Err() != nil || n.Err() != nil {
			t.Errorf("the idle link ended: %v, %v", g.Err(), n.Err())
		}
		if frames := g.Stats().Out.Frames; frames < 190 || frames > 200 {
			t.Errorf("%d pings in 10 s", frames)
		}
		g.Close()
		<-g.Done()
		<-n.Done()
	})
}

func TestNodesPingEachOtherSlowly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dialed, accepted := net.Pipe()
		a, b := nodeConfig(), nodeConfig()
		a.Name = "another"
		a.DeadAfter, b.DeadAfter = 0, 0
		stopped := make(chan struct{})
		one, two, err1, err2 := shake(a, b, dialed, &stall{accepted, stopped, make(chan struct{})}, Handler{}, Handler{})
		if err := errors.Join(err1, err2); err != nil {
			t.Fatal(err)
		}
		one.start()
		two.start()
		time.Sleep(10 * time.Second)
		if frames := one.Stats().Out.Frames; frames < 45 || frames > 50 || one.Err() != nil {
			t.Errorf("%d pings in 10 s, ended: %v", frames, one.Err())
		}
		close(stopped)
		quiet := time.Now()
		<-one.Done()
		if took := time.Since(quiet); took < time.Second || took > 1600*time.Millisecond || !errors.Is(one.Err(), ErrSilent) {
			t.Errorf("silence ended the link after %v: %v", took, one.Err())
		}
		two.Close()
		<-two.Done()
	})
}

func TestBusyLinkNeedsNoPing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, n := pipePair(t, plain, Handler{})
		const pushes = 400
		for range pushes {
			if err := g.SendPush(&linkpb.Push{}); err != nil {
				t.Fatal(err)
			}
			time.Sleep(25 * time.Millisecond)
		}
		if frames := g.Stats().Out.Frames; frames > pushes+1 {
			t.Errorf("%d frames for %d pushes", frames, pushes)
		}
		g.Close()
		<-g.Done()
		<-n.Done()
	})
}

// stall blocks the writer of one end, as in a paused process.
type stall struct {
	net.Conn
	from <-chan struct{} // writes block once this is closed
	over chan struct{}
}

func (s *stall) Write(p []byte) (int, error) {
	select {
	case <-s.from:
		<-s.over
		return 0, net.ErrClosed
	default:
		return s.Conn.Write(p)
	}
}

func (s *stall) Close() error {
	select {
	case <-s.over:
	default:
		close(s.over)
	}
	return s.Conn.Close()
}

func TestSilentPeerIsDead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stopped := make(chan struct{})
		g, n := pipePair(t, func(nc net.Conn) net.Conn { return &stall{nc, stopped, make(chan struct{})} },
			Handler{Request: func(*Conn, *linkpb.Request) {}})
		failed := make(chan error, 1)
		if _, err := g.Go(&linkpb.Request{}, func(_ *linkpb.Response, err error) { failed <- err }); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		close(stopped)
		begin := time.Now()
		if err := <-failed; !errors.Is(err, ErrBroken) {
			t.Errorf("open call: %v", err)
		}
		if took := time.Since(begin); took < 250*time.Millisecond || took > 400*time.Millisecond {
			t.Errorf("the dead peer was noticed after %v", took)
		}
		<-g.Done()
		if !errors.Is(g.Err(), ErrSilent) {
			t.Errorf("end: %v", g.Err())
		}
		<-n.Done()
	})
}

// However long this process does not run, it is the peer's silence that counts: the time that
// passed between two ticks which came in time, and no more than two of them for one that came late.
func TestOwnPauseIsNotThePeersSilence(t *testing.T) {
	const every, deadAfter = 50 * time.Millisecond, 300 * time.Millisecond
	for name, c := range map[string]struct {
		ticks []time.Duration // since the tick before; negative = the peer was heard meanwhile
		dead  int             // the tick at which it is called dead; -1 = never
	}{
		"silent from the start":             {[]time.Duration{50e6, 50e6, 50e6, 50e6, 50e6, 50e6}, 5},
		"never silent":                      {[]time.Duration{-50e6, -50e6, -50e6, -50e6, -50e6, -50e6, -50e6, -50e6}, -1},
		"a word is enough":                  {[]time.Duration{50e6, 50e6, 50e6, 50e6, 50e6, -50e6, 50e6, 50e6, 50e6, 50e6, 50e6}, -1},
		"and it begins anew":                {[]time.Duration{50e6, 50e6, -50e6, 50e6, 50e6, 50e6, 50e6, 50e6, 50e6}, 8},
		"a long pause of this process":      {[]time.Duration{-50e6, 60e9, -1e6}, -1},
		"a pause and a peer that is dead":   {[]time.Duration{-50e6, 60e9, 50e6, 50e6, 50e6, 50e6}, 5},
		"a peer that was silent before":     {[]time.Duration{50e6, 50e6, 50e6, 60e9, -1e6}, -1},
		"one pause behind the other":        {[]time.Duration{-50e6, 60e9, 60e9, -50e6, 60e9, 60e9, -50e6}, -1},
		"ticks that are a little late":      {[]time.Duration{90e6, 90e6, 90e6, 90e6}, 3},
		"ticks that come together":          {[]time.Duration{0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, -1},
		"exactly the time and not one less": {[]time.Duration{99e6, 99e6, 99e6, 3e6}, 3},
	} {
		now := time.Unix(1000, 0)
		w := quiet{every: every, deadAfter: deadAfter, last: now}
		dead, received := -1, uint64(0)
		for i, d := range c.ticks {
			if d < 0 {
				d = -d
				received++
			}
			if now = now.Add(d); w.silent(now, received) {
				dead = i
				break
			}
		}
		if dead != c.dead {
			t.Errorf("%s: called dead at tick %d, want %d", name, dead, c.dead)
		}
	}
}

// A peer that does not read fills the queue up to its bounds, and no further.
func TestQueueBounds(t *testing.T) {
	cfg, err := nodeConfig().WithDefaults()
	if err != nil {
		t.Fatal(err)
	}
	cfg.QueueFrames, cfg.QueueBytes = 10, 1000
	push := func(n int) *linkpb.Push { return &linkpb.Push{Payload: make([]byte, n)} }

	q := newQueue(cfg)
	for i := range 10 {
		if err := q.add(kindPush, push(1), 0); err != nil {
			t.Fatalf("frame %d: %v", i, err)
		}
	}
	if err := q.add(kindPush, push(1), 0); !errors.Is(err, ErrFull) {
		t.Fatalf("frame 11: %v", err)
	}
	before := len(q.take(nil))
	if err := q.add(kindPush, push(1), 0); err != nil || len(q.take(nil)) != before/10 {
		t.Fatalf("after it was emptied: %v", err)
	}

	if err := errors.Join(q.add(kindPush, push(400), 0), q.add(kindPush, push(400), 0)); err != nil {
		t.Fatal(err)
	}
	if err := q.add(kindPush, push(400), 0); !errors.Is(err, ErrFull) {
		t.Fatalf("beyond the bytes: %v", err)
	}
	q.take(nil)
	if err := q.add(kindPush, push(5000), 0); err != nil {
		t.Fatalf("one long frame into an empty queue: %v", err)
	}
	q.take(nil)
	if err := q.add(kindPush, push(5<<20), 0); !errors.Is(err, ErrTooLong) {
		t.Fatalf("beyond MaxFrame: %v", err)
	}
	if q.take(nil) != nil {
		t.Fatal("a refused frame is in the queue")
	}
	if s := q.stats(); s.Full != 2 || s.Frames != 14 || s.Writes != 4 {
		t.Fatalf("%+v", s)
	}
	q.close()
	if err := q.add(kindPush, push(1), 0); !errors.Is(err, ErrClosed) {
		t.Fatalf("closed: %v", err)
	}
}
