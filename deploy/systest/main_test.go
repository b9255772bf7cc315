package systest

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
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

// supervise runs the cluster that config, a cluster.Config in JSON, describes.
func supervise(ctx context.Context, config string) error {
	cfg := cluster.Config{Executable: os.Args[0], Output: os.Stdout}
	if err := json.Unmarshal([]byte(config), &struct {
		*cluster.Config
		Executable, Output any // stay as they are
	}{Config: &cfg}); err != nil {
		return err
	}
	sup, err := cluster.New(cfg)
	if err != nil {
		return err
	}
	return sup.Run(ctx)
}

// supervisor starts a process that supervises a cluster, and returns once
// everything runs. It ends with the test at the latest.
func supervisor(t *testing.T, cfg cluster.Config) *exec.Cmd {
	t.Helper()
	executable, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	config, err := json.Marshal(cfg)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(executable, superviseArgument, string(config))
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGTERM)
		cmd.Wait()
	})
	if _, err := out.Read(make([]byte, 64)); err != nil { // it speaks once everything runs
		t.Fatal(err)
	}
	return cmd
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
	wait, stop := context.WithTimeout(t.Context(), patience)
	defer stop()
	if err := client.AwaitHealthy(wait); err != nil {
		t.Fatal(err)
	}
	return client
}

// patience bounds every wait for what must happen: long enough for a machine that has
// little time for us, since only a test that fails anyway waits for its end.
const patience = 3 * time.Minute

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
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-deadline.C:
			t.Fatalf("waited %v for %s", patience, what)
		case <-tick.C:
		}
	}
}
