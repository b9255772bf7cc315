package systest

import (
	"path/filepath"
	"strings"
	"testing"

	"teahouse/bench/logs"
	"teahouse/deploy/cluster"
	"teahouse/node/host"
	"teahouse/pkg/raftgroup"
)

// TestTwoBuilds runs a cluster in which one node knows less than the others: until there is a
// release to build, builds of one revision with different maxima stand for two.
func TestTwoBuilds(t *testing.T) {
	slow(t)
	l := lossy{T: t, data: t.TempDir()}
	state := filepath.Join(t.TempDir(), "state.json")
	l.Client = start(t, cluster.Config{
		Nodes: 3, Data: l.data, State: state, KeepLog: 1 << 20,
		MaxLevels: map[string]uint32{"node-1": 3, "node-2": 3, "node-3": 1},
	})
	crowd := startCrowd(t, state)
	eventually(t, "what all members know", func() bool {
		members := l.status("node-1").Members
		return len(members) == 3 && members[0].MaxLevel == 3 && members[1].MaxLevel == 3 && members[2].MaxLevel == 1
	})
	refused := func(level uint32, without []string, says ...string) {
		t.Helper()
		eventually(t, "the refusal of level", func() bool {
			_, err := l.state().Level(t.Context(), level, without)
			if err == nil {
				t.Fatalf("level %d without %v: raised", level, without)
			}
			for _, part := range says {
				if !strings.Contains(err.Error(), part) {
					t.Logf("%v", err)
					return false
				}
			}
			return true
		})
	}
	raised := func(level uint32, without ...string) {
		t.Helper()
		eventually(t, "the raise", func() bool {
			_, err := l.state().Level(t.Context(), level, without)
			if err != nil {
				t.Logf("level %d: %v", level, err)
			}
			return err == nil
		})
	}

	t.Log("an older build blocks, alive and dead, and is named")
	refused(2, nil, "node-3 knows 1")
	l.kill("node-3")
	refused(2, nil, "node-3 knows 1", "node-3 does not answer")
	refused(2, []string{"node-4"}, "BAD_REQUEST")
	l.start("node-3")
	l.whole()

	t.Log("raised without it: it halts, the others go on")
	raised(2, "node-3")
	var pid int
	halted := func(s host.Status) bool {
		for _, g := range s.Replicas {
			if !strings.Contains(g.Halted, "level 2") || g.Leading {
				return false
			}
		}
		return len(s.Replicas) > 0
	}
	eventually(t, "the halt of all its groups", func() bool {
		s := l.status("node-3")
		return len(s.Replicas) > 1 && halted(s)
	})
	pid = l.pid("node-3")
	crowd.plays(t)
	if l.pid("node-3") != pid {
		t.Error("its process has ended")
	}
	if n := strings.Count(l.log("node-3"), "halted: this replica stops"); n == 0 || n > len(l.status("node-3").Replicas) {
		t.Errorf("its log says %d times that a replica halts", n)
	}

	t.Log("nor does it take part after a restart, and it stores nothing of what it does not know")
	l.kill("node-3")
	l.start("node-3")
	// It may hear of the coordinator alone, which must tell it what else there is.
	eventually(t, "the halt of all that it runs", func() bool { return halted(l.status("node-3")) })
	crowd.plays(t)
	l.kill("node-3")
	if got := highest(t, filepath.Join(l.data, "node-3")); got != 1 {
		t.Errorf("node-3 has stored entries of level %d", got)
	}

	t.Log("a newer build in its place goes on from its log")
	if err := l.SetMaxLevel(t.Context(), "node-3", 3); err != nil {
		t.Fatal(err)
	}
	l.start("node-3")
	l.whole()
	raised(3)
	crowd.plays(t)
	eventually(t, "level 3 on all nodes", func() bool {
		for _, s := range l.statuses() {
			if s.Level != 3 {
				return false
			}
		}
		return len(l.statuses()) == 3
	})
	if sum := crowd.audited(t); sum.Disconnects != 0 {
		t.Errorf("%d disconnects", sum.Disconnects)
	}
	if err := l.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	report, err := logs.Check(t.Context(), logs.Config{Data: l.data})
	if err != nil || !report.Clean() {
		t.Errorf("the logs differ: %+v, %v", report, err)
	}
	for _, n := range []string{"node-1", "node-2", "node-3"} {
		if got := highest(t, filepath.Join(l.data, n)); got != 3 {
			t.Errorf("%s holds entries up to level %d", n, got)
		}
	}
}

// highest is the highest level of the entries in a folder.
func highest(t *testing.T, folder string) (level uint32) {
	t.Helper()
	l, err := raftgroup.OpenLogs(folder)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for e, err := range l.Entries() {
		if err != nil {
			t.Fatal(err)
		}
		level = max(level, e.Level)
	}
	return level
}
