package ingress

import (
	"context"
	"fmt"
	"net"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"teahouse/pkg/game"
	"teahouse/pkg/link"
	"teahouse/pkg/link/linkpb"
	"teahouse/pkg/wire"
	"teahouse/pkg/wire/wirepb"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func linkConfig(name, role string) link.Config {
	return link.Config{
		Cluster: "c1", Secret: []byte("a cluster secret of enough bytes"), Name: name, Role: role,
		DeadAfter: time.Minute, // these tests must not fail on a busy machine
	}
}

// named is a group or service that answers with its own and the caller's name.
type named struct {
	name   string
	closed chan string
}

func (n named) Request(from string, req *linkpb.Request, reply func(*linkpb.Response)) {
	reply(&linkpb.Response{Id: 12345, Detail: fmt.Sprintf("%s %s %s", n.name, req.Method, from)})
}

func (n named) SessionClosed(from string, m *linkpb.SessionClosed) {
	n.closed <- fmt.Sprintf("%s %s %d", n.name, from, m.Session)
}

// start serves an Ingress until the test ends and returns its address.
func start(t *testing.T, cfg Config) (*Ingress, string) {
	t.Helper()
	cfg.Link, cfg.Methods = linkConfig("node-1", link.RoleNode), wire.NewMethods()
	in, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		if err := in.Serve(ctx, ln); err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
	t.Cleanup(func() { cancel(); running.Wait() })
	return in, ln.Addr().String()
}

func dial(t *testing.T, addr, name, role string, h link.Handler) *link.Conn {
	t.Helper()
	c, err := link.Dial(t.Context(), linkConfig(name, role), addr, h)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close(); <-c.Done() })
	return c
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

func TestDispatch(t *testing.T) {
	in, addr := start(t, Config{Services: map[string]Handler{"account.profile": named{name: "profile"}.Request}})
	in.SetGroup(game.Coordinator, named{name: "coordinator"})
	in.SetGroup(3, named{name: "shard"})
	gateway := dial(t, addr, "gateway-1", link.RoleGateway, link.Handler{})
	node := dial(t, addr, "node-2", link.RoleNode, link.Handler{})

	table := uint64(game.MakeTableID(3, 1))
	other := uint64(game.MakeTableID(4, 1))
	ok, unknown, notLeader := wirepb.Code_OK, wirepb.Code_UNKNOWN_METHOD, wirepb.Code_NOT_LEADER
	for _, test := range []struct {
		from *link.Conn
		req  *linkpb.Request
		code wirepb.Code
		who  string
	}{
		{gateway, &linkpb.Request{Method: "table.move", Player: 1, Table: table}, ok, "shard"},
		{gateway, &linkpb.Request{Method: "table.move", Player: 1, Table: other}, notLeader, ""},
		{gateway, &linkpb.Request{Method: "table.move", Player: 1, Table: 7}, wirepb.Code_BAD_REQUEST, ""},
		{gateway, &linkpb.Request{Method: "table.move", Player: 1, Group: 3}, wirepb.Code_BAD_REQUEST, ""},
		{gateway, &linkpb.Request{Method: "table.move", Table: table}, wirepb.Code_NOT_LOGGED_IN, ""},
		{gateway, &linkpb.Request{Method: "queue.join", Player: 1}, ok, "coordinator"},
		{gateway, &linkpb.Request{Method: "queue.join"}, wirepb.Code_NOT_LOGGED_IN, ""},
		{gateway, &linkpb.Request{Method: "auth.guest"}, ok, "coordinator"},
		{gateway, &linkpb.Request{Method: "auth.resume", Player: 1}, ok, "coordinator"},
		{gateway, &linkpb.Request{Method: "account.profile", Player: 1}, ok, "profile"},
		{gateway, &linkpb.Request{Method: "account.profile"}, wirepb.Code_NOT_LOGGED_IN, ""},
		{gateway, &linkpb.Request{Method: "account.hands", Player: 1}, unknown, ""}, // no such service here
		{gateway, &linkpb.Request{Method: "no.such", Player: 1}, unknown, ""},
		{gateway, &linkpb.Request{}, unknown, ""},
		{gateway, &linkpb.Request{Method: link.MethodCreate, Player: 1, Table: table}, unknown, ""},
		{gateway, &linkpb.Request{Method: link.MethodEnded, Player: 1}, unknown, ""},
		{gateway, &linkpb.Request{Method: link.MethodJoin, Player: 1}, unknown, ""},
		{gateway, &linkpb.Request{Method: link.MethodAlign, Group: 1, Player: 1}, unknown, ""},
		{gateway, &linkpb.Request{Method: link.MethodOffer, Group: 3, Player: 1}, unknown, ""},
		{node, &linkpb.Request{Method: link.MethodOffer, Group: 3}, ok, "shard"},
		{node, &linkpb.Request{Method: link.MethodOffer}, ok, "coordinator"},
		{node, &linkpb.Request{Method: link.MethodOffer, Group: 4}, notLeader, ""},
		{node, &linkpb.Request{Method: link.MethodCreate, Table: table}, ok, "shard"},
		{node, &linkpb.Request{Method: link.MethodCreate, Group: 3}, ok, "shard"},
		{node, &linkpb.Request{Method: link.MethodCreate, Group: 4}, notLeader, ""},
		{node, &linkpb.Request{Method: link.MethodCreate}, wirepb.Code_BAD_REQUEST, ""},
		{node, &linkpb.Request{Method: link.MethodEnded}, ok, "coordinator"},
		{node, &linkpb.Request{Method: link.MethodJoin}, ok, "coordinator"},
		{node, &linkpb.Request{Method: "table.move", Table: table}, wirepb.Code_NOT_LOGGED_IN, ""},
	} {
		response, err := test.from.Call(t.Context(), test.req)
		if err != nil {
			t.Fatalf("%v: %v", test.req, err)
		}
		want := ""
		if test.who != "" {
			want = fmt.Sprintf("%s %s %s", test.who, test.req.Method, map[*link.Conn]string{gateway: "gateway-1", node: "node-2"}[test.from])
		}
		if response.Code != test.code || want != "" && response.Detail != want {
			t.Errorf("%v: %v %q, want %v %q", test.req, response.Code, response.Detail, test.code, want)
		}
	}

	in.SetGroup(3, nil)
	response, err := gateway.Call(t.Context(), &linkpb.Request{Method: "table.move", Player: 1, Table: table})
	if err != nil || response.Code != notLeader {
		t.Errorf("group taken away: %v, %v", response, err)
	}
	if s := in.Stats(); s.Requests != 30 || s.Refused != 19 || s.Links != 2 {
		t.Errorf("%+v", s)
	}
}

