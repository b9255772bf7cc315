package coordinator

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"teahouse/node/coordinator/coordpb"
	"teahouse/pkg/game"
	"teahouse/pkg/link/linkpb"
	"teahouse/pkg/wire"
	"teahouse/pkg/wire/wirepb"
)

func TestListShowsWhatIsPlayed(t *testing.T) {
	edit := func(c *Config) {
		c.Queues = []Queue{{
			Name: "q", Stakes: []uint32{5, 1}, Hands: []uint32{2, 3},
			Modes: []Mode{{Name: "a", Game: "g", Rules: "{}"}, {Name: "b", Game: "h", Seats: 2}},
		}}
	}
	bubble(t, 2, edit, func(t *testing.T, cl *cluster) {
		leader, other := cl.nodes[0], cl.nodes[1]
		cl.log.lead(leader)
		p := leader.guest(t)
		reply := &wirepb.ListReply{}
		if code := leader.do(t, requestOf("queue.list", p, &wirepb.ListRequest{}), reply); code != wirepb.Code_OK {
			t.Fatal(code)
		}
		if len(reply.Queues) != 1 || len(reply.Queues[0].Modes) != 2 {
			t.Fatal(reply)
		}
		q := reply.Queues[0]
		if q.Name != "q" || !slices.Equal(q.Stakes, []uint32{5, 1}) || !slices.Equal(q.Hands, []uint32{2, 3}) || q.BotsAfterMs != 0 ||
			q.Modes[0].Seats != 4 || string(q.Modes[0].Rules) != "{}" || q.Modes[1].Game != "h" || q.Modes[1].Seats != 2 {
			t.Error(reply)
		}
		if code := other.do(t, requestOf("queue.list", p, &wirepb.ListRequest{}), reply); code != wirepb.Code_NOT_LEADER {
			t.Errorf("who does not lead: %v", code)
		}
	})
}

// listed asks for the list, once the figures are due to be made anew.
func (s *stepped) listed() *wirepb.ListReply {
	s.t.Helper()
	s.now = s.now.Add(overviewEvery)
	return s.listedNow()
}

func (s *stepped) listedNow() *wirepb.ListReply {
	s.t.Helper()
	m := &wirepb.ListReply{}
	got := *s.ask(&linkpb.Request{Method: "queue.list", Player: 1, Epoch: 1})
	if len(got) != 1 || got[0].Code != wirepb.Code_OK || proto.Unmarshal(got[0].Payload, m) != nil {
		s.t.Fatalf("list: %v", got)
	}
	return m
}

// figures shows the modes in which somebody is or was.
func figures(m *wirepb.ListReply) string {
	var lines []string
	for _, q := range m.Queues {
		for _, mode := range q.Modes {
			if mode.Waiting+mode.Playing > 0 || len(mode.Forming) > 0 {
				line := fmt.Sprintf("%s/%s waiting %d playing %d", q.Name, mode.Name, mode.Waiting, mode.Playing)
				for _, f := range mode.Forming {
					line += fmt.Sprintf(" [%d×%d: %d waiting, %d of %d", f.Stake, f.Hands, f.Waiting, f.People, mode.Seats)
					if f.WaitMs > 0 {
						line += ", known"
					}
					line += "]"
				}
				lines = append(lines, line)
			}
		}
	}
	return strings.Join(lines, "; ")
}

func TestListShowsWhoIsThere(t *testing.T) {
	s := newStepped(t, nil)
	s.lead(true)
	s.settle()
	shows := func(want string) {
		t.Helper()
		if got := figures(s.listed()); got != want {
			t.Errorf("the list shows\n%s, want\n%s", got, want)
		}
	}
	shows("")
	s.queue(3)
	shows("bench/xuezhan waiting 3 playing 0 [1×1: 3 waiting, 3 of 4]")
	s.queue(2)
	shows("bench/xuezhan waiting 1 playing 4 [1×1: 1 waiting, 1 of 4]") // matched, and its shard does not answer yet
	s.created[0].done(&linkpb.CreateTableReply{}, nil)
	s.settle()
	shows("bench/xuezhan waiting 1 playing 4 [1×1: 1 waiting, 1 of 4, known]")
	over := &linkpb.TableEnded{Table: s.created[0].Table}
	for _, seat := range s.created[0].Seats {
		over.Players = append(over.Players, seat.Player)
	}
	s.ask(requestOf("cluster.ended", nil, over))
	s.settle()
	shows("bench/xuezhan waiting 1 playing 0 [1×1: 1 waiting, 1 of 4, known]")
	got := s.ask(requestOf("queue.join", &wirepb.LoginReply{Player: 1, Epoch: 1}, &wirepb.JoinRequest{Number: 2, Queue: "standard", Mode: "gomoku", Stake: 5, Hands: 8}))
	s.settle()
	if (*got)[0].Code != wirepb.Code_OK {
		t.Fatal((*got)[0])
	}
	shows("standard/gomoku waiting 1 playing 0 [5×8: 1 waiting, 1 of 2, known]; bench/xuezhan waiting 1 playing 0 [1×1: 1 waiting, 1 of 4, known]")
}

