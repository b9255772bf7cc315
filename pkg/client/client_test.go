package client

import (
	"context"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"teahouse/pkg/game"
	"teahouse/pkg/wire/wirepb"
)

var table = game.MakeTableID(2, 5)

func event(g string) *wirepb.TableEvent {
	return &wirepb.TableEvent{Body: &wirepb.TableEvent_Game{Game: []byte(g)}}
}

// sit attaches the client to the table, whose seat has sent next-1 moves.
func sit(t *testing.T, g *gateway, c *Client, next uint64) *Table {
	t.Helper()
	got := async(func() (*Table, error) { return c.Attach(testContext(t), table) })
	g.next("table.attach", &wirepb.AttachRequest{}).answer(wirepb.Code_OK, &wirepb.AttachReply{Seat: 2, NextNumber: next})
	r := receive(t, got)
	if r.err != nil || r.value.Seat() != 2 {
		t.Fatalf("attach: %v", r.err)
	}
	return r.value
}

func TestCallCarriesCodes(t *testing.T) {
	g := startGateway(t)
	c, _ := g.dial(func(cfg *Config) { cfg.Name = "Li" })
	if c.Player() != 7 || c.Token() != "token-7" {
		t.Fatalf("player %d", c.Player())
	}
	reply := &wirepb.JoinReply{}
	err := async(func() (int, error) {
		return 0, c.Call(testContext(t), "queue.join", 0, &wirepb.JoinRequest{Queue: "bench"}, reply)
	})
	req := &wirepb.JoinRequest{}
	q := g.next("queue.join", req)
	if req.Queue != "bench" {
		t.Fatalf("the request is %v", req)
	}
	q.answer(wirepb.Code_ALREADY_QUEUED, &wirepb.JoinReply{Ticket: 3})
	if r := receive(t, err); game.CodeOf(r.err, 0) != wirepb.Code_ALREADY_QUEUED || reply.Ticket != 3 {
		t.Fatalf("%v, ticket %d", r.err, reply.Ticket)
	}
}

func TestMoveIsSentAgainUntilDecided(t *testing.T) {
	g := startGateway(t)
	var answered atomic.Uint64
	c, conn := g.dial(func(cfg *Config) {
		cfg.Hooks.MoveAnswered = func(id game.TableID, number uint64, code wirepb.Code, took time.Duration) {
			if id == table && code == wirepb.Code_OK && took > 0 {
				answered.Store(number)
			}
		}
	})
	tab := sit(t, g, c, 5)
	number := async(func() (uint64, error) { return tab.Move(testContext(t), 9, []byte("move")) })
	check := func() call {
		t.Helper()
		m := &wirepb.MoveRequest{}
		q := g.next("table.move", m)
		if m.Number != 5 || m.Prompt != 9 || string(m.Move) != "move" || q.Table != uint64(table) {
			t.Fatalf("the move came as %v", m)
		}
		return q
	}
	check().answer(wirepb.Code_OUTCOME_UNKNOWN, nil)
	check().answer(wirepb.Code_MOVE_IN_FLIGHT, nil)
	check()
	conn.conn.Close() // unanswered
	resumed := receive(t, g.conns)
	if resumed.login.Method != "auth.resume" {
		t.Fatalf("came back by %s", resumed.login.Method)
	}
	g.next("table.attach", &wirepb.AttachRequest{}).answer(wirepb.Code_OK, &wirepb.AttachReply{NextNumber: 6})
	check().answer(wirepb.Code_OK, &wirepb.MoveReply{NextNumber: 6})
	if r := receive(t, number); r.err != nil || r.value != 5 || answered.Load() != 5 {
		t.Fatalf("move %d: %v", r.value, r.err)
	}

	refused := async(func() (uint64, error) { return tab.AutoPlay(testContext(t), true) })
	m := &wirepb.MoveRequest{}
	q := g.next("table.move", m)
	if m.Number != 6 || m.Prompt != 0 || m.AutoPlay != wirepb.AutoPlay_AUTO_ON {
		t.Fatalf("auto-play came as %v", m)
	}
	q.answer(wirepb.Code_PROMPT_GONE, nil)
	if r := receive(t, refused); game.CodeOf(r.err, 0) != wirepb.Code_PROMPT_GONE {
		t.Fatal(r.err)
	}
	again := async(func() (uint64, error) { return tab.Move(testContext(t), 10, nil) })
	q = g.next("table.move", m)
	if m.Number != 6 {
		t.Fatalf("a refusal used up the number: %d", m.Number)
	}
	q.answer(wirepb.Code_OK, nil)
	if r := receive(t, again); r.err != nil {
		t.Fatal(r.err)
	}
	if s := c.Stats(); s.Disconnects != 1 || s.Resumes != 1 || s.Resends != 3 {
		t.Fatalf("%+v", s)
	}
}

