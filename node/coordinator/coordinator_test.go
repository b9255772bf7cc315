package coordinator

import (
	"bytes"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/protobuf/proto"

	"teahouse/pkg/link/linkpb"
	"teahouse/pkg/raftgroup"
	"teahouse/pkg/wire/wirepb"
)

func TestLeaderBeginsTheClusterAndAnnounces(t *testing.T) {
	bubble(t, 2, nil, func(t *testing.T, cl *cluster) {
		a, b := cl.nodes[0], cl.nodes[1]
		if code := a.do(t, requestOf("auth.guest", nil, &wirepb.GuestRequest{}), nil); code != wirepb.Code_NOT_LEADER {
			t.Errorf("before any leader: %v", code)
		}
		cl.log.lead(a)
		synctest.Wait()
		if a.news() != "[1 true]" || b.news() != "[]" {
			t.Errorf("announced %s and %s", a.news(), b.news())
		}
		for _, r := range cl.nodes {
			if v := r.c.View(); len(r.views) != 1 || v.Cluster != "c1" || len(v.Shards) != 6 || len(v.Members.Members) != 3 {
				t.Errorf("view %+v after %d calls", v, len(r.views))
			}
		}
		p := a.guest(t)
		if p.Player != 1 || p.Epoch != 1 || p.Name != "guest-1" || !strings.HasPrefix(p.Token, "token of 1 ") {
			t.Errorf("guest: %v", p)
		}
		cl.log.lead(b)
		synctest.Wait()
		if a.news() != "[1 true 1 false]" || b.news() != "[2 true]" {
			t.Errorf("announced %s and %s", a.news(), b.news())
		}
		if code := a.do(t, requestOf("queue.binding", p, &wirepb.BindingRequest{}), nil); code != wirepb.Code_NOT_LEADER {
			t.Errorf("at the old leader: %v", code)
		}
		again := &wirepb.LoginReply{}
		if code := b.do(t, requestOf("auth.resume", p, &wirepb.ResumeRequest{}), again); code != wirepb.Code_OK ||
			again.Player != p.Player || again.Epoch != 2 || again.Token == "" {
			t.Errorf("resume: %v %v", code, again)
		}
		// Lost and won again, but only the last change was reported.
		cl.log.mu.Lock()
		cl.log.term++
		term := cl.log.term
		cl.log.mu.Unlock()
		b.c.OnState(raftgroup.State{Leading: true, Term: term})
		synctest.Wait()
		if b.news() != "[2 true 2 false 3 true]" {
			t.Errorf("announced %s", b.news())
		}
	})
}

func TestPlayersMeetPlayAndQueueAgain(t *testing.T) {
	bubble(t, 3, nil, func(t *testing.T, cl *cluster) {
		cl.log.slow(time.Millisecond)
		cl.shards.delay = time.Millisecond
		leader := cl.nodes[0]
		cl.log.lead(leader)
		var players []*wirepb.LoginReply
		for range 4 {
			players = append(players, leader.guest(t))
		}
		for round := range 3 {
			tickets := make([]uint64, len(players))
			for i, p := range players {
				tickets[i] = leader.join(t, p, uint64(round+1), "bench").Ticket
			}
			began := time.Now()
			for leader.notices() < 4*(round+1) && time.Since(began) < time.Second {
				pass(time.Millisecond)
			}
			if waited := time.Since(began); waited > 30*time.Millisecond {
				t.Errorf("matched after %v", waited)
			}
			table := leader.binding(t, players[0]).Table
			for i, p := range players {
				push := leader.pushed()[4*round+i]
				if got := leader.binding(t, p); got.Table != table || table == 0 || got.Ticket != 0 {
					t.Errorf("binding %v, want table %d", got, table)
				}
				if push.Table != table || push.Session != 7 || push.Epoch != p.Epoch || push.Kind != wirepb.Push_NOTICE {
					t.Errorf("push %v", push)
				}
				if tickets[i] == 0 {
					t.Errorf("no ticket in round %d", round)
				}
			}
			over := &linkpb.TableEnded{Table: table, Players: []uint64{1, 2, 3, 4}}
			for range 2 {
				if code := leader.do(t, requestOf("cluster.ended", nil, over), &linkpb.TableEndedReply{}); code != wirepb.Code_OK {
					t.Errorf("ended: %v", code)
				}
			}
		}
		if n := cl.nodes[1].notices() + cl.nodes[2].notices(); n != 0 {
			t.Errorf("followers pushed %d times", n)
		}
	})
}

