package cluster

import (
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"teahouse/node/host"
)

func TestRedactDSN(t *testing.T) {
	for dsn, want := range map[string]string{
		"sqlite:/tmp/a:b@c.db":              "sqlite:/tmp/a:b@c.db",
		"mysql:user:secret@tcp(h:3306)/db":  "mysql:user:…@tcp(h:3306)/db",
		"mysql:user:s:e/c@r@tcp(h:3306)/db": "mysql:user:…@tcp(h:3306)/db",
		"mysql:user@tcp(h:3306)/db":         "mysql:user@tcp(h:3306)/db",
	} {
		if got := redactDSN(dsn); got != want {
			t.Errorf("redactDSN(%q) = %q, want %q", dsn, got, want)
		}
	}
}

// TestSupervised: another process that has the supervisor's former id does not count as the supervisor.
func TestSupervised(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := State{Supervisor: os.Getpid(), Control: l.Addr().String()}
	if !s.supervised() {
		t.Error("a supervisor that answers counts as gone")
	}
	l.Close()
	if s.supervised() {
		t.Error("a process that does not answer counts as the supervisor")
	}
}

// TestFolder: a folder serves one cluster at a time, and always with its first number of nodes.
func TestFolder(t *testing.T) {
	dir := t.TempDir()
	cfg := Config{Executable: "unused", Data: dir, Nodes: 2, Listen: "127.0.0.1:0", State: filepath.Join(dir, "state.json")}
	open := func(nodes int) error {
		cfg.Nodes = nodes
		s, err := New(cfg)
		if err == nil {
			s.control.close()
			s.removeTemporary()
		}
		return err
	}
	if err := open(3); err != nil {
		t.Fatalf("new folder: %v", err)
	}
	for _, name := range []string{"node-1", "node-2"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := open(3); err == nil || !strings.Contains(err.Error(), "2 nodes, not 3") {
		t.Errorf("a folder of two nodes for three: %v", err)
	}
	if err := open(2); err != nil {
		t.Errorf("a folder of two nodes for two: %v", err)
	}
	child, err := lockFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer child.Close()
	if f, err := takeFolder(dir, pollEvery); err == nil {
		f.Close()
		t.Error("took a folder that a process of another cluster still uses")
	}
}

func TestWarnings(t *testing.T) {
	group := func(n uint32, serving bool, s host.Settlement) host.GroupStatus {
		return host.GroupStatus{Group: n, Serving: serving, Settlement: s}
	}
	got := warnings(map[string]host.Status{
		"node-2": {Replicas: []host.GroupStatus{
			group(1, true, host.Settlement{Unsettled: 9, Delayed: true}), group(2, false, host.Settlement{Unsettled: 9, Delayed: true}),
		}},
		"node-1": {Replicas: []host.GroupStatus{group(3, true, host.Settlement{Conflicts: 2}), group(4, false, host.Settlement{Voided: 1})}},
		"node-3": {Replicas: []host.GroupStatus{group(0, true, host.Settlement{}), group(5, true, host.Settlement{Unsettled: 3, Failures: 7})}},
	})
	want := []string{
		"ALARM shard 3 on node-1: 2 times the database held another result of a hand",
		"ALARM shard 4 on node-1: 1 tables were voided because their game broke",
		"shard 1 on node-2: 9 hands wait for the database, so no more are dealt",
	}
	if !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}

// TestAfterKilledSupervisor: if the previous supervisor was killed, a new one waits until the last process
// of the old cluster, the reaper, has ended.
func TestAfterKilledSupervisor(t *testing.T) {
	old, file := t.TempDir(), filepath.Join(t.TempDir(), "state.json")
	if err := (State{Supervisor: 1 << 30, Control: "127.0.0.1:1", Data: old}).write(file); err != nil {
		t.Fatal(err)
	}
	left, err := lockFolder(old)
	if err != nil {
		t.Fatal(err)
	}
	opened := make(chan error, 1)
	go func() {
		s, err := New(Config{Executable: "unused", Listen: "127.0.0.1:0", State: file})
		if err == nil {
			s.control.close()
			s.removeTemporary()
		}
		opened <- err
	}()
	select {
	case err := <-opened:
		t.Fatalf("it does not wait: %v", err)
	case <-time.After(2 * pollEvery):
	}
	left.Close()
	if err := <-opened; err != nil {
		t.Error(err)
	}
}
