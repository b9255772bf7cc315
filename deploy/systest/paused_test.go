package systest

import (
	"bytes"
	"io"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"teahouse/bench/failover"
	"teahouse/bench/logs"
	"teahouse/deploy/cluster"
	"teahouse/node/host"
)

// TestPaused stops the leader of a shard, that of the coordinator and a follower
// for 5 seconds each while players play. The players notice a pause at most, and
// in the end all replicas have the same logs, with every acknowledged move.
func TestPaused(t *testing.T) {
	slow(t)
	data, state := t.TempDir(), filepath.Join(t.TempDir(), "state.json")
	c := start(t, cluster.Config{Nodes: 3, Data: data, State: state, KeepLog: 1 << 20})

	var acknowledged bytes.Buffer
	ledger := logs.NewLedger(&acknowledged)
	for _, role := range []failover.Role{failover.Leader, failover.Coordinator, failover.Follower} {
		f, err := failover.New(failover.Config{
			State: state, Role: role, Fault: failover.Fault{Stop: 5 * time.Second},
			Tries: 1, Players: 40, Pace: 50 * time.Millisecond, Acknowledged: ledger.Acknowledged,
		})
		if err != nil {
			t.Fatal(err)
		}
		r, err := f.Run(t.Context())
		if err != nil {
			t.Fatalf("%s: %v", role, err)
		}
		if !r.Held() || len(r.Tries) != 1 || r.Tries[0].Moves == 0 {
			t.Errorf("%s: %+v", role, r)
		}
	}
	if err := ledger.Flush(); err != nil {
		t.Fatal(err)
	}
	sameLogs(t, c, data, &acknowledged)
}

// TestPlayersAreToldToWait stops two of three nodes for as long as it takes: whoever sits at a table is told
// that nobody runs it, and play goes on as if nothing had happened.
func TestPlayersAreToldToWait(t *testing.T) {
	slow(t)
	state := filepath.Join(t.TempDir(), "state.json")
	c := start(t, cluster.Config{Nodes: 3, State: state})
	crowd := startCrowd(t, state)
	crowd.plays(t)
	for _, signal := range []syscall.Signal{syscall.SIGSTOP, syscall.SIGCONT} {
		for _, name := range []string{"node-2", "node-3"} {
			if err := c.Kill(t.Context(), name, signal); err != nil {
				t.Fatal(err)
			}
		}
		if signal == syscall.SIGSTOP {
			eventually(t, "somebody who is told to wait", func() bool { return gatewayStatus(t, c, "gateway-1").Clients.Waits > 0 })
		}
	}
	crowd.plays(t)
	if sum := crowd.audited(t); sum.Disconnects != 0 || sum.Notices.Waiting == 0 {
		t.Errorf("%d disconnects, told %+v", sum.Disconnects, sum.Notices)
	}
}

// sameLogs ends a cluster of three nodes and checks that all replicas have the same
// logs, with every acknowledged move.
func sameLogs(t *testing.T, c *cluster.Client, data string, acknowledged io.Reader) {
	t.Helper()
	moves, err := logs.ReadMoves(acknowledged)
	if err != nil {
		t.Fatal(err)
	}

	var held map[uint32]uint64
	eventually(t, "level replicas", func() bool {
		state, err := c.State(t.Context())
		if err == nil {
			held = level(state.Statuses(t.Context()), 3)
		}
		return held != nil
	})
	if err := c.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	r, err := logs.Check(t.Context(), logs.Config{Data: data, Moves: moves})
	if err != nil {
		t.Fatal(err)
	}
	if !r.Clean() || len(moves) == 0 || r.Moves.Found != len(moves) {
		t.Errorf("%d moves: %+v", len(moves), r)
	}
	if len(r.Groups) != 7 {
		t.Errorf("%d groups, want the coordinator's and two of each node", len(r.Groups))
	}
	for _, g := range r.Groups {
		// While the nodes end another one may begin to lead, and write what nobody has any more.
		if g.Replicas != 3 || g.First != 1 || g.Last == 0 || g.Last < held[g.Group] || g.Compared < int(held[g.Group]) {
			t.Errorf("not everything was compared, and all had %d entries: %+v", held[g.Group], g)
		}
	}
}

// level is the last entry of each group if all its replicas hold, and have applied, the
// same ones; else nil.
func level(statuses map[string]host.Status, nodes int) map[uint32]uint64 {
	last := make(map[uint32]uint64)
	for _, s := range statuses {
		for _, g := range s.Replicas {
			if other, ok := last[g.Group]; ok && other != g.Last || g.Applied+1 < g.Last {
				return nil
			}
			last[g.Group] = g.Last
		}
	}
	if len(statuses) != nodes || len(last) == 0 {
		return nil
	}
	return last
}
