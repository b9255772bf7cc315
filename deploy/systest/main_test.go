package systest

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"teahouse/deploy/cluster"
)

// superviseArgument makes the test binary a supervisor, for tests that kill it.
const superviseArgument = "supervise"

// TestMain lets the test binary be every process of a cluster.
func TestMain(m *testing.M) {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	var err error
	switch {
	case len(os.Args) == 2 && os.Args[1] == cluster.RoleArgument:
		err = cluster.RunRole(ctx, os.Stdin, os.Stdout)
	case len(os.Args) == 3 && os.Args[1] == superviseArgument:
		err = supervise(ctx, os.Args[2])
	default:
		os.Exit(m.Run())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func supervise(ctx context.Context, state string) error {
	sup, err := cluster.New(cluster.Config{Executable: os.Args[0], Nodes: 1, Listen: "127.0.0.1:0", State: state, Output: os.Stdout})
	if err != nil {
		return err
	}
	return sup.Run(ctx)
}

// start runs a cluster until the test ends and returns a client for it.
func start(t *testing.T, cfg cluster.Config) *cluster.Client {
	t.Helper()
	executable, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cfg.Executable = executable
	if cfg.State == "" {
		cfg.State = filepath.Join(t.TempDir(), "state.json")
	}
	if cfg.Listen == "" {
		cfg.Listen = "127.0.0.1:0"
	}
	sup, err := cluster.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- sup.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("cluster: %v", err)
		}
	})
	client := await(t, cfg.State)
	wait, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	if err := client.AwaitHealthy(wait); err != nil {
		t.Fatal(err)
	}
	return client
}

// slow skips what takes longer than the usual tests may.
func slow(t *testing.T) {
	t.Helper()
	if os.Getenv("TEAHOUSE_SLOW") == "" {
		t.Skip("TEAHOUSE_SLOW is not set")
	}
}

// await waits for a state file.
func await(t *testing.T, state string) *cluster.Client {
	t.Helper()
	var client *cluster.Client
	eventually(t, "the state file", func() bool {
		c, err := cluster.Open(state)
		client = c
		return err == nil
	})
	return client
}

// eventually looks again and again, because what it waits for happens in other
// processes, which send the test no event.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	deadline := time.NewTimer(time.Minute)
	defer deadline.Stop()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-deadline.C:
			t.Fatalf("waited a minute for %s", what)
		case <-tick.C:
		}
	}
}
