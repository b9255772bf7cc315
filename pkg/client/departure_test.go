package client

import (
	"context"
	"errors"
	"net"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"teahouse/pkg/game"
	"teahouse/pkg/wire/wirepb"
)

// town has gateways in memory, on fake time. Dials go to the last one that is open.
type town struct {
	t        *testing.T
	mu       sync.Mutex
	open     []*gateway
	dials    int
	lost     []error
	departed int
}

func (w *town) gateway(name string, change ...func(*gateway)) *gateway {
	g := &gateway{t: w.t, name: name, conns: make(chan *peer, 16), calls: make(chan call, 16), epoch: uint64(len(w.open)) * 100}
	for _, f := range change {
		f(g)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.open = append(w.open, g)
	return g
}

// shut closes all of them for new clients.
func (w *town) shut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.open = nil
}

func (w *town) dial(context.Context, string) (net.Conn, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.dials++
	if len(w.open) == 0 {
		return nil, errors.New("connection refused")
	}
	ours, theirs := net.Pipe()
	g := w.open[len(w.open)-1]
	go g.serve(&peer{t: w.t, conn: theirs})
	return ours, nil
}

func (w *town) client(seed uint64) *Client {
	w.t.Helper()
	c, err := Dial(w.t.Context(), Config{Addr: "pipe", Dial: w.dial, Seed: seed, Hooks: Hooks{
		Disconnected: func(err error) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.lost = append(w.lost, err)
		},
		Departed: func() {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.departed++
		},
	}})
	if err != nil {
		w.t.Fatal(err)
	}
	return c
}

func (w *town) check(c *Client, departures, lost int) {
	w.t.Helper()
	synctest.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	if s := c.Stats(); s.Departures != uint64(departures) || s.Disconnects != uint64(lost) || w.departed != departures || len(w.lost) != lost {
		w.t.Errorf("%+v, told of %d departures, lost by %v", s, w.departed, w.lost)
	}
}

// inTown runs a test in which everything ends with the client.
func inTown(t *testing.T, f func(t *testing.T, w *town)) {
	synctest.Test(t, func(t *testing.T) { f(t, &town{t: t}) })
}

func (g *gateway) quiet() {
	g.t.Helper()
	synctest.Wait()
	if len(g.calls) != 0 || len(g.conns) != 0 {
		g.t.Errorf("%s has %d calls and %d logins that nobody expects", g.name, len(g.calls), len(g.conns))
	}
}

// A planned end: the client goes on through another gateway, behind its unanswered call and before the
// next one, and misses no event.
func TestDeparture(t *testing.T) {
	inTown(t, func(t *testing.T, w *town) {
		first := w.gateway("gateway-1")
		c := w.client(1)
		defer c.Close()
		old := <-first.conns
		tab := sit(t, first, c, 5)
		second := w.gateway("gateway-2")
		old.goingAway(10_000)
		began := time.Now()
		move := async(func() (uint64, error) { return tab.Move(t.Context(), 9, []byte("a")) })
		unanswered := first.next("table.move", &wirepb.MoveRequest{})
		for w.dialled() < 2 {
			time.Sleep(10 * time.Millisecond)
		}
		if took := time.Since(began); took > 7600*time.Millisecond {
			t.Errorf("it looked for another gateway after %v", took)
		}
		second.quiet() // while the move is unanswered
		next := async(func() (uint64, error) {
			time.Sleep(50 * time.Millisecond)
			return tab.Move(t.Context(), 10, []byte("b"))
		})
		old.push(wirepb.Push_EVENT, 1, event("1")) // events come all the same
		if e, err := tab.Receive(t.Context()); err != nil || e.Number != 1 {
			t.Fatal(e, err)
		}
		time.Sleep(100 * time.Millisecond)
		first.quiet() // the next move waits
		second.quiet()
		unanswered.answer(wirepb.Code_OK, &wirepb.MoveReply{NextNumber: 6})
		if r := <-move; r.err != nil || r.value != 5 {
			t.Error(r)
		}
		if p := <-second.conns; p.login.Method != "auth.resume" {
			t.Errorf("came by %s", p.login.Method)
		}
		attach := &wirepb.AttachRequest{}
		q := second.next("table.attach", attach)
		if attach.LastEvent != 1 {
			t.Errorf("attached after %d", attach.LastEvent)
		}
		q.answer(wirepb.Code_OK, &wirepb.AttachReply{Seat: 2, NextNumber: 6})
		m := &wirepb.MoveRequest{}
		q = second.next("table.move", m)
		if m.Number != 6 || m.Prompt != 10 {
			t.Errorf("moved %v", m)
		}
		q.answer(wirepb.Code_OK, &wirepb.MoveReply{NextNumber: 7})
		if r := <-next; r.err != nil || r.value != 6 {
			t.Error(r)
		}
		q.from.push(wirepb.Push_EVENT, 2, event("2"))
		if e, err := tab.Receive(t.Context()); err != nil || e.Number != 2 {
			t.Fatal(e, err)
		}
		w.check(c, 1, 0)
		if s := c.Stats(); s.Resends != 0 || s.Resumes != 0 || s.Duplicates != 0 || s.Gaps != 0 {
			t.Errorf("%+v", s)
		}
		first.quiet()
		if _, err := old.conn.Write([]byte{0}); err == nil {
			t.Error("the old connection is still open")
		}
	})
}