func TestEventsComeOnceInOrder(t *testing.T) {
	g := startGateway(t)
	c, conn := g.dial(nil)
	tab := sit(t, g, c, 1)
	expect := func(number uint64, view bool) {
		t.Helper()
		e, err := tab.Receive(testContext(t))
		if err != nil || e.Number != number || (e.View != nil) != view || (e.Event == nil) != view {
			t.Fatalf("received %d %v, want %d", e.Number, err, number)
		}
	}
	conn.push(wirepb.Push_EVENT, 1, event("a"))
	conn.push(wirepb.Push_EVENT, 2, event("b"))
	expect(1, false)
	conn.conn.Close()
	conn = receive(t, g.conns)
	m := &wirepb.AttachRequest{}
	q := g.next("table.attach", m)
	if m.LastEvent != 2 {
		t.Fatalf("attached from %d", m.LastEvent)
	}
	q.answer(wirepb.Code_OK, &wirepb.AttachReply{})
	conn.push(wirepb.Push_EVENT, 2, event("b"))
	conn.push(wirepb.Push_EVENT, 3, event("c"))
	expect(2, false)
	expect(3, false)
	conn.push(wirepb.Push_EVENT, 5, event("e")) // the gateway should not let this happen
	receiving := async(func() (Event, error) { return tab.Receive(testContext(t)) })
	q = g.next("table.attach", m)
	if m.LastEvent != 3 {
		t.Fatalf("attached from %d", m.LastEvent)
	}
	q.answer(wirepb.Code_RESUME_INVALID, &wirepb.AttachReply{})
	conn.push(wirepb.Push_SNAPSHOT, 8, &wirepb.TableView{Hand: 1})
	conn.push(wirepb.Push_EVENT, 9, event("i"))
	if r := receive(t, receiving); r.err != nil || r.value.Number != 8 || r.value.View.GetHand() != 1 {
		t.Fatalf("%v %v", r.value, r.err)
	}
	expect(9, false)
	if s := c.Stats(); s.Duplicates != 1 || s.Gaps != 1 {
		t.Fatalf("%+v", s)
	}
}

func TestAFullQueueIsFetchedAgain(t *testing.T) {
	g := startGateway(t)
	c, conn := g.dial(func(cfg *Config) { cfg.MaxEvents = 2 })
	tab := sit(t, g, c, 1)
	for n := uint64(1); n <= 5; n++ {
		conn.push(wirepb.Push_EVENT, n, event("x"))
	}
	// A notice after the events shows that all of them have arrived.
	conn.push(wirepb.Push_NOTICE, 0, &wirepb.Notice{Body: &wirepb.Notice_Matched{Matched: &wirepb.Matched{Table: 1}}})
	if _, err := c.WaitMatched(testContext(t)); err != nil {
		t.Fatal(err)
	}
	var fetching sync.WaitGroup
	defer fetching.Wait()
	stop := make(chan struct{})
	defer close(stop)
	fetching.Go(func() {
		m := &wirepb.AttachRequest{}
		for { // as often as the queue was full
			var q call
			select {
			case q = <-g.calls:
			case <-stop:
				return
			}
			if q.Method != "table.attach" || proto.Unmarshal(q.Payload, m) != nil {
				t.Error("no attach")
			}
			q.answer(wirepb.Code_OK, &wirepb.AttachReply{})
			for n := m.LastEvent + 1; n <= 5; n++ {
				q.from.push(wirepb.Push_EVENT, n, event("x"))
			}
		}
	})
	for n := uint64(1); n <= 5; n++ {
		if e, err := tab.Receive(testContext(t)); err != nil || e.Number != n {
			t.Fatalf("received %d %v, want %d", e.Number, err, n)
		}
	}
	if n := c.Stats().Overflows; n == 0 {
		t.Fatal("the queue was never full")
	}
}

func TestWaitMatched(t *testing.T) {
	g := startGateway(t)
	c, conn := g.dial(nil)
	got := async(func() (game.TableID, error) { return c.WaitMatched(testContext(t)) })
	conn.push(wirepb.Push_NOTICE, 0, &wirepb.Notice{Body: &wirepb.Notice_Matched{Matched: &wirepb.Matched{Table: uint64(table)}}})
	if r := receive(t, got); r.err != nil || r.value != table {
		t.Fatalf("%v %v", r.value, r.err)
	}
}

