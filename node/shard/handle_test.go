package shard

import (
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/protobuf/proto"

	"teahouse/node/table/tablepb"
	"teahouse/pkg/game"
	"teahouse/pkg/link/linkpb"
	"teahouse/pkg/wire/wirepb"
)

var errConflict = game.ErrResultConflict

// sitDown makes table 1 with four people and attaches them with epoch 1.
func sitDown(t *testing.T, c *cluster, rules string) {
	t.Helper()
	c.create(createTable(1, "bench", rules, 1, 11, 12, 13, 14), false)
	for p := uint64(11); p <= 14; p++ {
		c.want(c.call("table.attach", tableID(1), p, 1, &wirepb.AttachRequest{}), wirepb.Code_OK)
	}
}

// count counts a session's pushed events of one type.
func count[T any](c *cluster, session uint64) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := 0
	for _, p := range c.pushes[session] {
		var e wirepb.TableEvent
		if err := proto.Unmarshal(p.GetPayload(), &e); err != nil {
			c.t.Error(err)
		}
		if _, is := e.GetBody().(T); is {
			n++
		}
	}
	return n
}

func TestCreationsAreApplied(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, 2, nil)
		defer c.close()
		c.lead(0)
		c.want(c.call("table.attach", tableID(1), 11, 1, &wirepb.AttachRequest{}), wirepb.Code_TABLE_UNAVAILABLE)
		c.want(c.call("cluster.create", 0, 0, 0, createTable(2, "bench", ``, 1, 1, 2, 3, 4)), wirepb.Code_NUMBER_GAP)
		c.create(createTable(1, "bench", ``, 1, 1, 2, 3, 4), false)
		c.create(createTable(2, "bench", `{"turns":-1}`, 1, 1, 2, 3, 4), true)
		unknown := createTable(3, "bench", ``, 1, 1, 2, 3, 4)
		unknown.Game = "chess"
		c.create(unknown, true)
		c.create(createTable(4, "bench", ``, 1, 1, 2, 3, 4), false)
		// Repetitions get the first one's answer and change nothing.
		before := c.shards[0].Status().Tables
		c.create(createTable(1, "bench", ``, 1, 1, 2, 3, 4), false)
		c.create(createTable(2, "bench", ``, 1, 1, 2, 3, 4), true)
		if n := c.shards[0].Status().Tables; n != before {
			t.Errorf("%d tables, %d before the repeats", n, before)
		}
		c.want(c.call("cluster.create", 0, 0, 0, createTable(6, "bench", ``, 1, 1, 2, 3, 4)), wirepb.Code_NUMBER_GAP)
		c.want(c.call("table.attach", tableID(2), 1, 1, &wirepb.AttachRequest{}), wirepb.Code_TABLE_GONE)
		c.want(c.call("table.attach", tableID(5), 1, 1, &wirepb.AttachRequest{}), wirepb.Code_TABLE_UNAVAILABLE)
		other := createTable(5, "bench", ``, 1, 1, 2, 3, 4)
		other.Table = uint64(game.MakeTableID(8, 5))
		c.want(c.call("cluster.create", 0, 0, 0, other), wirepb.Code_BAD_REQUEST)
		c.equal()
	})
}

func TestLeaderMayRefuseTables(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var full atomic.Bool
		c := newCluster(t, 1, func(cfg *Config) {
			cfg.MaxTables = 1
			cfg.Refuse = func() string {
				if full.Load() {
					return "the disk is nearly full"
				}
				return ""
			}
		})
		defer c.close()
		c.lead(0)
		full.Store(true)
		c.create(createTable(1, "bench", ``, 1, 1, 2, 3, 4), true)
		full.Store(false)
		c.create(createTable(2, "bench", ``, 1, 1, 2, 3, 4), false)
		c.create(createTable(3, "bench", ``, 1, 5, 6, 7, 8), true) // MaxTables
		c.create(createTable(3, "bench", ``, 1, 5, 6, 7, 8), true) // a repeat
		if n := c.shards[0].Status().Refused; n != 2 {
			t.Errorf("%d refusals are counted, want 2", n)
		}
	})
}

func TestBadRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, 1, nil)
		defer c.close()
		c.lead(0)
		sitDown(t, c, ``)
		long, err := proto.Marshal(&wirepb.MoveRequest{Number: 1, Prompt: 3, Move: make([]byte, 2000)})
		if err != nil {
			t.Fatal(err)
		}
		before := c.entryCount()
		for name, want := range map[string]struct {
			req  *linkpb.Request
			code game.Code
		}{
			"method":      {&linkpb.Request{Method: "table.burn", Table: uint64(tableID(1)), Player: 11}, wirepb.Code_UNKNOWN_METHOD},
			"no login":    {&linkpb.Request{Method: "table.move", Table: uint64(tableID(1))}, wirepb.Code_NOT_LOGGED_IN},
			"other shard": {&linkpb.Request{Method: "table.move", Table: uint64(game.MakeTableID(8, 1)), Player: 11}, wirepb.Code_BAD_REQUEST},
			"garbage":     {&linkpb.Request{Method: "table.move", Table: uint64(tableID(1)), Player: 11, Payload: []byte{0xff}}, wirepb.Code_BAD_REQUEST},
			"long move":   {&linkpb.Request{Method: "table.move", Table: uint64(tableID(1)), Player: 11, Payload: long}, wirepb.Code_MOVE_MALFORMED},
			"garbage too": {&linkpb.Request{Method: "cluster.create", Payload: []byte{0xff}}, wirepb.Code_BAD_REQUEST},
		} {
			var got *linkpb.Response
			c.shards[0].Handle("gw", want.req, func(r *linkpb.Response) { got = r })
			if got.GetCode() != want.code {
				t.Errorf("%s: %v", name, got)
			}
		}
		synctest.Wait()
		if c.entryCount() != before {
			t.Error("what is always wrong went through the log")
		}
	})
}

func TestOneUnansweredMoveASeat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, 1, func(cfg *Config) { cfg.Mailbox = 3 })
		defer c.close()
		c.lead(0)
		sitDown(t, c, ``)
		told := c.pushed(1101)
		prompt := told[len(told)-1].GetNumber()
		m := &wirepb.MoveRequest{Number: 1, Prompt: prompt, Move: []byte{3}}
		other := &wirepb.MoveRequest{Number: 1, Prompt: prompt, Move: []byte{4}}
		c.mu.Lock()
		c.stopped = make(chan struct{})
		c.mu.Unlock()
		// In flight, while the log makes no progress.
		first := c.send(0, "table.move", tableID(1), 11, 1, m)
		synctest.Wait()
		again := c.send(0, "table.move", tableID(1), 11, 1, m)
		c.want(<-c.send(0, "table.move", tableID(1), 11, 1, other), wirepb.Code_MOVE_IN_FLIGHT)
		newer := c.send(0, "table.move", tableID(1), 11, 2, m)
		leaves := []<-chan *linkpb.Response{
			c.send(0, "table.leave", tableID(1), 12, 1, &wirepb.LeaveRequest{}),
			c.send(0, "table.leave", tableID(1), 12, 1, &wirepb.LeaveRequest{}),
		}
		c.want(<-c.send(0, "table.leave", tableID(1), 12, 1, &wirepb.LeaveRequest{}), wirepb.Code_BUSY)
		if n := c.shards[0].Status().Busy; n != 1 {
			t.Errorf("%d requests counted as refused", n)
		}
		c.mu.Lock()
		close(c.stopped)
		c.stopped = nil
		c.mu.Unlock()
		c.want(<-first, wirepb.Code_OK)
		c.want(<-again, wirepb.Code_OK)
		c.want(<-newer, wirepb.Code_OK)
		for _, l := range leaves {
			c.want(<-l, wirepb.Code_NOT_OVER)
		}
		synctest.Wait()
		if len(first)+len(again)+len(newer) != 0 {
			t.Error("a second answer")
		}
		c.want(c.call("table.move", tableID(1), 11, 1, other), wirepb.Code_NUMBER_REUSED)
	})
}

