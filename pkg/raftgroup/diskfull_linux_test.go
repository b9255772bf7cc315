package raftgroup

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// TestReallyFullDisk fills a small file system of its own. If the system does not permit mounting one,
// TestFailedDiskEndsProcess has to suffice.
func TestReallyFullDisk(t *testing.T) {
	root := t.TempDir()
	if err := syscall.Mount("tmpfs", root, "tmpfs", 0, "size=48m"); err != nil {
		t.Logf("no file system to fill (%v): a simulated one", err)
		dir := filepath.Join(root, "node")
		checkKept(t, dir, runFailing(t, "full", dir))
		return
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(root, 0); err != nil {
			t.Error(err)
		}
	})
	dir := filepath.Join(root, "node")
	d := mustOpenDisk(t, dir, DiskConfig{Sync: true})
	id := d.ID()
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	ballast := filepath.Join(root, "ballast")
	if err := os.WriteFile(ballast, make([]byte, 8<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	last := runFailing(t, "nothing but the size", dir)
	if last < 10 {
		t.Fatalf("only %d entries found room", last)
	}

	// Without space the next process does not start, and says why.
	rest, err := os.Create(filepath.Join(root, "rest"))
	if err != nil {
		t.Fatal(err)
	}
	for err == nil {
		_, err = rest.Write(make([]byte, 4096))
	}
	rest.Close()
	if _, err := OpenDisk(dir, DiskConfig{Sync: true, Fatal: func(err error) { t.Error(err) }}); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("opened on a full disk: %v", err)
	}

	// With space it does.
	if err := errors.Join(os.Remove(rest.Name()), os.Remove(ballast)); err != nil {
		t.Fatal(err)
	}
	checkKept(t, dir, last)
	d = mustOpenDisk(t, dir, DiskConfig{Sync: true})
	defer d.Close()
	if d.ID() != id {
		t.Errorf("the disk has the id %s, it was %s", d.ID(), id)
	}
}
