package coordinator

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"teahouse/node/coordinator/coordpb"
	"teahouse/pkg/game"
	"teahouse/pkg/link/linkpb"
	"teahouse/pkg/raftgroup"
	"teahouse/pkg/wire/wirepb"
	"teahouse/pkg/wire/wiretest"
)

// stepped is one replica whose loop, log, clock and shards the test controls.
type stepped struct {
	t         *testing.T
	c         *Coordinator
	steps     *Steps
	now       time.Time
	term      uint64
	proposed  []*asked // oldest first
	index     uint64
	created   []*sentCreation
	announced []string
	pushed    []*linkpb.Push
}

// asked is a proposal.
type asked struct {
	fakeFuture
	data []byte
}

// sentCreation is one call of Config.Create.
type sentCreation struct {
	*linkpb.CreateTable
	done func(*linkpb.CreateTableReply, error)
}

func newStepped(t *testing.T, edit func(*Config)) *stepped {
	t.Helper()
	s := &stepped{t: t, now: time.Unix(1000, 0)}
	cfg := Config{
		Node: "node-1", Signer: fakeSigner{}, Now: func() time.Time { return s.now }, LedShards: 1, MaxCreations: 2,
		Propose: func(data []byte) Future {
			f := &asked{fakeFuture{done: make(chan struct{})}, data}
			s.proposed = append(s.proposed, f)
			return &f.fakeFuture
		},
		Create: func(_ context.Context, c *linkpb.CreateTable, done func(*linkpb.CreateTableReply, error)) {
			s.created = append(s.created, &sentCreation{c, done})
		},
		Push:     func(gateway string, p *linkpb.Push) { s.pushed = append(s.pushed, p) },
		Announce: func(term uint64, leading bool) { s.announced = append(s.announced, fmt.Sprint(term, leading)) },
		Birth: func() Birth {
			return Birth{Cluster: "c1", Members: members("node-1", "node-2", "node-3"), Level: newest}
		},
	}
	if edit != nil {
		edit(&cfg)
	}
	var err error
	if s.c, err = New(cfg); err != nil {
		t.Fatal(err)
	}
	s.steps = s.c.Steps()
	return s
}

func (s *stepped) step() time.Duration { return s.steps.Step(s.t.Context()) }

func (s *stepped) lead(leading bool) {
	s.term++
	s.c.OnState(raftgroup.State{Leading: leading, Term: s.term})
	s.step()
}

// land ends the oldest proposal that has no outcome: applied, or with err.
func (s *stepped) land(err error) {
	s.t.Helper()
	f := s.proposed[0]
	s.proposed = s.proposed[1:]
	if f.err = err; err == nil {
		s.index++
		f.index, f.term = s.index, s.term
		f.result = s.c.Apply(raftgroup.Entry{Index: f.index, Term: f.term, Data: f.data})
	}
	close(f.done)
	s.step()
}

// settle applies proposals until there are none.
func (s *stepped) settle() {
	s.t.Helper()
	for range 200 {
		if len(s.proposed) == 0 {
			s.now = s.now.Add(50 * time.Millisecond)
			if s.step(); len(s.proposed) == 0 {
				return
			}
		}
		s.land(nil)
	}
	s.t.Fatal("it goes on and on")
}

// ask sends a request; its answers appear in the result.
func (s *stepped) ask(req *linkpb.Request) *[]*linkpb.Response {
	got := new([]*linkpb.Response)
	s.c.Handle("gw-1", req, func(r *linkpb.Response) {
		wiretest.Answered(s.t, req.Method, r.Code)
		*got = append(*got, r)
	})
	s.step()
	return got
}

// queue makes n guests wait for tables of four.
func (s *stepped) queue(n int) {
	s.t.Helper()
	for range n {
		got := s.ask(&linkpb.Request{Method: "auth.guest", Session: 7})
		s.settle()
		p := &wirepb.LoginReply{}
		if len(*got) != 1 || proto.Unmarshal((*got)[0].Payload, p) != nil {
			s.t.Fatalf("login: %v", *got)
		}
		got = s.ask(requestOf("queue.join", p, &wirepb.JoinRequest{Number: 1, Queue: "bench"}))
		s.settle()
		if len(*got) != 1 || (*got)[0].Code != wirepb.Code_OK {
			s.t.Fatalf("join: %v", *got)
		}
	}
}