func TestLostLeadership(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, 2, nil)
		defer c.close()
		r := <-c.send(0, "table.leave", tableID(1), 11, 1, &wirepb.LeaveRequest{})
		c.want(r, wirepb.Code_NOT_LEADER)
		c.lead(0)
		time.Sleep(time.Second)
		sitDown(t, c, `{"limit_ms":600000}`)
		c.mu.Lock()
		c.stopped = make(chan struct{})
		c.fates = []fate{late}
		c.mu.Unlock()
		proposed := c.send(0, "table.leave", tableID(1), 11, 1, &wirepb.LeaveRequest{})
		synctest.Wait()
		waiting := c.send(0, "table.leave", tableID(1), 12, 1, &wirepb.LeaveRequest{})
		c.shards[0].OnState(false, 2)
		c.want(<-waiting, wirepb.Code_NOT_LEADER)
		c.want(<-c.send(0, "table.leave", tableID(1), 12, 1, &wirepb.LeaveRequest{}), wirepb.Code_NOT_LEADER)
		c.mu.Lock()
		close(c.stopped)
		c.stopped = nil
		c.mu.Unlock()
		// It was committed in the end, so it gets its real answer.
		c.want(<-proposed, wirepb.Code_NOT_OVER)
		c.lead(1)
		time.Sleep(time.Second)
		c.lead(0)
		time.Sleep(time.Second)
		c.mu.Lock()
		c.fates = []fate{lose}
		c.mu.Unlock()
		c.want(c.call("table.leave", tableID(1), 11, 1, &wirepb.LeaveRequest{}), wirepb.Code_OUTCOME_UNKNOWN)
		c.lead(-1)
		want := []string{"n0 1 false", "n0 1 true", "n1 2 false", "n1 2 true", "n0 3 false", "n0 3 true"}
		c.results.mu.Lock()
		defer c.results.mu.Unlock()
		if !slices.Equal(c.said, want) {
			t.Errorf("announced %q, want %q", c.said, want)
		}
	})
}

func TestSessionClosedDetachesAfterTenSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, 1, nil)
		defer c.close()
		c.lead(0)
		sitDown(t, c, `{"limit_ms":600000}`)
		closed := &linkpb.SessionClosed{Session: 1101, Player: 11, Epoch: 1, Table: uint64(tableID(1))}
		c.shards[0].SessionClosed(closed)
		time.Sleep(9 * time.Second)
		c.want(c.call("table.attach", tableID(1), 11, 2, &wirepb.AttachRequest{}), wirepb.Code_OK)
		time.Sleep(10 * time.Second)
		c.shards[0].SessionClosed(closed) // of the older epoch
		time.Sleep(11 * time.Second)
		if n := count[*wirepb.TableEvent_AutoPlay](c, 1201); n != 0 {
			t.Fatalf("%d AutoPlayChanged though the player came back", n)
		}
		c.shards[0].SessionClosed(&linkpb.SessionClosed{Session: 1102, Player: 11, Epoch: 2, Table: uint64(tableID(1))})
		time.Sleep(9900 * time.Millisecond)
		if n := count[*wirepb.TableEvent_AutoPlay](c, 1201); n != 0 {
			t.Fatal("detached too early")
		}
		time.Sleep(200 * time.Millisecond)
		if n := count[*wirepb.TableEvent_AutoPlay](c, 1201); n != 1 {
			t.Errorf("%d AutoPlayChanged", n)
		}
	})
}

// A session that closes while its attach is still in flight is not overlooked.
func TestSessionClosedBehindItsAttach(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, 1, nil)
		defer c.close()
		c.lead(0)
		sitDown(t, c, `{"limit_ms":600000}`)
		attached := c.send(0, "table.attach", tableID(1), 11, 2, &wirepb.AttachRequest{})
		c.shards[0].SessionClosed(&linkpb.SessionClosed{Session: 1102, Player: 11, Epoch: 2, Table: uint64(tableID(1))})
		c.want(<-attached, wirepb.Code_OK)
		time.Sleep(11 * time.Second)
		if n := count[*wirepb.TableEvent_AutoPlay](c, 1201); n != 1 {
			t.Errorf("%d AutoPlayChanged", n)
		}
	})
}

