package shard

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/protobuf/proto"

	"teahouse/node/table/tabletest"
	"teahouse/pkg/game"
	"teahouse/pkg/link/linkpb"
	"teahouse/pkg/raftgroup"
	"teahouse/pkg/wire/wirepb"
	"teahouse/pkg/wire/wiretest"
)

// fate is what the fake log does with a proposal.
type fate int

const (
	commit fate = iota
	lose        // outcome unknown, never committed
	late        // outcome unknown, committed nevertheless
	twice       // committed twice
	busy        // ErrBusy
)

// cluster is a few replicas of a shard over an in-memory log.
type cluster struct {
	t      *testing.T
	cancel context.CancelFunc
	runs   sync.WaitGroup

	mu      sync.Mutex
	shards  []*Shard
	leader  int // -1 = none
	term    uint64
	entries []raftgroup.Entry
	fates   []fate        // of the next proposals
	stopped chan struct{} // not nil: proposals wait until it is closed

	results  *fakeResults
	ended    map[uint64]int
	endedErr error
	pushes   map[uint64][]*linkpb.Push // by session
	onPush   map[uint64]func(*linkpb.Push)
	said     []string // announcements
}

// proposal is one in the fake log; it is its own Future.
type proposal struct {
	done        chan struct{}
	index, term uint64
	err         error
}

func (p *proposal) Done() <-chan struct{} { return p.done }
func (p *proposal) Result() (any, uint64, uint64, error) {
	<-p.done
	return nil, p.index, p.term, p.err
}

// nodeLog is the log as one replica sees it.
type nodeLog struct {
	c    *cluster
	node int
}

func (l nodeLog) Propose(data []byte) Future {
	p := &proposal{done: make(chan struct{})}
	l.c.runs.Go(func() {
		time.Sleep(time.Millisecond) // fake time: what the disk takes
		l.c.mu.Lock()
		if stopped := l.c.stopped; stopped != nil {
			l.c.mu.Unlock()
			<-stopped
			l.c.mu.Lock()
		}
		defer l.c.mu.Unlock()
		defer close(p.done)
		if l.c.leader != l.node {
			p.err = raftgroup.ErrNotLeader
			return
		}
		f := commit
		if len(l.c.fates) > 0 {
			f, l.c.fates = l.c.fates[0], l.c.fates[1:]
		}
		switch f {
		case busy:
			p.err = raftgroup.ErrBusy
			return
		case lose, late:
			p.err = raftgroup.ErrUnknown
		}
		if f != lose {
			p.index, p.term = l.c.appendLocked(data)
		}
		if f == twice {
			l.c.appendLocked(data)
		}
	})
	return p
}

// appendLocked commits an entry and applies it on one replica after another. The caller holds mu; Push
// relies on that and does not lock it.
func (c *cluster) appendLocked(data []byte) (index, term uint64) {
	e := raftgroup.Entry{Index: uint64(len(c.entries)) + 1, Term: c.term, Data: bytes.Clone(data)}
	c.entries = append(c.entries, e)
	for _, s := range c.shards {
		lent := bytes.Clone(e.Data)
		s.Apply(raftgroup.Entry{Index: e.Index, Term: e.Term, Data: lent})
		clear(lent) // shows a replica that keeps the slice, which it may not
	}
	return e.Index, e.Term
}

// newCluster starts replicas; change adapts their configuration.
func newCluster(t *testing.T, nodes int, change func(*Config)) *cluster {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	c := &cluster{
		t: t, cancel: cancel, leader: -1, ended: make(map[uint64]int), pushes: make(map[uint64][]*linkpb.Push),
		onPush: make(map[uint64]func(*linkpb.Push)), results: &fakeResults{settled: make(map[game.HandKey]game.HandResult)},
	}
	for n := range nodes {
		s := c.newShard(n, change)
		c.shards = append(c.shards, s)
		c.runs.Go(func() {
			if err := s.Run(ctx, nodeLog{c, n}); !errors.Is(err, context.Canceled) {
				t.Errorf("run: %v", err)
			}
		})
	}
	return c
}

func (c *cluster) newShard(n int, change func(*Config)) *Shard {
	c.t.Helper()
	cfg := Config{
		Group: 7, Cluster: "c", Node: fmt.Sprint("n", n), Games: map[string]game.Game{"tiny": tabletest.Game{}},
		Results: c.results, Pool: c,
		Queues: map[string]QueueConfig{"bench": {}, "slow": {Intermission: 3 * time.Second, Pace: PaceHuman}},
		Ended: func(_ context.Context, e *linkpb.TableEnded) error {
			c.results.mu.Lock()
			defer c.results.mu.Unlock()
			c.ended[e.GetTable()]++
			return c.endedErr
		},
		Push: func(gateway string, p *linkpb.Push) { // under mu, from appendLocked
			c.pushes[p.GetSession()] = append(c.pushes[p.GetSession()], p)
			if f := c.onPush[p.GetSession()]; f != nil {
				f(p)
			}
		},
		Announce: func(term uint64, withdrawn bool) {
			c.results.mu.Lock()
			defer c.results.mu.Unlock()
			c.said = append(c.said, fmt.Sprintf("n%d %d %t", n, term, withdrawn))
		},
	}
	if change != nil {
		change(&cfg)
	}
	s, err := New(cfg)
	if err != nil {
		c.t.Fatal(err)
	}
	return s
}