func commandsOf(t *testing.T, data []byte) []*coordpb.Command {
	t.Helper()
	b := &coordpb.Batch{}
	if err := proto.Unmarshal(data, b); err != nil {
		t.Fatal(err)
	}
	return b.Commands
}

// A leadership ignores answers to creations of an earlier one: it sends them again and keeps its own
// count of open ones, whatever arrives late, in whatever order and with whatever outcome.
func TestAnswersOfAnotherReign(t *testing.T) {
	for name, late := range map[string]struct {
		reply *linkpb.CreateTableReply
		err   error
	}{
		"made":    {&linkpb.CreateTableReply{}, nil},
		"refused": {&linkpb.CreateTableReply{Refused: true}, nil},
		"failed":  {nil, errTest},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStepped(t, nil)
			s.lead(true)
			s.settle()
			s.queue(8)
			old := s.created
			if len(old) == 0 {
				t.Fatal("no creation was sent")
			}
			s.created = nil
			s.lead(false)
			s.lead(true)
			s.settle()
			again := s.created
			if len(again) != len(old) {
				t.Fatalf("the second leadership sent %d creations, the first one %d", len(again), len(old))
			}
			s.created = nil
			for _, c := range old {
				c.done(late.reply, late.err)
				s.step()
			}
			s.settle()
			if len(s.created) != 0 {
				t.Errorf("after the late answers %d more were sent", len(s.created))
			}
			if n := s.c.Counts(); n.Tables != 0 || n.Pending != len(old) {
				t.Errorf("the late answers count: %+v", n)
			}
			for _, c := range again {
				c.done(&linkpb.CreateTableReply{}, nil)
				c.done(nil, errTest) // the second call must have no effect
			}
			s.settle()
			if n := s.c.Counts(); n.Tables != len(old) || n.Pending != 0 || len(s.created) != 0 {
				t.Errorf("%+v, %d sent again", n, len(s.created))
			}
		})
	}
}

// After an error, a shard's outbox waits for the open creations, pauses, and starts over with the lowest
// number without an answer: neither sooner nor with a number that has one.
func TestOutboxAfterAnError(t *testing.T) {
	s := newStepped(t, func(c *Config) { c.MaxCreations = 3; c.RetryEvery = time.Second })
	s.c.cfg.LedShards = 1
	s.lead(true)
	s.settle()
	s.queue(40)
	byShard := make(map[game.GroupID][]*sentCreation)
	for _, c := range s.created {
		id := game.TableID(c.Table).Shard()
		byShard[id] = append(byShard[id], c)
	}
	s.created = nil
	var first []*sentCreation
	for _, sent := range byShard {
		if len(sent) == 3 {
			first = sent
		}
		for i := 1; i < len(sent); i++ {
			if sent[i].Table != sent[i-1].Table+1 {
				t.Fatalf("creation %v behind %v", sent[i].Table, sent[i-1].Table)
			}
		}
	}
	if first == nil {
		t.Fatalf("no shard has three open: %v", byShard)
	}
	ours := func() (tables []uint64) {
		for _, c := range s.created {
			if game.TableID(c.Table).Shard() == game.TableID(first[0].Table).Shard() {
				tables = append(tables, c.Table)
			}
		}
		return tables
	}
	first[0].done(&linkpb.CreateTableReply{}, nil)
	first[1].done(nil, errTest)
	for range 30 { // the third is open
		s.now = s.now.Add(100 * time.Millisecond)
		s.step()
		for len(s.proposed) > 0 {
			s.land(nil)
		}
	}
	if got := ours(); len(got) != 0 {
		t.Fatalf("sent %v while one is open", got)
	}
	first[2].done(nil, errTest)
	s.step()
	if got := ours(); len(got) != 0 {
		t.Fatalf("sent %v without a pause", got)
	}
	if wait := s.step(); wait > time.Second {
		t.Errorf("sleeps %v", wait)
	}
	s.now = s.now.Add(time.Second)
	s.step()
	want := []uint64{first[1].Table, first[2].Table}
	if got := ours(); len(got) < 2 || !slices.Equal(got[:2], want) || len(got) > 3 {
		t.Errorf("sent again %v, want %v first", got, want)
	}
}

