package raftgroup

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hashicorp/raft"
)

// entriesOf lists the entries in a folder, as "group/index term kind data".
func entriesOf(t *testing.T, dir string) (list []string) {
	t.Helper()
	l, err := OpenLogs(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for e, err := range l.Entries() {
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, fmt.Sprintf("%d/%d %d %s %s", e.Group, e.Index, e.Term, e.Kind, e.Data))
	}
	return list
}

// A server's entries can be read while it does not run, wherever the coordinator's log is, and reading
// changes nothing.
func TestOpenLogs(t *testing.T) {
	for _, sync := range []bool{true, false} {
		t.Run(fmt.Sprintf("sync %v", sync), func(t *testing.T) {
			dir := t.TempDir()
			d := mustOpenDisk(t, dir, DiskConfig{Sync: sync})
			var want []string
			for _, group := range []GroupID{Coordinator, 1, 70_000} {
				for index := uint64(1); index <= 3; index++ {
					e := entry(index, 4)
					if index == 1 {
						e.Type = raft.LogNoop
					}
					if err := d.log(group).StoreLog(e); err != nil {
						t.Fatal(err)
					}
					want = append(want, fmt.Sprintf("%d/%d %d %s %s", group, index, e.Term, kindOf(e.Type), e.Data))
				}
			}
			if _, err := OpenLogs(dir); err == nil {
				t.Fatal("the folder of a server that runs was opened")
			}
			if err := d.Close(); err != nil {
				t.Fatal(err)
			}
			for range 2 {
				if got := entriesOf(t, dir); strings.Join(got, "\n") != strings.Join(want, "\n") {
					t.Fatalf("got %q, want %q", got, want)
				}
			}
			d = mustOpenDisk(t, dir, DiskConfig{Sync: sync})
			defer d.Close()
			if fresh, why := d.Fresh(); fresh {
				t.Fatalf("the disk counts as new after it was read: %s", why)
			}
		})
	}
}

func TestOpenLogsOfNothing(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "none")
	if _, err := OpenLogs(dir); err == nil {
		t.Fatal("a folder that is not there was opened")
	}
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Fatalf("reading has made the folder: %v", err)
	}
}
