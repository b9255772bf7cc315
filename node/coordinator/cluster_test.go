package coordinator

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/protobuf/proto"

	"teahouse/node/coordinator/coordpb"
	"teahouse/pkg/game"
	"teahouse/pkg/link/linkpb"
	"teahouse/pkg/raftgroup"
	"teahouse/pkg/token"
	"teahouse/pkg/wire/wirepb"
	"teahouse/pkg/wire/wiretest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fakeLog is a log in memory with several replicas, one of which leads.
type fakeLog struct {
	delay time.Duration // from a proposal to its application; 0 = at once

	mu       sync.Mutex
	term     uint64
	index    uint64
	leader   *replica
	replicas []*replica
	entries  []raftgroup.Entry
	fail     func() (err error, lost bool) // decides whether a proposal fails
}

type fakeFuture struct {
	done   chan struct{}
	result any
	index  uint64
	term   uint64
	err    error
}

func (f *fakeFuture) Done() <-chan struct{} { return f.done }

func (f *fakeFuture) Result() (any, uint64, uint64, error) { return f.result, f.index, f.term, f.err }

func (l *fakeLog) propose(r *replica, data []byte) Future {
	l.mu.Lock()
	defer l.mu.Unlock()
	f := &fakeFuture{done: make(chan struct{})}
	if l.leader != r {
		f.err = raftgroup.ErrNotLeader
		close(f.done)
		return f
	}
	if l.fail != nil {
		err, lost := l.fail()
		f.err = err
		if lost {
			close(f.done)
			return f
		}
	}
	l.index++
	e := raftgroup.Entry{Index: l.index, Term: l.term, Data: data}
	f.index, f.term = e.Index, e.Term
	l.entries = append(l.entries, e)
	if l.delay == 0 {
		l.applyLocked(e, r, f)
	} else {
		time.AfterFunc(l.delay, func() {
			l.mu.Lock()
			defer l.mu.Unlock()
			l.applyLocked(e, r, f)
		})
	}
	return f
}

func (l *fakeLog) applyLocked(e raftgroup.Entry, proposer *replica, f *fakeFuture) {
	for _, r := range l.replicas {
		if result := r.c.Apply(e); r == proposer {
			f.result = result
		}
	}
	close(f.done)
}

// lead makes r the leader (nil = no leader).
func (l *fakeLog) lead(r *replica) {
	l.mu.Lock()
	l.term++
	l.leader = r
	term := l.term
	l.mu.Unlock()
	for _, o := range l.replicas {
		if o != r {
			o.c.OnState(raftgroup.State{Term: term})
		}
	}
	if r != nil {
		r.c.OnState(raftgroup.State{Leading: true, Term: term})
	}
}

// slow makes the log slow.
func (l *fakeLog) slow(delay time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.delay = delay
}

func (l *fakeLog) failing(fail func() (err error, lost bool)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.fail = fail
}

func (l *fakeLog) batches(t *testing.T) []*coordpb.Batch {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	var all []*coordpb.Batch
	for _, e := range l.entries {
		b := &coordpb.Batch{}
		if err := proto.Unmarshal(e.Data, b); err != nil {
			t.Fatal(err)
		}
		all = append(all, b)
	}
	return all
}

// replica is a Coordinator with the calls that it has made.
type replica struct {
	c *Coordinator

	mu        sync.Mutex
	pushes    []*linkpb.Push
	announced []string
	views     []View
}

// fakeShards are all shards: they accept creations in order of their numbers and remember them.
type fakeShards struct {
	delay time.Duration

	mu      sync.Mutex
	last    map[game.GroupID]uint64
	tables  map[game.TableID]*linkpb.CreateTable
	refuse  map[game.GroupID]bool
	down    map[game.GroupID]bool
	lossy   func() bool // the answer is lost
	calls   int
	gaps    int
	open    int
	maxOpen int
}

func newFakeShards() *fakeShards {
	return &fakeShards{
		last: make(map[game.GroupID]uint64), tables: make(map[game.TableID]*linkpb.CreateTable),
		refuse: make(map[game.GroupID]bool), down: make(map[game.GroupID]bool),
	}
}

var errTest = errors.New("no answer")

func (f *fakeShards) create(_ context.Context, c *linkpb.CreateTable, done func(*linkpb.CreateTableReply, error)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls++
	f.open++
	f.maxOpen = max(f.maxOpen, f.open)
	reply, err := f.takeLocked(c)
	if f.lossy != nil && f.lossy() {
		reply, err = nil, errTest
	}
	answer := func() {
		f.mu.Lock()
		f.open--
		f.mu.Unlock()
		done(reply, err)
	}
	time.AfterFunc(f.delay, answer)
}

func (f *fakeShards) takeLocked(c *linkpb.CreateTable) (*linkpb.CreateTableReply, error) {
	id := game.TableID(c.Table)
	switch last := f.last[id.Shard()]; {
	case f.down[id.Shard()]:
		return nil, errTest
	case id.Seq() <= last:
		return &linkpb.CreateTableReply{Refused: f.tables[id] == nil}, nil
	case id.Seq() > last+1:
		f.gaps++
		return nil, errTest
	}
	f.last[id.Shard()] = id.Seq()
	if f.refuse[id.Shard()] {
		return &linkpb.CreateTableReply{Refused: true, Why: "test"}, nil
	}
	f.tables[id] = proto.CloneOf(c)
	return &linkpb.CreateTableReply{}, nil
}

type fakeSigner struct{}