func TestAnswerOnce(t *testing.T) {
	replies := make(chan func(*linkpb.Response), 1)
	in, addr := start(t, Config{Services: map[string]Handler{
		"account.profile": func(_ string, _ *linkpb.Request, reply func(*linkpb.Response)) { replies <- reply },
	}})
	gateway := dial(t, addr, "gateway-1", link.RoleGateway, link.Handler{})
	answers := make(chan wirepb.Code, 2)
	_, err := gateway.Go(&linkpb.Request{Method: "account.profile", Player: 1}, func(m *linkpb.Response, err error) {
		if err != nil {
			t.Error(err)
		}
		answers <- m.GetCode()
	})
	if err != nil {
		t.Fatal(err)
	}
	reply := receive(t, replies)
	reply(&linkpb.Response{Code: wirepb.Code_NOT_FOUND}) // later, from another goroutine
	reply(&linkpb.Response{Code: wirepb.Code_INTERNAL})
	if code := receive(t, answers); code != wirepb.Code_NOT_FOUND {
		t.Errorf("answer %v", code)
	}
	if n := in.Stats().AnsweredTwice; n != 1 {
		t.Errorf("%d answered twice", n)
	}
}

// An answer that is too long for a frame must not break the link: the call would come again on the
// next one.
func TestAnswerTooLong(t *testing.T) {
	_, addr := start(t, Config{Services: map[string]Handler{
		"account.profile": func(_ string, _ *linkpb.Request, reply func(*linkpb.Response)) {
			reply(&linkpb.Response{Payload: make([]byte, 5<<20)})
		},
	}})
	gateway := dial(t, addr, "gateway-1", link.RoleGateway, link.Handler{})
	for range 2 {
		m, err := gateway.Call(t.Context(), &linkpb.Request{Method: "account.profile", Player: 1})
		if err != nil || m.Code != wirepb.Code_INTERNAL || len(m.Payload) != 0 {
			t.Fatalf("answer %v, %v", m.GetCode(), err)
		}
	}
}