// pass lets fake time pass and waits until everything due has happened.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func TestWhatArrivesTogetherIsOneEntry(t *testing.T) {
	bubble(t, 1, nil, func(t *testing.T, cl *cluster) {
		cl.log.slow(10 * time.Millisecond)
		leader := cl.nodes[0]
		cl.log.lead(leader)
		p := leader.guest(t)
		before := len(cl.log.batches(t))
		var answers []<-chan *linkpb.Response
		for range 101 {
			answers = append(answers, leader.ask(requestOf("queue.binding", p, &wirepb.BindingRequest{})))
			synctest.Wait()
		}
		for _, a := range answers {
			if r := <-a; r.Code != wirepb.Code_OK {
				t.Errorf("answer: %v", r)
			}
		}
		got := cl.log.batches(t)[before:]
		if len(got) != 2 || len(got[0].Commands) != 1 || len(got[1].Commands) != 100 {
			t.Errorf("%d entries", len(got))
		}
	})
}

func TestAnswersFindTheirRequests(t *testing.T) {
	bubble(t, 1, nil, func(t *testing.T, cl *cluster) {
		cl.log.slow(10 * time.Millisecond)
		leader := cl.nodes[0]
		cl.log.lead(leader)
		queueMany(t, leader, 40)
		// Guests log in while matches and confirmations are in the same entries.
		var answers []<-chan *linkpb.Response
		for range 100 {
			answers = append(answers, leader.ask(requestOf("auth.guest", nil, &wirepb.GuestRequest{})))
			pass(time.Millisecond)
		}
		for i, a := range answers {
			reply := &wirepb.LoginReply{}
			if err := proto.Unmarshal((<-a).Payload, reply); err != nil || reply.Player != uint64(41+i) {
				t.Errorf("guest %d: %v %v", i, reply, err)
			}
		}
		if leader.notices() != 40 {
			t.Errorf("%d notices", leader.notices())
		}
	})
}

func TestFullMailboxIsBusy(t *testing.T) {
	bubble(t, 1, func(c *Config) { c.MaxWaiting, c.MaxBatch = 3, 2 }, func(t *testing.T, cl *cluster) {
		cl.log.slow(10 * time.Millisecond)
		leader := cl.nodes[0]
		cl.log.lead(leader)
		p := leader.guest(t)
		var answers []<-chan *linkpb.Response
		for range 6 { // one is in flight, three wait, two are too many
			answers = append(answers, leader.ask(requestOf("queue.binding", p, &wirepb.BindingRequest{})))
			synctest.Wait()
		}
		for i, a := range answers {
			want := wirepb.Code_OK
			if i >= 4 {
				want = wirepb.Code_BUSY
			}
			if r := <-a; r.Code != want {
				t.Errorf("request %d: %v, want %v", i, r.Code, want)
			}
		}
		for _, b := range cl.log.batches(t) {
			if len(b.Commands) > 2 {
				t.Errorf("entry of %d commands", len(b.Commands))
			}
		}
		if n := leader.c.Counts().Busy; n != 2 {
			t.Errorf("%d counted as refused", n)
		}
	})
}

