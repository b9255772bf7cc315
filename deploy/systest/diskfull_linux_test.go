package systest

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"teahouse/deploy/cluster"
)

// TestDiskReallyFull gives one node a small file system of its own and fills it
// while players play: first the node takes no new tables, then it ends with the
// reason, and when there is room again it goes on as the same server.
func TestDiskReallyFull(t *testing.T) {
	slow(t)
	l := lossy{T: t, data: t.TempDir()}
	for i := range 3 { // the supervisor counts the folders
		if err := os.Mkdir(filepath.Join(l.data, fmt.Sprintf("node-%d", i+1)), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	small := ownDisk(t, filepath.Join(l.data, "node-2"), "128m")
	state := filepath.Join(t.TempDir(), "state.json")
	l.Client = start(t, cluster.Config{Nodes: 3, Data: l.data, State: state, Sync: true, MinFree: 16 << 20})
	crowd := startCrowd(t, state)
	crowd.plays(t)
	before := l.status("node-2")
	if before.Disk.Low || before.Disk.Free > 128<<20 {
		t.Fatalf("the status says %+v of the disk", before.Disk)
	}

	fill(t, filepath.Join(small, "ballast"), 4<<20)
	eventually(t, "the notice of a nearly full disk", func() bool { return l.status("node-2").Disk.Low || l.pid("node-2") == 0 })
	fill(t, filepath.Join(small, "rest"), 0)
	eventually(t, "the end of the node", func() bool { return l.pid("node-2") == 0 })
	said := strings.TrimSpace(l.log("node-2"))
	if end := said[strings.LastIndex(said, "\n")+1:]; !strings.HasPrefix(end, "error: log store failed") || !strings.Contains(end, syscall.ENOSPC.Error()) {
		t.Errorf("its last words: %s", end)
	}
	l.served("node-1", "node-3")
	crowd.plays(t)

	if err := l.Start(t.Context(), "node-2"); err == nil {
		t.Error("the node serves on a full disk")
	} else if !strings.Contains(err.Error(), syscall.ENOSPC.Error()) {
		t.Errorf("on a full disk: %v", err)
	}
	for _, name := range []string{"ballast", "rest"} {
		if err := os.Remove(filepath.Join(small, name)); err != nil {
			t.Fatal(err)
		}
	}
	l.start("node-2")
	l.whole()
	if after := l.status("node-2"); after.Server != before.Server || after.Disk.Low {
		t.Errorf("it is back as %s with %+v, it was %s", after.Server, after.Disk, before.Server)
	}
	crowd.plays(t)
	if sum := crowd.audited(t); sum.Disconnects != 0 {
		t.Errorf("%d disconnects", sum.Disconnects)
	}
}

// TestDatabaseDiskFull: where the database's disk is full, hands wait in the tables'
// state and are settled once there is room.
func TestDatabaseDiskFull(t *testing.T) {
	slow(t)
	small := ownDisk(t, t.TempDir(), "16m")
	state := filepath.Join(t.TempDir(), "state.json")
	l := lossy{T: t}
	l.Client = start(t, cluster.Config{Nodes: 3, State: state, Database: "sqlite:" + filepath.Join(small, "teahouse.db")})
	crowd := startCrowd(t, state)
	crowd.plays(t)
	unsettled := func() (hands int, failures uint64) {
		for _, s := range l.statuses() {
			for _, g := range s.Replicas {
				failures += g.Failures
				if g.Serving {
					hands += g.Unsettled
				}
			}
		}
		return hands, failures
	}
	fill(t, filepath.Join(small, "ballast"), 0)
	eventually(t, "hands that wait", func() bool { hands, failures := unsettled(); return hands > 0 && failures > 0 })
	if err := os.Remove(filepath.Join(small, "ballast")); err != nil {
		t.Fatal(err)
	}
	crowd.plays(t)
	if sum := crowd.audited(t); sum.Disconnects != 0 {
		t.Errorf("%d disconnects", sum.Disconnects)
	}
	eventually(t, "the last hand in the database", func() bool { hands, _ := unsettled(); return hands == 0 })
}

// ownDisk mounts a small file system on a folder until the test ends.
func ownDisk(t *testing.T, dir, size string) string {
	t.Helper()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size="+size); err != nil {
		t.Skipf("no file system of its own: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// fill writes a file until so many bytes are free, but for the last few.
func fill(t *testing.T, name string, leave uint64) {
	t.Helper()
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	block := make([]byte, 4096)
	for {
		var fs syscall.Statfs_t
		if err := syscall.Fstatfs(int(f.Fd()), &fs); err != nil {
			t.Fatal(err)
		}
		if fs.Bavail*uint64(fs.Bsize) <= leave {
			return
		}
		if _, err := f.Write(block); err != nil {
			return // the node was faster
		}
	}
}
