package systest

import (
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"teahouse/bench/queue"
	"teahouse/deploy/cluster"
)

// TestQueuesUnderFaults: whatever happens to queue commands on their way and to the
// coordinator's leader, every ticket ends in exactly one way, and some order of the commands
// explains every answer.
func TestQueuesUnderFaults(t *testing.T) {
	cfg := queue.Config{Players: 100, Cancel: 0.5, Duration: time.Second, Queues: 3, Kill: true, Faults: true, Seed: 1}
	if os.Getenv("TEAHOUSE_SLOW") != "" {
		cfg.Players, cfg.Duration, cfg.Queues = 1000, 5*time.Second, 16
	}
	cfg.State = filepath.Join(t.TempDir(), "state.json")
	start(t, cluster.Config{Nodes: 3, Gateways: 2, State: cfg.State})
	cfg.Logger = slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
	b, err := queue.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	sum, err := b.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if !sum.Held() {
		t.Errorf("%d stuck, %+v", sum.Stuck, sum.Tickets.Audit)
	}
	// The run must have been one that could find something.
	r := sum.Tickets
	if r.Tickets != r.Matched+r.Cancelled+r.Queued || r.Matched == 0 || r.Cancelled == 0 || r.Tables == 0 {
		t.Errorf("tickets: %+v", r)
	}
	if sum.Kill == nil || sum.Kill.Victim == "" || sum.Faults.Cut == 0 || sum.Faults.Repeated == 0 || sum.Resumes == 0 {
		t.Errorf("nothing was broken: %+v %+v, %d resumes", sum.Kill, sum.Faults, sum.Resumes)
	}
}