func TestBadRequests(t *testing.T) {
	bubble(t, 1, nil, func(t *testing.T, cl *cluster) {
		leader := cl.nodes[0]
		cl.log.lead(leader)
		p := leader.guest(t)
		before := len(cl.log.batches(t))
		for name, c := range map[string]struct {
			req  *linkpb.Request
			want wirepb.Code
		}{
			"unknown method":  {requestOf("queue.leave", p, &wirepb.JoinRequest{}), wirepb.Code_UNKNOWN_METHOD},
			"no player":       {requestOf("queue.join", nil, &wirepb.JoinRequest{Number: 1}), wirepb.Code_NOT_LOGGED_IN},
			"resume nobody":   {requestOf("auth.resume", nil, &wirepb.ResumeRequest{}), wirepb.Code_TOKEN_INVALID},
			"no number":       {requestOf("queue.join", p, &wirepb.JoinRequest{}), wirepb.Code_BAD_REQUEST},
			"cancel number":   {requestOf("queue.cancel", p, &wirepb.CancelRequest{}), wirepb.Code_BAD_REQUEST},
			"garbage":         {&linkpb.Request{Method: "queue.join", Player: 1, Payload: []byte{0xff}}, wirepb.Code_BAD_REQUEST},
			"long queue name": {requestOf("queue.join", p, &wirepb.JoinRequest{Number: 1, Queue: strings.Repeat("q", 65)}), wirepb.Code_BAD_REQUEST},
			"long name":       {requestOf("auth.guest", nil, &wirepb.GuestRequest{Name: strings.Repeat("茶", 33)}), wirepb.Code_BAD_REQUEST},
			"name of tricks":  {requestOf("auth.guest", nil, &wirepb.GuestRequest{Name: "a\u202eb"}), wirepb.Code_BAD_REQUEST},
			"many players":    {requestOf("cluster.ended", nil, &linkpb.TableEnded{Players: make([]uint64, 17)}), wirepb.Code_BAD_REQUEST},
		} {
			if code := leader.do(t, c.req, nil); code != c.want {
				t.Errorf("%s: %v, want %v", name, code, c.want)
			}
		}
		if n := len(cl.log.batches(t)) - before; n != 0 {
			t.Errorf("%d entries were written for nothing", n)
		}
	})
}

func TestNothingIsWrittenWhileNothingIsDue(t *testing.T) {
	bubble(t, 1, nil, func(t *testing.T, cl *cluster) {
		leader := cl.nodes[0]
		cl.log.lead(leader)
		for range 3 {
			leader.join(t, leader.guest(t), 1, "bench")
		}
		before := len(cl.log.batches(t))
		pass(time.Hour)
		if n := len(cl.log.batches(t)) - before; n != 0 {
			t.Errorf("%d entries in an idle hour", n)
		}
		leader.join(t, leader.guest(t), 1, "bench")
		pass(50 * time.Millisecond)
		if leader.notices() != 4 {
			t.Errorf("%d notices", leader.notices())
		}
	})
}

func TestBotsComeOnTime(t *testing.T) {
	bubble(t, 1, nil, func(t *testing.T, cl *cluster) {
		leader := cl.nodes[0]
		cl.log.lead(leader)
		p := leader.guest(t)
		leader.join(t, p, 1, "standard")
		pass(9900 * time.Millisecond)
		if b := leader.binding(t, p); b.Ticket == 0 {
			t.Errorf("too early: %v", b)
		}
		pass(200 * time.Millisecond)
		if b := leader.binding(t, p); b.Table == 0 {
			t.Errorf("too late: %v", b)
		}
	})
}

func TestWhatFailuresOfTheLogMean(t *testing.T) {
	bubble(t, 1, nil, func(t *testing.T, cl *cluster) {
		leader := cl.nodes[0]
		cl.log.lead(leader)
		p := leader.guest(t)
		for _, c := range []struct {
			name  string
			err   error
			lost  bool
			times int
			want  wirepb.Code
			news  string
		}{
			{"busy", raftgroup.ErrBusy, true, 3, wirepb.Code_OK, "[1 true]"},
			{"lost", raftgroup.ErrNotLeader, true, 1, wirepb.Code_NOT_LEADER, "[1 true 1 false 1 true]"},
			{"unknown, not applied", raftgroup.ErrUnknown, true, 1, wirepb.Code_OUTCOME_UNKNOWN, "[1 true 1 false 1 true 1 false 1 true]"},
			{"unknown, applied", raftgroup.ErrUnknown, false, 1, wirepb.Code_OUTCOME_UNKNOWN, "[1 true 1 false 1 true 1 false 1 true 1 false 1 true]"},
		} {
			left := c.times
			cl.log.failing(func() (error, bool) {
				if left--; left < 0 {
					return nil, false
				}
				return c.err, c.lost
			})
			if code := leader.do(t, requestOf("queue.binding", p, &wirepb.BindingRequest{}), nil); code != c.want {
				t.Errorf("%s: %v, want %v", c.name, code, c.want)
			}
			pass(time.Second) // the replica starts over
			if leader.news() != c.news {
				t.Errorf("%s: announced %s", c.name, leader.news())
			}
		}
		if code := leader.do(t, requestOf("queue.binding", p, &wirepb.BindingRequest{}), nil); code != wirepb.Code_OK {
			t.Errorf("afterwards: %v", code)
		}
	})
}