// A reply after the end of its link is dropped and counted.
func TestAnswerAfterEnd(t *testing.T) {
	replies := make(chan func(*linkpb.Response), 1)
	gone := make(chan bool, 4)
	in, addr := start(t, Config{
		Services: map[string]Handler{
			"account.profile": func(_ string, _ *linkpb.Request, reply func(*linkpb.Response)) { replies <- reply },
		},
		OnPeer: func(_, _ string, up bool) { gone <- !up },
	})
	gateway := dial(t, addr, "gateway-1", link.RoleGateway, link.Handler{})
	receive(t, gone)
	if _, err := gateway.Go(&linkpb.Request{Method: "account.profile", Player: 1}, func(*linkpb.Response, error) {}); err != nil {
		t.Fatal(err)
	}
	reply := receive(t, replies)
	gateway.Close()
	if !receive(t, gone) {
		t.Fatal("not down")
	}
	reply(&linkpb.Response{})
	if n := in.Stats().Unsent; n != 1 {
		t.Errorf("%d unsent", n)
	}
}

func TestPush(t *testing.T) {
	ups := make(chan string, 4)
	in, addr := start(t, Config{OnPeer: func(name, role string, up bool) { ups <- fmt.Sprint(name, " ", role, " ", up) }})
	if in.Push("gateway-1", &linkpb.Push{}) {
		t.Error("push to nobody")
	}
	got := make(chan uint64, 4)
	first := dial(t, addr, "gateway-1", link.RoleGateway, link.Handler{Push: func(_ *link.Conn, m *linkpb.Push) { got <- m.Number }})
	if up := receive(t, ups); up != "gateway-1 gateway true" {
		t.Errorf("peer event %q", up)
	}
	dial(t, addr, "node-9", link.RoleNode, link.Handler{})
	if up := receive(t, ups); up != "node-9 node true" {
		t.Errorf("peer event %q", up)
	}
	if g := in.Gateways(); !slices.Equal(g, []string{"gateway-1"}) {
		t.Errorf("gateways %q", g)
	}
	if !in.Push("gateway-1", &linkpb.Push{Number: 5}) || receive(t, got) != 5 {
		t.Error("the push is lost")
	}
	again := make(chan uint64, 4)
	dial(t, addr, "gateway-1", link.RoleGateway, link.Handler{Push: func(_ *link.Conn, m *linkpb.Push) { again <- m.Number }})
	for _, want := range []string{"gateway-1 gateway false", "gateway-1 gateway true"} {
		if up := receive(t, ups); up != want {
			t.Errorf("peer event %q, want %q", up, want)
		}
	}
	<-first.Done()
	if !in.Push("gateway-1", &linkpb.Push{Number: 6}) || receive(t, again) != 6 {
		t.Error("the push did not go to the newer link")
	}
	if s := in.Stats(); s.Pushes != 2 || s.PushesUnlinked != 1 {
		t.Errorf("%+v", s)
	}
}

// A gateway that does not read gets its link broken, so that it never misses a push without
// noticing.
func TestPushToFullLink(t *testing.T) {
	downs := make(chan string, 4)
	in, addr := start(t, Config{OnPeer: func(name, _ string, up bool) {
		if !up {
			downs <- name
		}
	}})
	release := make(chan struct{})
	slow := dial(t, addr, "gateway-1", link.RoleGateway, link.Handler{Push: func(*link.Conn, *linkpb.Push) { <-release }})
	defer close(release)
	payload := make([]byte, 1<<20)
	if _, err := slow.Call(t.Context(), &linkpb.Request{}); err != nil { // the link is registered
		t.Fatal(err)
	}
	sent := 0
	for in.Push("gateway-1", &linkpb.Push{Payload: payload}) {
		if sent++; sent > 1000 {
			t.Fatal("the queue has no end")
		}
	}
	if name := receive(t, downs); name != "gateway-1" {
		t.Errorf("down %q", name)
	}
	if s := in.Stats(); s.Unsent != 1 || s.Pushes != uint64(sent) {
		t.Errorf("%+v after %d", s, sent)
	}
}

