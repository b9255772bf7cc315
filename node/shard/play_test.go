package shard

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/protobuf/proto"

	"teahouse/node/table"
	"teahouse/node/table/tablepb"
	"teahouse/node/table/tabletest"
	"teahouse/pkg/game"
	"teahouse/pkg/raftgroup"
	"teahouse/pkg/wire/wirepb"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// playAll lets clients play one table with the given seats (0 = bot).
func playAll(c *cluster, seq uint64, players ...uint64) []*client {
	var clients []*client
	var all sync.WaitGroup
	for _, p := range players {
		if p != 0 {
			one := newClient(c, tableID(seq), p)
			clients = append(clients, one)
			all.Go(one.play)
		}
	}
	all.Wait()
	return clients
}

// audit compares the moves that were acknowledged to clients with the archives.
func audit(t *testing.T, c *cluster, hands int, clients []*client) {
	t.Helper()
	if n, _ := c.results.count(); n != hands {
		t.Errorf("%d hands settled, want %d", n, hands)
	}
	for _, p := range clients {
		p.mu.Lock() // late pushes still come
		defer p.mu.Unlock()
		found := make(map[uint64]int)
		for key, r := range c.results.all() {
			if key.Table != p.table {
				continue
			}
			var a wirepb.HandArchive
			if err := proto.Unmarshal(r.Archive, &a); err != nil {
				t.Fatal(err)
			}
			streams, err := table.Replay(r.Archive, tabletest.Game{}, nil)
			if err != nil {
				t.Fatal(err)
			}
			sum := int64(0)
			for seat, player := range r.Players {
				sum += r.Scores[seat]
				if uint64(player) != p.player {
					continue
				}
				for _, e := range a.GetEntries() {
					if e.GetKind() == wirepb.ArchiveEntry_MOVE && e.GetSeat() == uint32(seat) {
						found[e.GetNumber()]++
					}
				}
				for _, e := range streams[seat] {
					if seen, ok := p.seen[e.Number]; ok && seen != string(e.Payload) {
						t.Errorf("player %d, event %d: told %q, replayed %q", p.player, e.Number, seen, e.Payload)
					}
				}
			}
			if sum != 0 {
				t.Errorf("scores of %v sum to %d", key, sum)
			}
		}
		for n := range p.acked {
			if found[n] != 1 {
				t.Errorf("player %d: acknowledged move %d is %d times in the archives", p.player, n, found[n])
			}
		}
		if len(p.acked) == 0 {
			t.Errorf("player %d made no move", p.player)
		}
	}
}

func TestRoundWithPeopleAndBots(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, 3, nil)
		defer c.close()
		c.lead(0)
		c.create(createTable(1, "slow", `{"hold_ms":700,"limit_ms":5000}`, 2, 11, 0, 12, 0), false)
		clients := playAll(c, 1, 11, 12)
		audit(t, c, 2, clients)
		for _, p := range clients {
			p.mu.Lock()
			for n := uint64(1); n <= p.last; n++ {
				if p.seen[n] == "" {
					t.Errorf("player %d missed event %d", p.player, n)
				}
			}
			p.mu.Unlock()
			if p.insist("table.leave", &wirepb.LeaveRequest{}).GetCode() != wirepb.Code_OK {
				t.Error("leave was refused")
			}
		}
		if c.endings(1) != 1 {
			t.Errorf("the coordinator was told %d times", c.endings(1))
		}
		c.want(c.call("table.attach", tableID(1), 11, 1, &wirepb.AttachRequest{}), wirepb.Code_TABLE_GONE)
		if st := c.shards[0].Status(); st.Tables != 0 || !st.Leading || st.Term != 1 || st.Waiting != 0 || st.Applied != uint64(c.entryCount()) {
			t.Errorf("status %+v", st)
		}
		// While nothing is due, the log does not grow.
		before := c.entryCount()
		time.Sleep(time.Hour)
		if n := c.entryCount(); n != before {
			t.Errorf("%d entries in an idle hour", n-before)
		}
		c.equal()
	})
}

