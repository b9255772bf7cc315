package systest

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"teahouse/bench/failover"
	"teahouse/deploy/cluster"
	"teahouse/pkg/daemon"
)

// needMariaDB runs a server until the test ends.
func needMariaDB(t *testing.T) *daemon.MariaDB {
	t.Helper()
	db, err := daemon.StartMariaDB(t.Context(), t.TempDir())
	if errors.Is(err, daemon.ErrNotInstalled) {
		t.Skipf("SKIPPED: settlement on a real database is NOT tested: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Stop)
	if err := db.CreateDatabase(t.Context(), "teahouse"); err != nil {
		t.Fatal(err)
	}
	return db
}

// TestDatabaseOutage kills the database, and stops it, in the middle of the play:
// the play goes on, what finishes waits, no more than the bound allows, and is in
// the database soon after its return.
func TestDatabaseOutage(t *testing.T) {
	slow(t)
	needMariaDB(t).Stop() // the cluster runs its own
	const bound, players, shards = 6, 48, 6
	state := filepath.Join(t.TempDir(), "state.json")
	c := start(t, cluster.Config{Nodes: 3, State: state, Database: cluster.MariaDB, Unsettled: bound})
	for _, fault := range []failover.Fault{{Down: 3 * time.Second}, {Stop: 3 * time.Second}} {
		f, err := failover.New(failover.Config{
			State: state, Role: failover.Database, Fault: fault,
			Tries: 1, Players: players, Hands: 6, Pace: 5 * time.Millisecond,
		})
		if err != nil {
			t.Fatal(err)
		}
		r, err := f.Run(t.Context())
		if err != nil {
			t.Fatalf("%v: %v", fault, err)
		}
		if !r.Held() || len(r.Tries) != 1 {
			t.Fatalf("%v: %+v", fault, r)
		}
		// Hands that are open when a shard reaches its bound may end.
		o := r.Tries[0].Outage
		if o.Moves == 0 || o.Unsettled == 0 || o.Delayed == 0 || o.Unsettled > bound*shards+players/4 {
			t.Errorf("%v: %+v", fault, *o)
		}
		t.Logf("%v: %+v", fault, *o)
	}
	now, err := c.State(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	failures := uint64(0)
	for _, status := range now.Statuses(t.Context()) {
		for _, g := range status.Replicas {
			failures += g.Failures
		}
	}
	if failures == 0 {
		t.Error("no status counts a failed settlement")
	}
	wantEvenBooks(t, now.Database)

	// A node that starts while the database is away waits for it.
	l := lossy{t, c, now.Data}
	l.kill("database")
	l.kill("node-1")
	started := make(chan error, 1)
	go func() { started <- l.Start(t.Context(), "node-1") }()
	eventually(t, "a node that waits", func() bool { return strings.Contains(l.log("node-1"), "waiting for the database") })
	l.start("database")
	if err := <-started; err != nil {
		t.Fatal(err)
	}
	l.whole()
	now = l.state()

	// The server does not outlive the process that has started it.
	text, err := os.ReadFile(filepath.Join(now.Data, cluster.MariaDB, "pid"))
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil || gone(pid) {
		t.Fatalf("the server's pid is %d, %v", pid, err)
	}
	i := slices.IndexFunc(now.Processes, func(p cluster.Process) bool { return p.Role == "database" })
	if err := syscall.Kill(now.Processes[i].PID, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the server to end", func() bool { return gone(pid) })
}

// TestCommits lets the answers to COMMITs come late or not at all, and kills
// leaders that have just settled a hand and do not know it. Each hand is in the
// database once.
func TestCommits(t *testing.T) {
	slow(t)
	db := needMariaDB(t)
	proxy := startCommitProxy(t, db.Socket())
	state := filepath.Join(t.TempDir(), "state.json")
	c := start(t, cluster.Config{Nodes: 3, State: state, Database: proxy.dsn("teahouse")})
	crowd := startCrowd(t, state)
	var commits, lost, late atomic.Int64
	ended := make(chan struct{})
	stop := sync.OnceFunc(func() { close(ended) })
	defer stop() // before the proxy closes
	proxy.decide(func(int) bool {
		switch n := commits.Add(1); {
		case n%3 == 0:
			lost.Add(1)
			return false
		case n%10 == 1: // later than anybody waits
			late.Add(1)
			select {
			case <-ended:
			case <-time.After(6 * time.Second):
			}
		}
		return true
	})
	eventually(t, "lost and late answers", func() bool { return lost.Load() >= 50 && late.Load() >= 10 })

	for range 3 {
		killBetween(t, c, proxy)
	}
	proxy.decide(func(int) bool { return true })
	stop()
	sum := crowd.audited(t)
	if sum.Disconnects != 0 {
		t.Errorf("%d disconnects", sum.Disconnects)
	}
	now, err := c.State(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for name, status := range now.Statuses(t.Context()) {
		for _, g := range status.Replicas {
			if g.Conflicts > 0 || g.Voided > 0 || g.Unsettled > 0 {
				t.Errorf("%s: %+v", name, g)
			}
		}
	}
	wantEvenBooks(t, db.DSN("teahouse"))
	t.Logf("%d hands, %d COMMITs, of which %d were not answered and %d late", sum.HandsFinished, commits.Load(), lost.Load(), late.Load())
}

// killBetween kills a leader between its commit and its "settled" in the log, and
// brings it back.
func killBetween(t *testing.T, c *cluster.Client, proxy *commitProxy) {
	t.Helper()
	before, err := c.State(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	killed := make(chan string, 1)
	var once sync.Once
	proxy.decide(func(pid int) bool {
		i := slices.IndexFunc(before.Processes, func(p cluster.Process) bool { return p.PID == pid })
		if i < 0 {
			return true
		}
		deliver := true
		once.Do(func() { // nobody else of this process hears of a commit meanwhile: it is dead
			deliver = false
			name := before.Processes[i].Name
			if err := c.Kill(context.WithoutCancel(t.Context()), name, syscall.SIGKILL); err != nil {
				t.Error(err)
			}
			killed <- name
		})
		return deliver
	})
	var victim string
	select {
	case victim = <-killed:
	case <-time.After(patience):
		t.Fatal("nobody commits")
	}
	eventually(t, "the end of "+victim, func() bool {
		now, err := c.State(t.Context())
		return err == nil && slices.ContainsFunc(now.Processes, func(p cluster.Process) bool { return p.Name == victim && p.PID == 0 })
	})
	if err := c.Start(t.Context(), victim); err != nil {
		t.Fatal(err)
	}
	if err := c.AwaitHealthy(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// wantEvenBooks checks in the database itself that every hand has its four scores,
// that they sum to zero, and that each player's standing is what the hands make it.
func wantEvenBooks(t *testing.T, dsn string) {
	t.Helper()
	db, err := sql.Open("mysql", strings.TrimPrefix(dsn, "mysql:"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	count := func(query string) (n int) {
		if err := db.QueryRowContext(t.Context(), "SELECT COUNT(*) FROM "+query).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	if count("settlements") == 0 {
		t.Error("no hand is settled")
	}
	for what, query := range map[string]string{
		"hands settled twice":           `(SELECT 1 FROM settlements GROUP BY cluster, table_id, hand HAVING COUNT(*) > 1) x`,
		"hands without four scores":     `(SELECT h.id FROM settlements h LEFT JOIN scores s ON s.settlement_id = h.id GROUP BY h.id HAVING COUNT(s.seat) <> 4) x`,
		"hands that do not sum to zero": `(SELECT 1 FROM scores GROUP BY settlement_id HAVING SUM(score) <> 0) x`,
		"scores without a hand":         `scores WHERE settlement_id NOT IN (SELECT id FROM settlements)`,
		"hands without an archive":      `settlements WHERE id NOT IN (SELECT settlement_id FROM archives)`,
		"wrong standings": `players p LEFT JOIN (SELECT player, COUNT(*) hands, SUM(score) score FROM scores GROUP BY player) s
			ON s.player = p.player WHERE NOT (p.hands <=> s.hands AND p.score <=> s.score)`,
		"players without a standing": `scores WHERE player <> 0 AND player NOT IN (SELECT player FROM players)`,
	} {
		if n := count(query); n != 0 {
			t.Errorf("%d %s", n, what)
		}
	}
}
