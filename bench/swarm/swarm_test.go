package swarm

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"teahouse/bench/cpu"
	"teahouse/bench/report"
	"teahouse/bench/target"
	"teahouse/deploy/cluster"
	"teahouse/pkg/game"
	"teahouse/pkg/gormstore"
	"teahouse/pkg/wire/wirepb"
)

func TestConfig(t *testing.T) {
	for _, c := range []Config{{}, {State: "x", Players: -1}, {State: "x", Pace: -1}, {State: "x", SpawnRate: -1}} {
		if _, err := c.withDefaults(); err == nil {
			t.Errorf("%+v is accepted", c)
		}
	}
	c, err := Config{State: "x"}.withDefaults()
	if err != nil || c.Players != 200 || c.Queue != "bench" || c.Hands != 1 || c.Pace != 0 {
		t.Errorf("%+v, %v", c, err)
	}
}

func TestNoCluster(t *testing.T) {
	_, err := New(Config{State: filepath.Join(t.TempDir(), "none.json")})
	if err == nil || !strings.Contains(err.Error(), "go run ./deploy/local") {
		t.Errorf("the error should tell how to start a cluster: %v", err)
	}
}

func TestMeter(t *testing.T) {
	var m meter
	for i := range 20 {
		m.move(i, wirepb.Code_OK, time.Duration(i+1)*time.Millisecond)
	}
	m.freeze()
	m.move(3, wirepb.Code_OK, 2*time.Millisecond) // played out
	m.move(3, wirepb.Code_PROMPT_GONE, 90*time.Millisecond)
	m.failed(game.Errorf(wirepb.Code_BUSY, "x"))
	m.failed(errors.New("x"))
	sum := report.Summary{DurationS: 2}
	m.into(&sum)
	if sum.MovesAcked != 21 || sum.MovesPerS != 10 {
		t.Errorf("%d moves, %v a second", sum.MovesAcked, sum.MovesPerS)
	}
	// A refused move was waited for, too.
	if sum.LongestGapMS != 90 || sum.MoveLatencyMS.Max > 21 {
		t.Errorf("gap %v, latency %+v", sum.LongestGapMS, sum.MoveLatencyMS)
	}
	if sum.Errors["PROMPT_GONE"] != 1 || sum.Errors["BUSY"] != 1 || len(sum.Errors) != 3 {
		t.Errorf("%v", sum.Errors)
	}
}

func writeState(t *testing.T, s cluster.State) string {
	t.Helper()
	text, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "state.json")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// What this process burns must show as what a node burned, and as the swarm's own.
func TestCPUMeter(t *testing.T) {
	file := writeState(t, cluster.State{Processes: []cluster.Process{
		{Name: "node-1", Role: "node", PID: os.Getpid()}, {Name: "node-2", Role: "node"}, {Name: "gateway-1", Role: "gateway", PID: 1 << 30},
	}})
	m := newCPUMeter(target.Target{State: file})
	m.begin()
	for until := cpu.Self() + 50*time.Millisecond; cpu.Self() < until; {
	}
	m.end()
	c := m.perMove(1000)
	if c.Nodes < 30 || c.Swarm < 50 || c.Gateway != 0 { // ticks are of 10 ms
		t.Errorf("%+v", c)
	}
	if m.perMove(0) != (report.CPU{}) {
		t.Error("no moves, but a time for each")
	}
}

func TestLedger(t *testing.T) {
	ctx := t.Context()
	store, err := gormstore.Open(ctx, gormstore.Config{DSN: "sqlite:" + filepath.Join(t.TempDir(), "t.db")})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	if err := store.Migrate(ctx); err != nil {
		t.Fatal(err)
	}
	settle := func(table game.TableID, hand uint32, last bool) {
		t.Helper()
		err := store.Settle(ctx, game.HandResult{
			Key: game.HandKey{Cluster: "c", Table: table, Hand: hand}, Hash: [32]byte{byte(hand)}, Game: "mahjong",
			Players: []game.PlayerID{11, 12, 13, 14}, Names: []string{"a", "b", "c", "d"}, Scores: []int64{3, -1, -1, -1},
			Archive: []byte{byte(table), byte(hand)}, Last: last, Finished: time.Unix(1, 0),
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	l := &ledger{store: store, cluster: "c", scores: make(map[game.TableID]map[uint32][][]int64)}
	settle(1, 1, false)
	settle(2, 1, false)
	if err := l.refresh(ctx); err != nil {
		t.Fatal(err)
	}
	settle(1, 2, true)
	hands, err := l.take(ctx, 1, 12)
	if err != nil || len(hands) != 2 {
		t.Fatalf("%v, %v", hands, err)
	}
	for hand, h := range hands {
		if len(h.Scores) != 1 || h.Scores[0][0] != 3 || string(h.Archive) != string([]byte{1, byte(hand)}) {
			t.Errorf("hand %d: %+v", hand, h)
		}
	}
	// The round of table 2 still runs: settled, but nobody reads its archive.
	hands, err = l.take(ctx, 2, 12)
	if err != nil || len(hands[1].Scores) != 1 || hands[1].Archive != nil {
		t.Errorf("%+v, %v", hands, err)
	}
	if hands, err = l.take(ctx, 3, 12); err != nil || len(hands) != 0 {
		t.Errorf("%+v, %v", hands, err)
	}
}
