package upstream

import (
	"context"
	"errors"
	"net"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"teahouse/pkg/game"
	"teahouse/pkg/link"
	"teahouse/pkg/link/linkpb"
	"teahouse/pkg/wire/wirepb"
	"teahouse/registry"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const patience = time.Minute

func linkConfig(name, role string) link.Config {
	return link.Config{Cluster: "test", Secret: []byte("0123456789abcdef"), Name: name, Role: role, DeadAfter: 5 * time.Second}
}

// fakeNode accepts links and lets the test answer.
type fakeNode struct {
	t        *testing.T
	name     string
	addr     string
	links    chan *link.Conn
	requests chan request
	stop     context.CancelFunc
	done     chan struct{}
}

type request struct {
	*linkpb.Request
	conn *link.Conn
}

func (r request) answer(t *testing.T, code wirepb.Code, payload string) {
	t.Helper()
	if err := r.conn.Respond(r.Id, &linkpb.Response{Code: code, Payload: []byte(payload)}); err != nil {
		t.Error(err)
	}
}

func startNode(t *testing.T, name, addr string) *fakeNode {
	t.Helper()
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	n := &fakeNode{
		t: t, name: name, addr: ln.Addr().String(), stop: cancel, done: make(chan struct{}),
		links: make(chan *link.Conn, 16), requests: make(chan request, 1024),
	}
	go func() {
		defer close(n.done)
		link.Serve(ctx, ln, linkConfig(name, link.RoleNode), link.Handler{
			Up:      func(c *link.Conn) { n.links <- c },
			Request: func(c *link.Conn, r *linkpb.Request) { n.requests <- request{r, c} },
		})
	}()
	t.Cleanup(n.kill)
	return n
}

func (n *fakeNode) kill() {
	n.stop()
	<-n.done
}

func (n *fakeNode) link() *link.Conn { n.t.Helper(); return receive(n.t, n.links) }
func (n *fakeNode) next() request    { n.t.Helper(); return receive(n.t, n.requests) }

func receive[T any](t *testing.T, from <-chan T) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(patience):
		t.Fatal("nothing came")
		panic("unreachable")
	}
}

func announce(t *testing.T, c *link.Conn, group game.GroupID, term uint64) {
	t.Helper()
	if err := c.SendAnnounce(&linkpb.Announce{Group: uint32(group), Term: term}); err != nil {
		t.Fatal(err)
	}
}

// fakeRegistry serves the snapshots that the test gives it.
type fakeRegistry struct{ snapshots chan registry.Snapshot }

// insist shows a snapshot until it has been asked for twice more; so it has been processed when
// insist returns.
func (r *fakeRegistry) insist(nodes ...*fakeNode) {
	for range 3 {
		r.show(nodes...)
	}
}

func (r *fakeRegistry) show(nodes ...*fakeNode) {
	s := registry.Snapshot{Instances: []registry.Instance{}}
	for _, n := range nodes {
		s.Instances = append(s.Instances, registry.Instance{ID: n.name, Name: n.name, Role: registry.RoleNode, LinkAddr: n.addr})
	}
	r.snapshots <- s
}

func (r *fakeRegistry) Watch(ctx context.Context, role string) (<-chan registry.Snapshot, error) {
	if role != registry.RoleNode {
		return nil, errors.New("wrong role")
	}
	out := make(chan registry.Snapshot)
	go func() {
		defer close(out)
		for {
			select {
			case s := <-r.snapshots:
				select {
				case out <- s:
				case <-ctx.Done():
					return
				}
			case <-ctx.Done():
				return
			}
		}
	}()
	return out, nil
}

func (r *fakeRegistry) Register(context.Context, registry.Instance) (registry.Registration, error) {
	return nil, errors.New("not needed")
}

func (r *fakeRegistry) Close() error { return nil }

// fakeSink records.
type fakeSink struct {
	pushes  chan *linkpb.Push
	led     chan game.GroupID
	waiting chan game.GroupID
	moving  chan game.GroupID
	members chan struct{}
}

func (s *fakeSink) Push(p *linkpb.Push)        { s.pushes <- p }
func (s *fakeSink) Led(group game.GroupID)     { s.led <- group }
func (s *fakeSink) Waiting(group game.GroupID) { s.waiting <- group }
func (s *fakeSink) Moving(group game.GroupID)  { s.moving <- group }
func (s *fakeSink) Members()                   { s.members <- struct{}{} }

// rig is a running Upstream with its surroundings.
type rig struct {
	t    *testing.T
	up   *Upstream
	sink *fakeSink
	reg  *fakeRegistry
	stop func()
}

func newRig(t *testing.T, change func(*Config)) *rig {
	t.Helper()
	r := &rig{
		t:    t,
		sink: &fakeSink{make(chan *linkpb.Push, 64), make(chan game.GroupID, 64), make(chan game.GroupID, 64), make(chan game.GroupID, 64), make(chan struct{}, 64)},
		reg:  &fakeRegistry{make(chan registry.Snapshot)},
	}
	cfg := Config{Link: linkConfig("gateway-1", ""), Registry: r.reg}
	if change != nil {
		change(&cfg)
	}
	up, err := New(cfg, r.sink)
	if err != nil {
		t.Fatal(err)
	}
	r.up = up
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- up.Run(ctx) }()
	r.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(r.stop)
	return r
}

// call starts a call to a table of the shard, and returns the channel for its answer.
func (r *rig) call(shard game.GroupID, payload string) <-chan *linkpb.Response {
	answers := make(chan *linkpb.Response, 2)
	r.up.Call(&linkpb.Request{Method: "table.move", Table: uint64(game.MakeTableID(shard, 1)), Payload: []byte(payload)},
		wirepb.Scope_TABLE, func(resp *linkpb.Response) { answers <- resp })
	return answers
}

func (r *rig) scoped(scope wirepb.Scope, payload string) <-chan *linkpb.Response {
	answers := make(chan *linkpb.Response, 2)
	r.up.Call(&linkpb.Request{Player: 7, Payload: []byte(payload)}, scope, func(resp *linkpb.Response) { answers <- resp })
	return answers
}

func expect(t *testing.T, answers <-chan *linkpb.Response, code wirepb.Code, payload string) {
	t.Helper()
	if r := receive(t, answers); r.Code != code || string(r.Payload) != payload {
		t.Fatalf("answer is %v %q %q, want %v %q", r.Code, r.Payload, r.Detail, code, payload)
	}
}