// An entry that the log rejects as busy is held and proposed again, with the same bytes. Its requests
// are answered once: with its results, or with NOT_LEADER if the leadership ends before the log has
// accepted it.
func TestHeldEntry(t *testing.T) {
	for name, c := range map[string]struct {
		after func(s *stepped, data []byte)
		want  wirepb.Code
	}{
		"taken later": {func(s *stepped, data []byte) {
			for range 3 {
				s.t.Helper()
				s.now = s.now.Add(s.c.cfg.RetryEvery)
				if s.step(); len(s.proposed) != 1 || string(s.proposed[0].data) != string(data) {
					s.t.Fatalf("%d proposals, want the same again", len(s.proposed))
				}
				s.land(raftgroup.ErrBusy)
			}
			s.now = s.now.Add(s.c.cfg.RetryEvery)
			s.step()
			s.land(nil)
		}, wirepb.Code_OK},
		"leadership lost": {func(s *stepped, _ []byte) { s.lead(false) }, wirepb.Code_NOT_LEADER},
		"led again at once": {func(s *stepped, data []byte) {
			s.term++
			s.c.OnState(raftgroup.State{Leading: true, Term: s.term}) // another term, without a step in between
			s.now = s.now.Add(s.c.cfg.RetryEvery)
			s.step()
			if len(s.proposed) != 1 || string(s.proposed[0].data) == string(data) {
				s.t.Fatal("an entry of another term is proposed")
			}
			if commandsOf(s.t, s.proposed[0].data)[0].GetTookOver() == nil {
				s.t.Fatal("the new term does not begin with TookOver")
			}
		}, wirepb.Code_NOT_LEADER},
		"busy once the leadership is lost": {func(s *stepped, _ []byte) {
			s.now = s.now.Add(s.c.cfg.RetryEvery)
			s.step()
			s.term++
			s.c.OnState(raftgroup.State{Term: s.term})
			s.step()
			s.land(raftgroup.ErrBusy)
		}, wirepb.Code_NOT_LEADER},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStepped(t, nil)
			s.lead(true)
			s.settle()
			got := s.ask(&linkpb.Request{Method: "auth.guest", Session: 7})
			data := s.proposed[0].data
			s.land(raftgroup.ErrBusy)
			if len(*got) != 0 || len(s.proposed) != 0 {
				t.Fatalf("answered %v, %d proposals without a pause", *got, len(s.proposed))
			}
			if wait := s.step(); wait > s.c.cfg.RetryEvery {
				t.Errorf("sleeps %v", wait)
			}
			later := s.ask(&linkpb.Request{Method: "auth.guest", Session: 8}) // waits behind it
			c.after(s, data)
			s.step()
			if len(*got) != 1 || (*got)[0].Code != c.want {
				t.Errorf("answered %v, want %v once", *got, c.want)
			}
			s.settle()
			if len(*later) > 1 || len(*got) != 1 {
				t.Errorf("in the end: %v, %v", *got, *later)
			}
		})
	}
}

// The outcome of an entry that an earlier leadership proposed answers that entry's requests and has no
// effect on the current leadership, which begins with an entry of its own.
func TestEntryOfAnotherReignLands(t *testing.T) {
	s := newStepped(t, nil)
	s.lead(true)
	s.settle()
	got := s.ask(&linkpb.Request{Method: "auth.guest", Session: 7})
	if len(s.proposed) != 1 {
		t.Fatalf("%d proposals", len(s.proposed))
	}
	before := len(s.announced)
	s.lead(false)
	s.lead(true)
	if s.land(nil); len(*got) != 1 || (*got)[0].Code != wirepb.Code_OK {
		t.Fatalf("answered %v", *got)
	}
	if want := []string{"1 false"}; !slices.Equal(s.announced[before:], want) {
		t.Errorf("announced %q, want %q: nothing of the new term is applied", s.announced[before:], want)
	}
	if len(s.proposed) != 1 || commandsOf(t, s.proposed[0].data)[0].GetTookOver() == nil {
		t.Fatal("the new leadership does not begin with TookOver")
	}
	s.settle()
	if want := []string{"1 false", "3 true"}; !slices.Equal(s.announced[before:], want) {
		t.Errorf("announced %q, want %q", s.announced[before:], want)
	}
}