func TestStoppingAnswersEverybody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cl := newCluster(t, 1, nil)
		leader := cl.nodes[0]
		cl.log.lead(leader)
		p := leader.guest(t)
		cl.log.slow(time.Hour)
		var answers []<-chan *linkpb.Response
		for range 3 {
			answers = append(answers, leader.ask(requestOf("queue.binding", p, &wirepb.BindingRequest{})))
			synctest.Wait()
		}
		cl.stop()
		answers = append(answers, leader.ask(requestOf("queue.binding", p, &wirepb.BindingRequest{})))
		pass(2 * time.Hour)
		for i, a := range answers {
			if len(a) != 1 {
				t.Fatalf("request %d has %d answers", i, len(a))
			}
			if r := <-a; r.Code != wirepb.Code_OUTCOME_UNKNOWN {
				t.Errorf("request %d: %v", i, r.Code)
			}
		}
		if leader.news() != "[1 true 1 false]" {
			t.Errorf("announced %s", leader.news())
		}
	})
}

func TestFollowersQueueIsRefusedWhenLeadershipGoes(t *testing.T) {
	bubble(t, 2, nil, func(t *testing.T, cl *cluster) {
		a, b := cl.nodes[0], cl.nodes[1]
		cl.log.lead(a)
		p := a.guest(t)
		cl.log.slow(10 * time.Millisecond)
		first := a.ask(requestOf("queue.binding", p, &wirepb.BindingRequest{}))
		synctest.Wait()
		second := a.ask(requestOf("queue.binding", p, &wirepb.BindingRequest{}))
		cl.log.lead(b)
		if r := <-second; r.Code != wirepb.Code_NOT_LEADER {
			t.Errorf("not in the log: %v", r.Code)
		}
		if r := <-first; r.Code != wirepb.Code_OK {
			t.Errorf("in the log: %v", r.Code)
		}
	})
}

func TestUnbornClusterWaitsForItsMembers(t *testing.T) {
	var known atomic.Bool
	edit := func(c *Config) {
		c.Birth = func() Birth {
			if !known.Load() {
				return Birth{}
			}
			return Birth{Cluster: "c1", Members: members("node-1")}
		}
	}
	bubble(t, 1, edit, func(t *testing.T, cl *cluster) {
		leader := cl.nodes[0]
		cl.log.lead(leader)
		pass(time.Minute)
		if leader.news() != "[]" || len(cl.log.batches(t)) != 1 {
			t.Errorf("announced %s, %d entries", leader.news(), len(cl.log.batches(t)))
		}
		known.Store(true)
		pass(time.Second)
		if leader.news() != "[1 true]" || len(leader.c.View().Shards) != 2 {
			t.Errorf("announced %s, view %+v", leader.news(), leader.c.View())
		}
	})
}

func TestReplicaFromASnapshot(t *testing.T) {
	bubble(t, 1, nil, func(t *testing.T, cl *cluster) {
		leader := cl.nodes[0]
		cl.log.lead(leader)
		queueMany(t, leader, 9)
		image := leader.image(t)
		views := 0
		cfg := leader.c.cfg
		cfg.OnView = func(View) { views++ }
		other, err := New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		if err := other.Restore(bytes.NewReader(image)); err != nil {
			t.Fatal(err)
		}
		if views != 1 || other.View().Cluster != "c1" || !bytes.Equal(image, (&replica{c: other}).image(t)) {
			t.Errorf("restored: %d views, %+v", views, other.View())
		}
		if err := other.Restore(strings.NewReader("garbage")); err == nil || other.View().Cluster != "c1" {
			t.Error("garbage was restored")
		}
		if err, ok := other.Apply(raftgroup.Entry{Data: []byte{0xff}}).(error); !ok || err == nil {
			t.Error("garbage was applied")
		}
	})
}