func TestGatewayDownAndTakeOverDetachWhoDoesNotComeBack(t *testing.T) {
	for name, fault := range map[string]func(c *cluster){
		"gateway":   func(c *cluster) { c.shards[0].GatewayDown("gw") },
		"take-over": func(c *cluster) { c.lead(1) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newCluster(t, 2, nil)
				defer c.close()
				c.lead(0)
				sitDown(t, c, `{"limit_ms":600000}`)
				fault(c)
				c.want(c.call("table.attach", tableID(1), 12, 1, &wirepb.AttachRequest{LastEvent: 4}), wirepb.Code_OK)
				c.want(c.call("table.attach", tableID(1), 13, 1, &wirepb.AttachRequest{LastEvent: 4}), wirepb.Code_OK)
				time.Sleep(10*time.Second + 100*time.Millisecond)
				if n := count[*wirepb.TableEvent_AutoPlay](c, 1201); n != 2 {
					t.Errorf("%d seats went to auto-play, want 2", n)
				}
				time.Sleep(20 * time.Second)
				if n := count[*wirepb.TableEvent_AutoPlay](c, 1201); n != 2 {
					t.Errorf("%d seats went to auto-play in the end", n)
				}
			})
		})
	}
}

// The time for which a process was paused does not count: no prompt times out because of it.
func TestLogTimeIsCapped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var jump atomic.Int64
		c := newCluster(t, 1, func(cfg *Config) {
			cfg.Now = func() time.Time { return time.Now().Add(time.Duration(jump.Load())) }
		})
		defer c.close()
		c.lead(0)
		sitDown(t, c, `{"limit_ms":1000}`)
		start := c.shards[0].Status().Now
		time.Sleep(500 * time.Millisecond)
		jump.Store(int64(time.Hour))
		time.Sleep(250 * time.Millisecond)
		c.want(c.call("table.leave", tableID(1), 11, 1, &wirepb.LeaveRequest{}), wirepb.Code_NOT_OVER)
		// 750 ms, and one capped tick for the jump.
		if passed := c.shards[0].Status().Now - start; passed < 750*time.Millisecond || passed > 960*time.Millisecond {
			t.Errorf("%v passed in log time", passed)
		}
		before := count[*wirepb.TableEvent_Prompt](c, 1101)
		time.Sleep(260 * time.Millisecond)
		if n := count[*wirepb.TableEvent_Game](c, 1101); n != 2 || before != 1 {
			t.Errorf("%d game events after the time ran out, %d prompts before", n, before)
		}
	})
}

// A new leader pushes nothing of the entries that it applies before its TookOver; a client that attaches
// again gets those events nevertheless.
func TestPushesStartWithTheTakeOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, 2, nil)
		defer c.close()
		c.lead(0)
		sitDown(t, c, `{"limit_ms":600000}`)
		told := c.pushed(1101)
		for i, p := range told {
			if p.GetNumber() != uint64(i+1) { // a repetition would mean that two replicas push
				t.Fatalf("push %d has number %d", i, p.GetNumber())
			}
		}
		move, err := proto.Marshal(&tablepb.Command{Table: uint64(tableID(1)), Body: &tablepb.Command_Move{Move: &tablepb.Move{
			Player: 11, Epoch: 1, Number: 1, Prompt: told[len(told)-1].GetNumber(), Move: []byte{1},
		}}})
		if err != nil {
			t.Fatal(err)
		}
		left, err := proto.Marshal(&tablepb.Batch{Origin: 1, Number: 1, Commands: [][]byte{move}})
		if err != nil {
			t.Fatal(err)
		}
		c.lead(1) // its TookOver is proposed but not applied yet
		c.mu.Lock()
		c.appendLocked(left)
		c.mu.Unlock()
		time.Sleep(time.Second)
		if now := c.pushed(1101); len(now) != len(told) || !c.shards[1].Status().Leading {
			t.Fatalf("%d pushes, %d before", len(now), len(told))
		}
		last := uint64(len(told))
		c.want(c.call("table.attach", tableID(1), 11, 1, &wirepb.AttachRequest{LastEvent: last}), wirepb.Code_OK)
		if now := c.pushed(1101); len(now) != len(told)+1 || now[len(told)].GetNumber() != last+1 {
			t.Errorf("%d pushes after the attach, %d before", len(now), len(told))
		}
	})
}

func TestNobodyLeadsAfterRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, 1, nil)
		c.lead(0)
		c.close()
		c.shards[0].OnState(true, 9)
		c.want(<-c.send(0, "table.leave", tableID(1), 11, 1, &wirepb.LeaveRequest{}), wirepb.Code_NOT_LEADER)
	})
}