// Where bots come, nobody waits longer, whatever others have waited for.
func TestExpectedWait(t *testing.T) {
	key := queueKey{modeKey{"q", "m"}, 1, 1}
	for _, test := range []struct{ typical, bots, want uint32 }{
		{0, 0, 0}, {0, 10_000, 10_000}, {3000, 0, 3000}, {3000, 10_000, 3000}, {60_000, 10_000, 10_000}, {60_000, 0, 60_000},
	} {
		o := &overview{typical: map[queueKey]uint32{key: test.typical}}
		if got := o.expected(key, test.bots); got != test.want {
			t.Errorf("%+v: %d", test, got)
		}
	}
}

// A game that some member does not know is not offered.
func TestListLeavesOutWhatCannotBePlayed(t *testing.T) {
	s := newStepped(t, nil)
	s.lead(true)
	s.settle()
	s.ask(requestOf("cluster.join", nil, &linkpb.Join{
		Name: "node-2", Server: "node-2.disk", Versions: &linkpb.Versions{MinLevel: 1, MaxLevel: newest, Games: []*linkpb.GameVersion{{Name: "mahjong", Newest: 1}}},
	}))
	s.settle()
	for _, q := range s.listed().Queues {
		if len(q.Modes) != 2 || slices.ContainsFunc(q.Modes, func(m *wirepb.ModeInfo) bool { return m.Game == "gomoku" }) {
			t.Errorf("queue %s offers %v", q.Name, q.Modes)
		}
	}
}

// However many ask, the queues are looked through once a second at most, and the answer is encoded once.
func TestListIsCheap(t *testing.T) {
	s := newStepped(t, nil)
	s.lead(true)
	s.settle()
	s.queue(3)
	s.now = s.now.Add(overviewEvery)
	before := s.c.Counts()
	var wg sync.WaitGroup
	payloads := make([][]byte, 1000)
	for i := range payloads {
		wg.Go(func() {
			s.c.Handle("gw-1", &linkpb.Request{Method: "queue.list", Player: 1}, func(r *linkpb.Response) { payloads[i] = r.Payload })
		})
	}
	wg.Wait()
	for _, p := range payloads {
		if len(p) == 0 || &p[0] != &payloads[0][0] {
			t.Fatal("an answer of its own")
		}
	}
	if after := s.c.Counts(); after.Lists-before.Lists != 1000 || after.Overviews-before.Overviews != 1 {
		t.Errorf("%d lists asked, the queues looked through %d times", after.Lists-before.Lists, after.Overviews-before.Overviews)
	}
	s.now = s.now.Add(overviewEvery - 1)
	s.listedNow()
	s.now = s.now.Add(1)
	s.listedNow()
	if n := s.c.Counts().Overviews - before.Overviews; n != 2 {
		t.Errorf("looked through %d times, want once more after a second", n)
	}
}

// The list fits into a frame, whoever waits for what.
func TestTheLongestListFits(t *testing.T) {
	cfg := testConfig()
	cfg.Queues = DefaultQueues()
	for _, q := range cfg.Queues {
		for i := range q.Modes {
			q.Modes[i].Rules = strings.Repeat("r", 2000) // longer than those of mahjong
		}
	}
	cfg, err := cfg.withDefaults()
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, func(s *coordpb.Settings) { s.MaxQueues, s.MaxTickets = uint32(cfg.Limits.Queues), 10_000 })
	var c waits
	kinds := 0
	for _, q := range cfg.Queues {
		for _, m := range q.Modes {
			for _, stake := range q.Stakes {
				for _, hands := range q.Hands {
					j := joinFor(w.one(guest("")), 1, q.Name, stake, hands)
					j.GetJoin().Mode = m.Name
					if r := w.one(j); r.code != wirepb.Code_OK {
						t.Fatal(r.code)
					}
					c.note([]wait{{queueKey{modeKey{q.Name, m.Name}, stake, hands}, longestWait}}, w.now)
					kinds++
				}
			}
		}
	}
	o, tickets := w.overview(cfg.Queues)
	o.typical = c.typical(w.now)
	o.count(tickets)
	reply := o.reply(cfg)
	forming := 0
	for _, q := range reply.Queues {
		for _, m := range q.Modes {
			forming += len(m.Forming)
		}
	}
	limits, err := wire.Limits{}.WithDefaults()
	if err != nil {
		t.Fatal(err)
	}
	if size := proto.Size(reply); forming != kinds || size > limits.MaxFrame-1024 {
		t.Errorf("%d bytes, %d of %d kinds", size, forming, kinds)
	}
}

