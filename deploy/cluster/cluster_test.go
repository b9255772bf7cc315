package cluster

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
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

// TestSupervised: a process id that somebody else has by now is no supervisor.
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

// TestFolder: one cluster at a time, and always with the nodes it began with.
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