func (w *town) dialled() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.dials
}

// Many clients do not all leave at the same moment, nor at the last one.
func TestDeparturesAreSpread(t *testing.T) {
	inTown(t, func(t *testing.T, w *town) {
		first := w.gateway("gateway-1")
		var clients []*Client
		var old []*peer
		const n = 40
		for i := range n {
			clients = append(clients, w.client(uint64(i)+1))
			old = append(old, <-first.conns)
		}
		second := w.gateway("gateway-2")
		began := time.Now()
		for _, p := range old {
			p.goingAway(20_000)
		}
		var at []time.Duration
		for range n {
			<-second.conns
			at = append(at, time.Since(began))
		}
		slices.Sort(at)
		if at[0] > 3*time.Second || at[n-1] < 10*time.Second || at[n-1] > 15*time.Second || at[n/2] < 4*time.Second || at[n/2] > 11*time.Second {
			t.Errorf("they left after %v", at)
		}
		for _, c := range clients {
			c.Close()
		}
	})
}

// Where there is no other gateway the client stays until the Bye.
func TestNowhereToGo(t *testing.T) {
	for name, open := range map[string]func(w *town){
		"refused":         func(w *town) { w.shut() },
		"the same one":    func(w *town) { w.gateway("gateway-1") },
		"it knows nobody": func(w *town) { w.gateway("gateway-2", refuses(wirepb.Code_TOKEN_INVALID)) },
		"it breaks": func(w *town) {
			w.gateway("gateway-2", func(g *gateway) { g.login = func(*wirepb.Call) *wirepb.Reply { return nil } })
		},
		"it has no leader": func(w *town) { w.gateway("gateway-2", refuses(wirepb.Code_UNAVAILABLE)) },
	} {
		t.Run(name, func(t *testing.T) {
			inTown(t, func(t *testing.T, w *town) {
				first := w.gateway("gateway-1")
				c := w.client(1)
				defer c.Close()
				old := <-first.conns
				open(w)
				old.goingAway(5000)
				time.Sleep(5 * time.Second)
				if n := w.dialled(); n < 2 || n > 40 {
					t.Errorf("dialled %d times", n)
				}
				go c.Call(t.Context(), "queue.list", 0, &wirepb.ListRequest{}, nil)
				first.next("queue.list", &wirepb.ListRequest{}).answer(wirepb.Code_OK, nil)
				w.check(c, 0, 0)
				w.shut()
				w.gateway("gateway-3")
				old.bye(wirepb.Code_SHUTTING_DOWN, true, 200)
				<-w.open[0].conns
				w.check(c, 0, 1)
				if s := c.Stats(); s.Resumes != 1 || c.Err() != nil {
					t.Errorf("%+v, %v", s, c.Err())
				}
			})
		})
	}
}

func refuses(code wirepb.Code) func(*gateway) {
	return func(g *gateway) {
		g.login = func(c *wirepb.Call) *wirepb.Reply { return &wirepb.Reply{Id: c.Id, Code: code} }
	}
}

func leaves(in uint32) func(*gateway) { return func(g *gateway) { g.away = in } }