// What was asked for at level 1 and is not offered is not in the list, so nobody makes it long.
func TestListLeavesOutWhatIsNotOffered(t *testing.T) {
	w := newWorldAt(t, 1, nil)
	for stake := range uint32(5) {
		w.one(joinFor(w.one(guest("")), 1, "standard", 1000+stake, 4))
		w.one(joinFor(w.one(guest("")), 1, "standard", 1, 9+stake))
	}
	cfg, err := testConfig().withDefaults()
	if err != nil {
		t.Fatal(err)
	}
	o, tickets := w.overview(cfg.Queues)
	o.count(tickets)
	if got := figures(o.reply(cfg)); got != "standard/xuezhan waiting 10 playing 0" {
		t.Error(got)
	}
}

// When the level rises, the leader writes its settings again, with what the old level could not say. Nothing of it
// is in the log before.
func TestSettingsFollowTheLevel(t *testing.T) {
	s := newStepped(t, func(c *Config) {
		c.Birth = func() Birth { return Birth{Cluster: "c1", Members: members("node-1", "node-2", "node-3")} }
	})
	var written []*coordpb.Settings // by TookOver
	run := func() {
		t.Helper()
		for range 20 {
			for len(s.proposed) > 0 {
				for _, c := range commandsOf(t, s.proposed[0].data) {
					if m := c.GetTookOver(); m != nil {
						written = append(written, m.GetSettings())
					}
				}
				s.land(nil)
			}
			s.now = s.now.Add(50 * time.Millisecond)
			s.step()
		}
	}
	lists := func(m *coordpb.Settings) (n int) {
		for _, q := range m.GetQueues() {
			n += len(q.GetStakes()) + len(q.GetHands())
		}
		return n
	}
	s.lead(true)
	run()
	if len(written) != 1 || lists(written[0]) != 0 {
		t.Fatalf("at level 1: %v", written)
	}
	for _, n := range []string{"node-1", "node-2", "node-3"} {
		s.ask(requestOf("cluster.join", nil, &linkpb.Join{Name: n, Server: n + ".disk", Versions: levels(1, newest)}))
	}
	run()
	s.c.Raise(newest, nil, func(r *linkpb.Response) {
		if r.Code != wirepb.Code_OK {
			t.Error(r)
		}
	})
	s.step()
	run()
	if len(written) != 2 || lists(written[1]) == 0 {
		t.Fatalf("raised: %v", written)
	}
	s.lead(false)
	s.lead(true)
	run()
	if len(written) != 3 || !proto.Equal(written[1], written[2]) {
		t.Fatalf("the next leadership: %v", written)
	}
}

// Tables that were made at level 1 do not know their queue, on no replica: not on one that has seen them made
// either.
func TestTablesKnowTheirQueueFromLevelTwo(t *testing.T) {
	w := newWorldAt(t, 1, nil)
	confirm := func() game.TableID {
		w.queued(4, "bench")
		w.do(0, matchWith(1))
		id := w.unconfirmed()[0].table()
		w.do(0, created(id, false))
		return id
	}
	old := confirm()
	for _, n := range []string{"node-1", "node-2", "node-3"} {
		w.one(reports(n, n+".disk", able()))
	}
	if r := w.one(raise(newest)); r.code != wirepb.Code_OK {
		t.Fatal(r.code)
	}
	young := confirm()
	back, err := restore(w.bytes())
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []*state{w.state, back} {
		if s.tables[old].modeKey != (modeKey{}) || s.tables[young].modeKey != (modeKey{"bench", "xuezhan"}) {
			t.Errorf("%q, %q", s.tables[old].modeKey, s.tables[young].modeKey)
		}
	}
}
