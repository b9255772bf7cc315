package cluster

import (
	"os"
	"path/filepath"
	"testing"
)

// TestCheckNodes: the number of nodes of a kept folder is known even if one of the nodes' folders is lost.
func TestCheckNodes(t *testing.T) {
	for _, test := range []struct {
		folders []string
		nodes   int
		ok      bool
	}{
		{nil, 3, true},
		{[]string{"node-1", "node-2", "node-3"}, 3, true},
		{[]string{"node-1", "node-2", "node-3"}, 5, false},
		{[]string{"node-1", "node-2", "node-3"}, 1, false},
		{[]string{"node-1", "node-3", "logs"}, 3, true},
		{[]string{"node-1", "node-2"}, 3, false},
	} {
		s := &Supervisor{cfg: Config{Nodes: test.nodes}, data: t.TempDir()}
		for _, name := range test.folders {
			if err := os.Mkdir(filepath.Join(s.data, name), 0o700); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.checkNodes(); (err == nil) != test.ok {
			t.Errorf("%v with %d nodes: %v", test.folders, test.nodes, err)
		}
	}
}

// TestWipeRefused: processes without a disk, and clusters that cannot replace one.
func TestWipeRefused(t *testing.T) {
	s := &Supervisor{cfg: Config{Nodes: 3}, data: t.TempDir(), children: []*child{
		{name: "registry", role: roleRegistry}, {name: "node-1", role: roleNode},
	}}
	for _, name := range []string{"registry", "node-9"} {
		if err := s.Wipe(t.Context(), name); err == nil {
			t.Errorf("%s is wiped", name)
		}
	}
	file := filepath.Join(s.data, "node-1", "disk.json")
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	s.cfg.Nodes = 2
	if err := s.Wipe(t.Context(), "node-1"); err == nil {
		t.Error("a cluster of two loses a disk for good")
	}
	if _, err := os.Stat(file); err != nil {
		t.Error(err)
	}
	s.cfg.Nodes = 3
	if err := s.Wipe(t.Context(), "node-1"); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(file); !os.IsNotExist(err) {
		t.Errorf("it is still there: %v", err)
	}
	if _, err := os.Stat(filepath.Dir(file)); err != nil {
		t.Errorf("its folder does not count any more: %v", err)
	}
}