func TestPausedLeaderLosesTime(t *testing.T) {
	var jump atomic.Int64
	edit := func(c *Config) { c.Now = func() time.Time { return time.Now().Add(time.Duration(jump.Load())) } }
	bubble(t, 1, edit, func(t *testing.T, cl *cluster) {
		leader := cl.nodes[0]
		cl.log.lead(leader)
		p := leader.guest(t)
		before := leader.c.Counts().NowMs
		jump.Store(int64(time.Hour))
		leader.binding(t, p)
		if d := leader.c.Counts().NowMs - before; d > 200 {
			t.Errorf("%d ms of log time passed", d)
		}
	})
}

func testConfig() Config {
	return Config{
		Node: "n", Signer: fakeSigner{}, Propose: func([]byte) Future { return nil },
		Create: newFakeShards().create, Push: func(string, *linkpb.Push) {}, Announce: func(uint64, bool) {},
	}
}

func TestConfig(t *testing.T) {
	good := testConfig()
	if _, err := New(good); err != nil {
		t.Fatal(err)
	}
	for name, edit := range map[string]func(*Config){
		"no node":          func(c *Config) { c.Node = "" },
		"no log":           func(c *Config) { c.Propose = nil },
		"many shards":      func(c *Config) { c.LedShards = 9 },
		"no replicas":      func(c *Config) { c.Replicas = -1 },
		"no batch":         func(c *Config) { c.MaxBatch = -1 },
		"fast matching":    func(c *Config) { c.MatchEvery = 1 },
		"nameless queue":   func(c *Config) { c.Queues = []Queue{{Modes: []Mode{{Name: "x", Game: "x"}}}} },
		"modeless queue":   func(c *Config) { c.Queues = []Queue{{Name: "q"}} },
		"mode twice":       func(c *Config) { c.Queues[0].Modes[1].Name = c.Queues[0].Modes[0].Name },
		"bots for one":     func(c *Config) { c.Queues[0].Alone = true },
		"queue of no hand": func(c *Config) { c.Queues[0].Hands = []uint32{0} },
		"long rounds":      func(c *Config) { c.Queues[0].Hands = []uint32{maxHands + 1} },
		"hands twice":      func(c *Config) { c.Queues[0].Hands = []uint32{1, 2, 1} },
		"many hands":       func(c *Config) { c.Queues[0].Hands = upTo(maxChoices + 1) },
		"stake of nothing": func(c *Config) { c.Queues[0].Stakes = []uint32{5, 0} },
		"high stake":       func(c *Config) { c.Queues[0].Stakes = []uint32{maxStake + 1} },
		"stake twice":      func(c *Config) { c.Queues[0].Stakes = []uint32{2, 2} },
		"many kinds":       func(c *Config) { c.Queues[0].Stakes, c.Queues[0].Hands = upTo(32), upTo(32) },
		"few kinds":        func(c *Config) { c.Limits.Queues = 100 },
		"queue twice":      func(c *Config) { c.Queues = append(c.Queues, c.Queues[0]) },
	} {
		cfg := good
		cfg.Queues = DefaultQueues()
		edit(&cfg)
		if _, err := New(cfg); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	mine := []Queue{{Name: "q", Modes: []Mode{{Name: "m", Game: "g"}}}}
	good.Queues = mine
	if _, err := New(good); err != nil {
		t.Error(err)
	}
	if mine[0].Stakes != nil || mine[0].Hands != nil {
		t.Error("the caller's Config was changed")
	}
}

// TestOrphans: a request of a leadership that has just begun is not mistaken for one that the previous
// leadership left behind.
func TestOrphans(t *testing.T) {
	in := newInbox(8)
	lead := func(leading bool) { in.setRaft(raftgroup.State{Leading: leading}) }
	lead(true)
	if code := in.put(request{}); code != wirepb.Code_OK {
		t.Fatal(code)
	}
	if n := len(in.takeOrphans()); n != 0 {
		t.Errorf("%d orphans of a leader", n)
	}
	lead(false)
	if n := len(in.takeOrphans()); n != 1 {
		t.Errorf("%d orphans, want the request that was left", n)
	}
}