// Leaders change repeatedly while proposals are lost, committed late, committed twice or rejected as
// busy: no acknowledged move is lost or applied twice.
func TestFaults(t *testing.T) {
	for seed := range uint64(6) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newCluster(t, 3, nil)
				defer c.close()
				c.lead(0)
				const tables = 4
				for seq := uint64(1); seq <= tables; seq++ {
					c.create(createTable(seq, "bench", `{"turns":12,"hold_ms":30}`, 3, seq*10+1, seq*10+2, seq*10+3, 0), false)
				}
				var mu sync.Mutex
				var clients []*client
				var all sync.WaitGroup
				for seq := uint64(1); seq <= tables; seq++ {
					all.Go(func() {
						some := playAll(c, seq, seq*10+1, seq*10+2, seq*10+3)
						mu.Lock()
						clients = append(clients, some...)
						mu.Unlock()
					})
				}
				rng := rand.New(rand.NewPCG(seed, 1))
				for range 12 {
					time.Sleep(time.Duration(rng.IntN(60)) * time.Millisecond)
					c.mu.Lock()
					for range rng.IntN(3) {
						c.fates = append(c.fates, fate(rng.IntN(5)))
					}
					c.mu.Unlock()
					time.Sleep(time.Duration(rng.IntN(5)) * time.Millisecond)
					c.lead(rng.IntN(3))
				}
				all.Wait()
				audit(t, c, tables*3, clients)
				c.equal()
			})
		})
	}
}

func TestSnapshotOfAShardGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, 1, nil)
		defer c.close()
		c.lead(0)
		c.create(createTable(1, "bench", `{"hold_ms":30}`, 2, 11, 12, 13, 0), false)
		c.create(createTable(2, "bench", `{"turns":0}`, 2, 21, 22, 23, 0), true)
		playAll(c, 1, 11, 12, 13)
		c.mu.Lock()
		defer c.mu.Unlock()
		// A replica restored after any entry ends in the same state as one that applied them all.
		for n := 0; n <= len(c.entries); n += 7 {
			a, b := c.newShard(8, nil), c.newShard(9, nil)
			for _, e := range c.entries[:n] {
				a.Apply(e)
			}
			if err := b.Restore(bytes.NewReader(dump(t, a))); err != nil {
				t.Fatal(err)
			}
			for _, e := range c.entries[n:] {
				b.Apply(e)
			}
			if !bytes.Equal(dump(t, b), dump(t, c.shards[0])) {
				t.Fatalf("restored after entry %d: another state at the end", n)
			}
		}
		good := dump(t, c.shards[0])
		if err := c.newShard(9, nil).Restore(bytes.NewReader(good[:len(good)-1])); err == nil {
			t.Error("a cut snapshot was restored")
		}
	})
}

func TestSettlementIsRetriedAndSurvivesItsLeader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, 2, nil)
		defer c.close()
		c.lead(0)
		c.results.fail(errors.New("down"))
		c.endedErr = errors.New("down")
		c.create(createTable(1, "bench", ``, 1, 11, 12, 13, 14), false)
		done := make(chan []*client)
		go func() { done <- playAll(c, 1, 11, 12, 13, 14) }()
		time.Sleep(20 * time.Second)
		if n, calls := c.results.count(); n != 0 || calls < 5 || calls > 20 {
			t.Fatalf("%d settled after %d calls in 20 s", n, calls)
		}
		c.lead(1)
		c.results.fail(nil)
		time.Sleep(10 * time.Second)
		if n, _ := c.results.count(); n != 1 {
			t.Fatal("the new leader did not settle")
		}
		c.results.mu.Lock()
		c.endedErr = nil
		c.results.mu.Unlock()
		audit(t, c, 1, <-done)
		if st := c.shards[0].Status(); st.Unsettled != 0 {
			t.Errorf("status %+v", st)
		}
	})
}

// Once one hand is settled after an outage, the others do not wait out their retry pauses, which have
// grown long.
func TestBacklogDrainsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, 1, nil)
		defer c.close()
		c.lead(0)
		c.results.fail(errors.New("down"))
		const tables = 40
		for seq := uint64(1); seq <= tables; seq++ {
			c.create(createTable(seq, "bench", ``, 1, 0, 0, 0, 0), false)
		}
		time.Sleep(time.Hour)
		c.results.fail(nil)
		for n := 0; n == 0; n, _ = c.results.count() {
			time.Sleep(10 * time.Millisecond)
		}
		time.Sleep(200 * time.Millisecond)
		if n, _ := c.results.count(); n != tables {
			t.Errorf("%d of %d hands are settled shortly after the first", n, tables)
		}
	})
}

