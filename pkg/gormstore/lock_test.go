package gormstore

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"teahouse/pkg/game"
)

// TestSQLiteBeginsImmediate holds a transaction that has done nothing yet: it must keep another
// handle from settling, for the lock timeout and no longer.
func TestSQLiteBeginsImmediate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "t.db")
	var handles [2]*Store
	for i := range handles {
		s, err := Open(t.Context(), Config{DSN: "sqlite:" + path, LockTimeout: 100 * time.Millisecond})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		handles[i] = s
	}
	if err := handles[0].Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	hand := game.HandResult{
		Key:     game.HandKey{Cluster: "c", Table: game.MakeTableID(1, 1), Hand: 1},
		Players: []game.PlayerID{1}, Names: []string{"a"}, Scores: []int64{0},
	}

	idle := handles[0].db.Begin()
	if idle.Error != nil {
		t.Fatal(idle.Error)
	}
	began := time.Now()
	err := handles[1].Settle(t.Context(), hand)
	if err == nil || !strings.Contains(err.Error(), "locked") {
		t.Errorf("settled while another transaction was open: %v", err)
	}
	if waited := time.Since(began); waited < 50*time.Millisecond {
		t.Errorf("gave up after %v, without waiting for the lock", waited)
	}
	if _, err := handles[1].Hands(t.Context(), 1, 0, 1); err != nil {
		t.Errorf("a reader had to wait for a writer: %v", err)
	}
	if err := idle.Rollback().Error; err != nil {
		t.Fatal(err)
	}
	if err := handles[1].Settle(t.Context(), hand); err != nil {
		t.Errorf("after the other transaction: %v", err)
	}

	for _, name := range []string{path, path + "-wal", path + "-shm", path + ".lock"} {
		info, err := os.Stat(name)
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v; want mode 0600", filepath.Base(name), info.Mode(), err)
		}
	}
}