func TestWhatEndsAClient(t *testing.T) {
	g := startGateway(t)
	c, conn := g.dial(nil)
	tab := sit(t, g, c, 1)
	receiving := async(func() (Event, error) { return tab.Receive(testContext(t)) })
	conn.bye(wirepb.Code_SUPERSEDED, false, 0)
	receive(t, c.Done())
	for name, err := range map[string]error{"Err": c.Err(), "Receive": receive(t, receiving).err, "Call": c.Call(testContext(t), "x", 0, nil, nil)} {
		if game.CodeOf(err, 0) != wirepb.Code_SUPERSEDED {
			t.Errorf("%s tells %v", name, err)
		}
	}

	c, conn = g.dial(nil)
	conn.bye(wirepb.Code_SHUTTING_DOWN, true, 1)
	receive(t, g.conns) // it has reconnected
	c.Close()
	if err := c.Call(testContext(t), "x", 0, nil, nil); !errors.Is(err, ErrClosed) {
		t.Errorf("after Close: %v", err)
	}

	g.mu.Lock()
	g.login = func(c *wirepb.Call) *wirepb.Reply { return &wirepb.Reply{Id: c.Id, Code: wirepb.Code_TOKEN_EXPIRED} }
	g.mu.Unlock()
	if _, err := Dial(testContext(t), Config{Addr: g.ln.Addr().String(), Token: "old"}); game.CodeOf(err, 0) != wirepb.Code_TOKEN_EXPIRED {
		t.Errorf("an expired token: %v", err)
	}
}

func TestATableThatIsGone(t *testing.T) {
	g := startGateway(t)
	c, _ := g.dial(nil)
	got := async(func() (*Table, error) { return c.Attach(testContext(t), table) })
	g.next("table.attach", &wirepb.AttachRequest{}).answer(wirepb.Code_TABLE_GONE, nil)
	if r := receive(t, got); game.CodeOf(r.err, 0) != wirepb.Code_TABLE_GONE {
		t.Fatal(r.err)
	}
	for _, code := range []wirepb.Code{wirepb.Code_OK, wirepb.Code_TABLE_GONE} {
		tab := sit(t, g, c, 1)
		left := async(func() (int, error) { return 0, tab.Leave(testContext(t)) })
		g.next("table.leave", &wirepb.LeaveRequest{}).answer(code, nil)
		if r := receive(t, left); r.err != nil {
			t.Fatalf("%v: %v", code, r.err)
		}
		if _, err := tab.Receive(testContext(t)); !errors.Is(err, ErrLeft) {
			t.Fatalf("after leaving: %v", err)
		}
	}
}

// TestHundredReconnects breaks the connection again and again; goleak looks for leftovers.
func TestHundredReconnects(t *testing.T) {
	g := startGateway(t)
	var seen atomic.Uint64
	c, conn := g.dial(func(cfg *Config) { cfg.Hooks.Received = func(*wirepb.Envelope) { seen.Add(1) } })
	tab := sit(t, g, c, 1)
	m := &wirepb.AttachRequest{}
	for n := uint64(1); n <= 100; n++ {
		conn.push(wirepb.Push_EVENT, n, event("x"))
		if e, err := tab.Receive(testContext(t)); err != nil || e.Number != n {
			t.Fatalf("received %d %v, want %d", e.Number, err, n)
		}
		conn.conn.Close()
		conn = receive(t, g.conns)
		q := g.next("table.attach", m)
		if m.LastEvent != n {
			t.Fatalf("attached from %d, want %d", m.LastEvent, n)
		}
		q.answer(wirepb.Code_OK, &wirepb.AttachReply{})
	}
	c.Close()
	if s := c.Stats(); s.Resumes != 100 || seen.Load() < 400 {
		t.Fatalf("%+v, %d messages seen", s, seen.Load())
	}
}

func TestDialGivesUp(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	refused := errors.New("refused on purpose")
	_, err := Dial(ctx, Config{Addr: "nowhere:1", Dial: func(context.Context, string) (net.Conn, error) {
		cancel()
		return nil, refused
	}})
	if !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	for name, cfg := range map[string]Config{
		"no address": {}, "bad pause": {Addr: "x", BackoffMin: time.Hour}, "bad queue": {Addr: "x", MaxEvents: -1},
	} {
		if _, err := Dial(t.Context(), cfg); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}

func TestNewsOfATableReachItsUser(t *testing.T) {
	g := startGateway(t)
	news := make(chan *wirepb.Notice, 4)
	c, conn := g.dial(func(cfg *Config) { cfg.Hooks.Noticed = func(n *wirepb.Notice) { news <- n } })
	sit(t, g, c, 1)
	conn.push(wirepb.Push_NOTICE, 0, &wirepb.Notice{Body: &wirepb.Notice_Moving{Moving: &wirepb.Moving{Table: uint64(table)}}})
	if n := receive(t, news); n.GetMoving().GetTable() != uint64(table) {
		t.Errorf("told %v", n)
	}
	conn.push(wirepb.Push_NOTICE, 0, &wirepb.Notice{Body: &wirepb.Notice_Waiting{Waiting: &wirepb.Waiting{Table: uint64(table)}}})
	if n := receive(t, news); n.GetWaiting().GetTable() != uint64(table) || n.GetWaiting().Over {
		t.Errorf("told %v", n)
	}
	conn.conn.Close()
	g.next("table.attach", &wirepb.AttachRequest{}).answer(wirepb.Code_OK, &wirepb.AttachReply{NextNumber: 1})
	if n := receive(t, news); !n.GetWaiting().GetOver() {
		t.Errorf("told %v", n)
	}
}