func (fakeSigner) Sign(c token.Claims, now time.Time) (string, error) {
	return fmt.Sprintf("token of %d at %d", c.Player, now.Unix()), nil
}

// cluster is some replicas over one fake log. Use it inside a synctest bubble.
type cluster struct {
	t      *testing.T
	log    *fakeLog
	shards *fakeShards
	nodes  []*replica
	end    context.CancelFunc
	wg     sync.WaitGroup
}

func newCluster(t *testing.T, n int, edit func(*Config)) *cluster {
	t.Helper()
	cl := &cluster{t: t, log: &fakeLog{}, shards: newFakeShards()}
	ctx, end := context.WithCancel(context.Background())
	cl.end = end
	for i := range n {
		r := &replica{}
		cfg := Config{
			Node:    fmt.Sprintf("node-%d", i+1),
			Propose: func(data []byte) Future { return cl.log.propose(r, data) },
			Create:  cl.shards.create,
			Signer:  fakeSigner{},
			Push: func(gateway string, p *linkpb.Push) {
				if n := (&wirepb.Notice{}); proto.Unmarshal(p.Payload, n) == nil && n.GetProgress() != nil {
					return // see progress_test.go
				}
				r.mu.Lock()
				defer r.mu.Unlock()
				r.pushes = append(r.pushes, p)
			},
			Announce: func(term uint64, leading bool) {
				r.mu.Lock()
				defer r.mu.Unlock()
				r.announced = append(r.announced, fmt.Sprint(term, leading))
			},
			OnView: func(v View) {
				r.mu.Lock()
				defer r.mu.Unlock()
				r.views = append(r.views, v)
			},
			Birth: func() Birth {
				return Birth{Cluster: "c1", Members: members("node-1", "node-2", "node-3"), Level: newest}
			},
		}
		if edit != nil {
			edit(&cfg)
		}
		c, err := New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		r.c = c
		cl.nodes = append(cl.nodes, r)
	}
	cl.log.replicas = cl.nodes
	for _, r := range cl.nodes {
		cl.wg.Go(func() {
			if err := r.c.Run(ctx); err != nil {
				t.Errorf("run: %v", err)
			}
		})
	}
	return cl
}

func (cl *cluster) stop() {
	cl.end()
	cl.wg.Wait()
	pass(time.Minute) // creations that are open come to an end
	for _, r := range cl.nodes[1:] {
		if !bytes.Equal(r.image(cl.t), cl.nodes[0].image(cl.t)) {
			cl.t.Error("replicas differ")
		}
	}
}

// image returns the replica's snapshot.
func (r *replica) image(t *testing.T) []byte {
	t.Helper()
	snapshot, err := r.c.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	var buf bytes.Buffer
	if _, err := snapshot.WriteTo(&buf); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// ask sends a request and returns the channel of its answer.
func (r *replica) ask(req *linkpb.Request) <-chan *linkpb.Response {
	answers := make(chan *linkpb.Response, 2)
	r.c.Handle("gw-1", req, func(a *linkpb.Response) { answers <- a })
	return answers
}

// do sends a request and waits for the answer.
func (r *replica) do(t *testing.T, req *linkpb.Request, into proto.Message) wirepb.Code {
	t.Helper()
	a := <-r.ask(req)
	wiretest.Answered(t, req.Method, a.Code)
	if into != nil {
		if err := proto.Unmarshal(a.Payload, into); err != nil {
			t.Fatal(err)
		}
	}
	return a.Code
}

func requestOf(method string, p *wirepb.LoginReply, m proto.Message) *linkpb.Request {
	payload, err := proto.Marshal(m)
	if err != nil {
		panic(err)
	}
	return &linkpb.Request{Method: method, Player: p.GetPlayer(), Epoch: p.GetEpoch(), Session: 7, Payload: payload}
}

func (r *replica) guest(t *testing.T) *wirepb.LoginReply {
	t.Helper()
	p := &wirepb.LoginReply{}
	if code := r.do(t, requestOf("auth.guest", nil, &wirepb.GuestRequest{}), p); code != wirepb.Code_OK {
		t.Fatalf("guest: %v", code)
	}
	return p
}

func (r *replica) join(t *testing.T, p *wirepb.LoginReply, number uint64, queue string) *wirepb.JoinReply {
	t.Helper()
	reply := &wirepb.JoinReply{}
	if code := r.do(t, requestOf("queue.join", p, &wirepb.JoinRequest{Number: number, Queue: queue}), reply); code != wirepb.Code_OK {
		t.Fatalf("join: %v", code)
	}
	return reply
}

func (r *replica) binding(t *testing.T, p *wirepb.LoginReply) *wirepb.BindingReply {
	t.Helper()
	reply := &wirepb.BindingReply{}
	if code := r.do(t, requestOf("queue.binding", p, &wirepb.BindingRequest{}), reply); code != wirepb.Code_OK {
		t.Fatalf("binding: %v", code)
	}
	return reply
}

// pushed returns what the replica has pushed so far.
func (r *replica) pushed() []*linkpb.Push {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.pushes)
}

func (r *replica) notices() int { return len(r.pushed()) }

func (r *replica) news() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return fmt.Sprint(r.announced)
}

// bubble runs a test of a cluster with fake time.
func bubble(t *testing.T, nodes int, edit func(*Config), run func(t *testing.T, cl *cluster)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		cl := newCluster(t, nodes, edit)
		defer cl.stop()
		run(t, cl)
	})
}