// Go is the pool.
func (c *cluster) Go(f func()) error {
	c.runs.Go(f)
	return nil
}

// lead makes a replica the leader of a new term.
func (c *cluster) lead(n int) {
	c.mu.Lock()
	old := c.leader
	c.leader = n
	c.term++
	term := c.term
	c.mu.Unlock()
	if old >= 0 && old != n {
		c.shards[old].OnState(false, term)
	}
	if n >= 0 {
		c.shards[n].OnState(true, term)
	}
	synctest.Wait()
}

func (c *cluster) close() {
	c.cancel()
	c.runs.Wait()
}

// send hands a request to a replica and returns the channel of the answer.
func (c *cluster) send(node int, method string, table game.TableID, player, epoch uint64, m proto.Message) <-chan *linkpb.Response {
	payload, err := proto.Marshal(m)
	if err != nil {
		c.t.Error(err)
	}
	answer := make(chan *linkpb.Response, 8) // more than one would be an error
	c.shards[node].Handle("gw", &linkpb.Request{
		Method: method, Table: uint64(table), Player: player, Epoch: epoch, Session: player*100 + epoch, Payload: payload,
	}, func(r *linkpb.Response) {
		wiretest.Answered(c.t, method, r.Code)
		answer <- r
	})
	return answer
}

func (c *cluster) leading() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return max(c.leader, 0)
}

// call sends to the leader and waits.
func (c *cluster) call(method string, table game.TableID, player, epoch uint64, m proto.Message) *linkpb.Response {
	return <-c.send(c.leading(), method, table, player, epoch, m)
}

func (c *cluster) want(r *linkpb.Response, code game.Code) {
	c.t.Helper()
	if r.GetCode() != code {
		c.t.Fatalf("answer %v, want %v", r, code)
	}
}

// entryCount is the length of the log.
func (c *cluster) entryCount() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.entries)
}

// pushed are the pushes to a session so far.
func (c *cluster) pushed(session uint64) []*linkpb.Push {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.pushes[session])
}

// endings counts the calls that reported a table's end to the coordinator.
func (c *cluster) endings(seq uint64) int {
	c.results.mu.Lock()
	defer c.results.mu.Unlock()
	return c.ended[uint64(tableID(seq))]
}

func tableID(seq uint64) game.TableID { return game.MakeTableID(7, seq) }

func createTable(seq uint64, queue, rules string, hands uint32, players ...uint64) *linkpb.CreateTable {
	m := &linkpb.CreateTable{
		Table: uint64(tableID(seq)), Secret: bytes.Repeat([]byte{byte(seq)}, 32), Game: "tiny", Rules: []byte(rules),
		Hands: hands, Stake: 1, Queue: queue,
	}
	for _, p := range players {
		m.Seats = append(m.Seats, &linkpb.Seat{Player: p, Name: fmt.Sprint("p", p)})
	}
	return m
}

// create makes a table and checks that it is (not) refused.
func (c *cluster) create(m *linkpb.CreateTable, refused bool) {
	c.t.Helper()
	r := c.call("cluster.create", 0, 0, 0, m)
	c.want(r, wirepb.Code_OK)
	var reply linkpb.CreateTableReply
	if err := proto.Unmarshal(r.GetPayload(), &reply); err != nil || reply.GetRefused() != refused {
		c.t.Fatalf("table %v: %v, %v; want refused %t", game.TableID(m.GetTable()), &reply, err, refused)
	}
}

// equal checks that all replicas hold the same state.
func (c *cluster) equal() {
	c.t.Helper()
	c.mu.Lock() // no entry is applied while the replicas are compared
	defer c.mu.Unlock()
	first := dump(c.t, c.shards[0])
	for n, s := range c.shards[1:] {
		if !bytes.Equal(first, dump(c.t, s)) {
			c.t.Errorf("replica %d differs", n+1)
		}
	}
}

func dump(t testing.TB, s *Shard) []byte {
	t.Helper()
	w, err := s.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if _, err := w.WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// fakeResults is a database of hands.
type fakeResults struct {
	game.Results
	mu      sync.Mutex
	settled map[game.HandKey]game.HandResult
	calls   int
	err     error
	voided  []game.TableID
}

func (f *fakeResults) Void(_ context.Context, _ string, id game.TableID) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err == nil {
		f.voided = append(f.voided, id)
	}
	return f.err
}

func (f *fakeResults) Settle(_ context.Context, r game.HandResult) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls++
	if f.err != nil {
		return f.err
	}
	if old, ok := f.settled[r.Key]; ok && old.Hash != r.Hash {
		return game.ErrResultConflict
	}
	f.settled[r.Key] = r
	return nil
}

func (f *fakeResults) fail(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.err = err
}

func (f *fakeResults) count() (settled, calls int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.settled), f.calls
}

func (f *fakeResults) all() map[game.HandKey]game.HandResult {
	f.mu.Lock()
	defer f.mu.Unlock()
	return maps.Clone(f.settled)
}

func (f *fakeResults) voids() []game.TableID {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.voided)
}