// News is sent first on a new link, and to everybody as it happens.
func TestNews(t *testing.T) {
	in, addr := start(t, Config{OnPeer: nil})
	in.Announce(&linkpb.Announce{Group: 1, Term: 5})
	in.Announce(&linkpb.Announce{Group: 2, Term: 3})
	in.Announce(&linkpb.Announce{Group: 2, Term: 3, Withdrawn: true})
	in.Announce(&linkpb.Announce{Group: 1, Term: 4}) // stale
	in.SetMembers(&linkpb.Members{Number: 7})
	in.SetMembers(&linkpb.Members{Number: 6}) // stale
	in.SetGroup(game.Coordinator, named{name: "coordinator"})

	news := func(name, role string) (*link.Conn, <-chan string) {
		got := make(chan string, 16)
		return dial(t, addr, name, role, link.Handler{
			Announce: func(_ *link.Conn, m *linkpb.Announce) {
				got <- strings.TrimSpace(fmt.Sprintf("announce %d %d %v", m.Group, m.Term, m.Withdrawn))
			},
			Members: func(_ *link.Conn, m *linkpb.Members) { got <- fmt.Sprintf("members %d", m.Number) },
		}), got
	}
	c, gateway := news("gateway-1", link.RoleGateway)
	_, node := news("node-2", link.RoleNode)
	for _, got := range []<-chan string{gateway, node} {
		for _, want := range []string{"announce 1 5 false", "members 7"} {
			if s := receive(t, got); s != want {
				t.Errorf("%q, want %q", s, want)
			}
		}
	}
	if _, err := c.Call(t.Context(), &linkpb.Request{Method: "auth.guest"}); err != nil {
		t.Fatal(err)
	}
	if len(gateway) != 0 {
		t.Errorf("more news: %q", <-gateway)
	}
	in.Announce(&linkpb.Announce{Group: 1, Term: 5, Withdrawn: true})
	in.SetMembers(&linkpb.Members{Number: 8})
	for _, got := range []<-chan string{gateway, node} {
		for _, want := range []string{"announce 1 5 true", "members 8"} {
			if s := receive(t, got); s != want {
				t.Errorf("%q, want %q", s, want)
			}
		}
	}
}

// That a group moves is told to gateways that are linked now, while this node leads the group.
func TestMoving(t *testing.T) {
	in, addr := start(t, Config{OnPeer: nil})
	news := func(name, role string) <-chan string {
		got := make(chan string, 16)
		dial(t, addr, name, role, link.Handler{Announce: func(_ *link.Conn, m *linkpb.Announce) {
			got <- fmt.Sprintf("%d %d %v %v", m.Group, m.Term, m.Withdrawn, m.Moving)
		}})
		return got
	}
	want := func(got <-chan string, lines ...string) {
		t.Helper()
		for _, line := range lines {
			if s := receive(t, got); s != line {
				t.Errorf("%q, want %q", s, line)
			}
		}
	}
	moving := func(term uint64) { in.Announce(&linkpb.Announce{Group: 1, Term: term, Moving: true}) }
	gateway, node := news("gateway-1", link.RoleGateway), news("node-2", link.RoleNode)
	for len(*in.peers.Load()) < 2 {
		runtime.Gosched()
	}
	moving(5) // it does not lead
	in.Announce(&linkpb.Announce{Group: 1, Term: 5})
	moving(4)
	moving(6)
	moving(5)
	want(gateway, "1 5 false false", "1 5 false true")
	want(news("gateway-2", link.RoleGateway), "1 5 false false") // it still leads
	in.Announce(&linkpb.Announce{Group: 1, Term: 5, Withdrawn: true})
	moving(5)
	in.Announce(&linkpb.Announce{Group: 1, Term: 7})
	want(gateway, "1 5 true false", "1 7 false false")
	want(node, "1 5 false false", "1 5 true false", "1 7 false false")
}

func TestSessionClosed(t *testing.T) {
	in, addr := start(t, Config{})
	closed := make(chan string, 4)
	in.SetGroup(game.Coordinator, named{"coordinator", closed})
	in.SetGroup(3, named{"shard", closed})
	gateway := dial(t, addr, "gateway-1", link.RoleGateway, link.Handler{})
	for _, table := range []uint64{0, uint64(game.MakeTableID(9, 1)), uint64(game.MakeTableID(3, 1))} {
		if err := gateway.SendSessionClosed(&linkpb.SessionClosed{Session: 8, Table: table}); err != nil {
			t.Fatal(err)
		}
	}
	if got := receive(t, closed); got != "shard gateway-1 8" {
		t.Errorf("%q", got)
	}
	if n := in.Stats().SessionsClosed; n != 3 || len(closed) != 0 {
		t.Errorf("%d received, %d more handed on", n, len(closed))
	}
}

func TestConfig(t *testing.T) {
	if _, err := New(Config{Link: linkConfig("n", link.RoleNode)}); err == nil {
		t.Error("no Methods: accepted")
	}
	if _, err := New(Config{Methods: wire.NewMethods()}); err == nil {
		t.Error("no Link: accepted")
	}
}
