//go:build faults

package systest

import (
	"bytes"
	"fmt"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"teahouse/bench/failover"
	"teahouse/bench/logs"
	"teahouse/deploy/cluster"
	"teahouse/node/host"
	"teahouse/pkg/raftgroup"
)

// output keeps what a supervisor says.
type output struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

// TestDiskFails lets the log store of one node fail in every way while players
// play. A node that cannot write ends with the reason; one that must wait gives
// its leaderships away and goes on. In the end all replicas have the same logs, with
// every acknowledged move.
func TestDiskFails(t *testing.T) {
	for _, policy := range []struct {
		name   string
		sync   bool
		faults []string // role and fault
	}{
		{"sync", true, []string{
			"leader disk-stall:3s", "leader disk-error", "leader disk-full", "follower disk-stall:3s", "coordinator disk-stall:3s",
		}},
		// Only the coordinator syncs, in a store of its own.
		{"nosync", false, []string{"leader disk-stall:3s", "coordinator disk-error", "leader disk-full"}},
	} {
		t.Run(policy.name, func(t *testing.T) {
			data, state := t.TempDir(), filepath.Join(t.TempDir(), "state.json")
			said := new(output)
			c := start(t, cluster.Config{Nodes: 3, Data: data, State: state, Sync: policy.sync, KeepLog: 1 << 20, Output: said})
			var acknowledged bytes.Buffer
			ledger := logs.NewLedger(&acknowledged)
			for _, f := range policy.faults {
				role, fault, _ := strings.Cut(f, " ")
				diskFault(t, state, failover.Role(role), fault, said, ledger)
			}
			if err := ledger.Flush(); err != nil {
				t.Fatal(err)
			}
			sameLogs(t, c, data, &acknowledged)
		})
	}
}

func diskFault(t *testing.T, state string, role failover.Role, text string, said *output, ledger *logs.Ledger) {
	t.Helper()
	fault, err := failover.ParseFault(text)
	if err != nil {
		t.Fatal(err)
	}
	f, err := failover.New(failover.Config{
		State: state, Role: role, Fault: fault, Tries: 1, Players: 40, Pace: 30 * time.Millisecond, Acknowledged: ledger.Acknowledged,
	})
	if err != nil {
		t.Fatal(err)
	}
	before := len(said.String())
	r, err := f.Run(t.Context())
	if err != nil {
		t.Fatalf("%s, %s: %v", role, text, err)
	}
	if !r.Held() || len(r.Tries) != 1 || r.Tries[0].Moves == 0 {
		t.Errorf("%s, %s: %+v", role, text, r)
		return
	}
	try := r.Tries[0]
	t.Logf("%s, %s: all leaders after %v ms, longest gap %.0f ms", role, text, ms(try.AllMS), try.GapMS)
	if role != failover.Follower && try.AllMS == nil {
		t.Errorf("%s, %s: %s kept its leaderships", role, text, try.Victim)
	}
	if stall := float64(fault.Stop.Milliseconds()); fault.Stop > 0 {
		if try.AllMS != nil && *try.AllMS >= stall || try.FaultGapMS >= stall {
			t.Errorf("%s, %s: somebody waited for the disk: %+v", role, text, try)
		}
		return
	}
	end := fmt.Sprintf("%s has ended (exit status %d): error: log store failed, ending the process", try.Victim, raftgroup.StatusDisk)
	if !strings.Contains(said.String()[before:], end) {
		t.Errorf("%s, %s: the supervisor said %q, want %q", role, text, said.String()[before:], end)
	}
}

func ms(f *float64) string {
	if f == nil {
		return "no"
	}
	return fmt.Sprintf("%.0f", *f)
}

// TestDiskNearlyFull: a node whose disk is nearly full takes no new tables and plays
// out those that it has; the others take them. When all are so full, everybody
// waits in the queue.
func TestDiskNearlyFull(t *testing.T) {
	state := filepath.Join(t.TempDir(), "state.json")
	l := lossy{T: t}
	l.Client = start(t, cluster.Config{Nodes: 3, State: state, Sync: true})
	crowd := startCrowd(t, state)
	crowd.plays(t)
	nodes := []string{"node-1", "node-2", "node-3"}

	l.inject("node-2", "low")
	eventually(t, "a refusal", func() bool { _, refused := served(l.status("node-2")); return refused > 0 })
	eventually(t, "the last table there", func() bool { tables, _ := served(l.status("node-2")); return tables == 0 })
	if s := l.status("node-2").Disk; !s.Low || s.Free != 0 || s.Min != host.DefaultMinFree {
		t.Errorf("the status says %+v of the disk", s)
	}
	crowd.plays(t)
	if tables, _ := served(l.status("node-2")); tables != 0 {
		t.Errorf("%d tables on a disk that is nearly full", tables)
	}

	for _, name := range nodes {
		l.inject(name, "low")
	}
	eventually(t, "the last table anywhere", func() bool {
		all := 0
		for _, name := range nodes {
			tables, _ := served(l.status(name))
			all += tables
		}
		return all == 0
	})

	for _, name := range nodes {
		l.inject(name, "none")
	}
	eventually(t, "tables on node-2 again", func() bool { tables, _ := served(l.status("node-2")); return tables > 0 })
	crowd.plays(t)
	if sum := crowd.audited(t); sum.Disconnects != 0 {
		t.Errorf("%d disconnects", sum.Disconnects)
	}
}

// served counts, over the shards that a node serves, the tables and the refused ones.
func served(s host.Status) (tables int, refused uint64) {
	for _, g := range s.Replicas {
		if g.Serving {
			tables += g.Tables
			refused += g.Refused
		}
	}
	return tables, refused
}

// inject spoils the log store of a node.
func (l lossy) inject(name, kind string) {
	l.Helper()
	for _, p := range l.state().Processes {
		if p.Name != name {
			continue
		}
		resp, err := http.PostForm("http://"+p.Addresses["status"]+"/fault", url.Values{"kind": {kind}})
		if err != nil {
			l.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusNoContent {
			l.Fatalf("fault of %s: %s", name, resp.Status)
		}
	}
}