// An outage is logged once when it begins and once when it ends, however many tries fail.
func TestOutageIsLoggedTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var lines strings.Builder
		c := newCluster(t, 1, func(cfg *Config) {
			cfg.Logger = slog.New(slog.NewTextHandler(&lines, &slog.HandlerOptions{Level: slog.LevelInfo}))
		})
		c.lead(0)
		c.results.fail(errors.New("down"))
		c.create(createTable(1, "bench", ``, 3, 0, 0, 0, 0), false)
		time.Sleep(time.Minute)
		c.results.fail(nil)
		time.Sleep(time.Minute)
		c.close()
		for _, once := range []string{"settlement fails", "settlement works again"} {
			if n := strings.Count(lines.String(), once); n != 1 {
				t.Errorf("%q was logged %d times:\n%s", once, n, &lines)
			}
		}
	})
}

// The database holds a different result: one alarm a hand, and a few retries a minute. Once a person has
// removed that result, the same leader settles the hand, and the table's players are free.
func TestConflictIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var lines strings.Builder
		c := newCluster(t, 1, func(cfg *Config) {
			cfg.Logger = slog.New(slog.NewTextHandler(&lines, nil))
		})
		c.lead(0)
		c.results.fail(fmt.Errorf("wrapped: %w", errConflict))
		c.create(createTable(1, "bench", ``, 1, 0, 0, 0, 0), false)
		c.create(createTable(2, "bench", ``, 1, 0, 0, 0, 0), false)
		time.Sleep(time.Hour)
		// Two hands, each retried every 30 s.
		if _, calls := c.results.count(); calls < 200 || calls > 2*121 {
			t.Errorf("%d tries in an hour", calls)
		}
		if st := c.shards[0].Status(); st.Conflicts != 2 || st.Unsettled != 2 || st.Tables != 2 || st.Failures != 0 {
			t.Errorf("%+v", st)
		}
		c.results.fail(errors.New("down")) // the database is down for a while
		time.Sleep(time.Minute)
		c.results.fail(nil)
		time.Sleep(time.Minute)
		if n, _ := c.results.count(); n != 2 {
			t.Errorf("%d hands are settled after the database was put right", n)
		}
		if st := c.shards[0].Status(); st.Unsettled != 0 || st.Tables != 0 || st.Conflicts != 2 {
			t.Errorf("%+v", st)
		}
		c.close()
		for said, want := range map[string]int{"ALARM": 2, "holds this result now": 2} {
			if n := strings.Count(lines.String(), said); n != want {
				t.Errorf("%q is said %d times, want %d:\n%s", said, n, want, &lines)
			}
		}
	})
}

func TestUnsettledBound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, 2, func(cfg *Config) { cfg.Unsettled = 2 })
		defer c.close()
		c.lead(0)
		c.results.fail(errors.New("down"))
		for seq := uint64(1); seq <= 2; seq++ {
			c.create(createTable(seq, "bench", ``, 3, 0, 0, 0, 0), false)
		}
		time.Sleep(time.Minute)
		// Hands that are open when the bound is reached may end; no more are dealt.
		if st := c.shards[0].Status(); st.Unsettled < 2 || st.Unsettled > 3 {
			t.Fatalf("status %+v", st)
		}
		c.shards[0].mu.Lock()
		for id, tb := range c.shards[0].state.tables {
			if tb.Phase() != tablepb.Phase_BETWEEN {
				t.Errorf("table %v is in phase %v", id, tb.Phase())
			}
		}
		c.shards[0].mu.Unlock()
		if st := c.shards[0].Status(); !st.Delayed || st.Failures < 10 || c.shards[1].Status().Failures != 0 {
			t.Errorf("at the bound: status %+v", st)
		}
		c.create(createTable(3, "bench", ``, 1, 0, 0, 0, 0), true)
		c.create(createTable(3, "bench", ``, 1, 0, 0, 0, 0), true) // a repetition gets the same answer
		c.results.fail(nil)
		time.Sleep(time.Minute)
		if n, _ := c.results.count(); n != 6 {
			t.Errorf("%d hands settled", n)
		}
		if st := c.shards[0].Status(); st.Delayed || st.Unsettled != 0 {
			t.Errorf("drained: status %+v", st)
		}
		c.create(createTable(4, "bench", ``, 1, 0, 0, 0, 0), false)
		c.equal()
	})
}

func TestVoidTableLeavesTheOthersAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, 2, nil)
		defer c.close()
		c.lead(0)
		c.create(createTable(1, "bench", `{"bomb":true}`, 2, 91, 92, 93, 94), false)
		c.create(createTable(2, "bench", ``, 1, 11, 12, 13, 14), false)
		for p := uint64(91); p <= 94; p++ {
			c.want(c.call("table.attach", tableID(1), p, 1, &wirepb.AttachRequest{}), wirepb.Code_OK)
		}
		s := c.pushed(9101)
		m := &wirepb.MoveRequest{Number: 1, Prompt: s[len(s)-1].GetNumber(), Move: []byte{tabletest.Bomb}}
		c.want(c.call("table.move", tableID(1), 91, 1, m), wirepb.Code_INTERNAL)
		c.want(c.call("table.move", tableID(1), 91, 1, m), wirepb.Code_PROMPT_GONE)
		audit(t, c, 1, playAll(c, 2, 11, 12, 13, 14))
		time.Sleep(time.Second)
		if c.endings(1) != 1 || c.shards[0].Status().Voided != 1 {
			t.Errorf("told of the end %d times, status %+v", c.endings(1), c.shards[0].Status())
		}
		// Its players, and nobody else, may read the earlier hands.
		if got := c.results.voids(); !slices.Equal(got, []game.TableID{tableID(1)}) {
			t.Errorf("void in the database: %v", got)
		}
		c.equal()
	})
}

// FuzzApplyBatch: no entry makes a replica panic, and the state after it can be restored from a
// snapshot.
func FuzzApplyBatch(f *testing.F) {
	quiet := func(t testing.TB) *Shard {
		c := &cluster{t: &testing.T{}, results: &fakeResults{}}
		return c.newShard(0, nil)
	}
	create, err := proto.Marshal(&tablepb.Command{Table: uint64(tableID(1)), Body: &tablepb.Command_Create{Create: &tablepb.Create{
		Spec: createTable(1, "bench", ``, 2, 11, 12, 13, 0), Timing: &tablepb.Timing{AttachMs: 10},
	}}})
	if err != nil {
		f.Fatal(err)
	}
	take, err := proto.Marshal(&tablepb.Command{Body: &tablepb.Command_TookOver{TookOver: &tablepb.TookOver{UnsettledBound: 5}}})
	if err != nil {
		f.Fatal(err)
	}
	first, err := proto.Marshal(&tablepb.Batch{Commands: [][]byte{take, create}})
	if err != nil {
		f.Fatal(err)
	}
	timer, err := proto.Marshal(&tablepb.Command{Table: uint64(tableID(1)), Body: &tablepb.Command_Deadline{Deadline: &tablepb.Deadline{Timer: 1}}})
	if err != nil {
		f.Fatal(err)
	}
	second, err := proto.Marshal(&tablepb.Batch{AdvanceMs: 20, Commands: [][]byte{timer, timer}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(first)
	f.Add(second)
	f.Fuzz(func(t *testing.T, data []byte) {
		s := quiet(t)
		s.Apply(raftgroup.Entry{Index: 1, Term: 1, Data: first})
		s.Apply(raftgroup.Entry{Index: 2, Term: 1, Data: second})
		s.Apply(raftgroup.Entry{Index: 3, Term: 2, Data: data})
		before := dump(t, s)
		again := quiet(t)
		if err := again.Restore(bytes.NewReader(before)); err != nil || !bytes.Equal(before, dump(t, again)) {
			t.Errorf("restore: %v", err)
		}
	})
}