// The old gateway hears of the resume before the client does, and says that the session has a
// successor.
func TestItsOwnResumeSupersedesNobody(t *testing.T) {
	for name, answers := range map[string]bool{"and then it is answered": true, "and the answer is lost": false} {
		t.Run(name, func(t *testing.T) {
			inTown(t, func(t *testing.T, w *town) {
				first := w.gateway("gateway-1")
				c := w.client(1)
				defer c.Close()
				old := <-first.conns
				var second *gateway
				superseding := func(l *wirepb.Call) *wirepb.Reply {
					old.bye(wirepb.Code_SUPERSEDED, false, 0)
					time.Sleep(time.Second)
					second.mu.Lock()
					second.login = nil
					second.mu.Unlock()
					if answers {
						return second.accept(l)
					}
					return nil
				}
				second = w.gateway("gateway-2", func(g *gateway) { g.login = superseding })
				old.goingAway(1000)
				<-second.conns
				if answers {
					w.check(c, 1, 0)
				} else {
					w.check(c, 0, 1)
				}
				if c.Err() != nil {
					t.Error(c.Err())
				}
			})
		})
	}
}

// A real successor is one, also while the client looks for another gateway.
func TestSupersededWhileGoing(t *testing.T) {
	inTown(t, func(t *testing.T, w *town) {
		first := w.gateway("gateway-1")
		c := w.client(1)
		defer c.Close()
		old := <-first.conns
		w.gateway("gateway-2", refuses(wirepb.Code_UNAVAILABLE))
		old.goingAway(20_000)
		time.Sleep(19 * time.Second) // several attempts have failed
		old.bye(wirepb.Code_SUPERSEDED, false, 0)
		<-c.Done()
		if game.CodeOf(c.Err(), 0) != wirepb.Code_SUPERSEDED {
			t.Error(c.Err())
		}
	})
}

// A connection that is lost, or a client that is closed, ends the search at any moment of it.
func TestDepartureIsCutShort(t *testing.T) {
	for _, after := range []time.Duration{0, time.Millisecond, 100 * time.Millisecond, 400 * time.Millisecond, 900 * time.Millisecond, 1500 * time.Millisecond} {
		for name, end := range map[string]func(c *Client, p *peer){
			"lost":   func(_ *Client, p *peer) { p.conn.Close() },
			"closed": func(c *Client, _ *peer) { c.Close() },
		} {
			t.Run(name, func(t *testing.T) {
				inTown(t, func(t *testing.T, w *town) {
					first := w.gateway("gateway-1")
					c := w.client(1)
					defer c.Close()
					old := <-first.conns
					go c.Call(t.Context(), "queue.list", 0, &wirepb.ListRequest{}, nil)
					<-first.calls // stays unanswered
					second := w.gateway("gateway-2")
					old.goingAway(1000)
					time.Sleep(after)
					end(c, old)
					if name == "closed" {
						<-c.Done()
						return
					}
					<-second.conns
					w.check(c, 0, 1)
				})
			})
		}
	}
}

// A call that is not answered puts the change off, and others wait for it no longer than a moment.
func TestAnUnansweredCallPutsTheChangeOff(t *testing.T) {
	inTown(t, func(t *testing.T, w *town) {
		first := w.gateway("gateway-1")
		c := w.client(1)
		defer c.Close()
		old := <-first.conns
		go c.Repeat(t.Context(), "queue.list", 0, &wirepb.ListRequest{}, nil)
		slow := <-first.calls
		second := w.gateway("gateway-2")
		old.goingAway(20_000)
		for w.dialled() < 2 {
			time.Sleep(time.Millisecond)
		}
		began := time.Now()
		go c.Call(t.Context(), "archive.list", 0, &wirepb.ListRequest{}, nil)
		(<-first.calls).answer(wirepb.Code_OK, nil)
		if took := time.Since(began); took < quietFor-10*time.Millisecond || took > quietFor+10*time.Millisecond {
			t.Errorf("the other call waited for %v", took)
		}
		slow.answer(wirepb.Code_BUSY, nil)
		slow = <-first.calls // once more: what has been begun goes on until it is definite
		second.quiet()
		slow.answer(wirepb.Code_OK, nil)
		<-second.conns
		w.check(c, 1, 0)
	})
}

// A client may log in where the end has been announced, and may have to go on twice.
func TestOneDepartureAfterAnother(t *testing.T) {
	inTown(t, func(t *testing.T, w *town) {
		first := w.gateway("gateway-1", leaves(2000))
		c := w.client(1)
		defer c.Close()
		<-first.conns
		second := w.gateway("gateway-2", leaves(3000))
		p := <-second.conns
		p.goingAway(100_000) // it says so once
		third := w.gateway("gateway-3")
		began := time.Now()
		<-third.conns
		if took := time.Since(began); took > 3*time.Second {
			t.Errorf("after %v", took)
		}
		w.check(c, 2, 0)
	})
}
