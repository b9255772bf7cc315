package raftgroup

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
	"github.com/hashicorp/raft"
)

// errNoSpace is the error of a full disk.
var errNoSpace = &os.PathError{Op: "write", Path: "log", Err: syscall.ENOSPC}

// diskFault is one way in which a disk fails under a log store.
type diskFault struct {
	err  error
	hits func(errorfs.Op) bool
	// provoke makes the store do an operation that the fault hits; nil = writing is enough.
	provoke func(*Disk) error
	// atStart makes the fault occur while the folder is opened.
	atStart bool
}

func opOn(pattern string, kinds ...errorfs.OpKind) func(errorfs.Op) bool {
	return func(op errorfs.Op) bool {
		match, _ := filepath.Match(pattern, filepath.Base(op.Path))
		for _, k := range kinds {
			if match && op.Kind == k {
				return true
			}
		}
		return false
	}
}

// rewrite leaves two tables that overlap, so that a compaction has to write one.
func rewrite(d *Disk) error {
	for range 2 {
		err := errors.Join(d.log(1).Set([]byte("k"), []byte("v")), d.main.db.Flush())
		if err != nil {
			return err
		}
	}
	return nil
}

func flush(d *Disk) error { return d.main.db.Flush() }

func compact(d *Disk) error {
	return d.main.db.Compact(context.Background(), []byte("a"), []byte("z"), false)
}

// afterSome lets the first n hits pass.
func afterSome(n int32, hits func(errorfs.Op) bool) func(errorfs.Op) bool {
	var seen atomic.Int32
	return func(op errorfs.Op) bool { return hits(op) && seen.Add(1) > n }
}

// storeBatch stores many entries at once, and then acknowledges them.
func storeBatch(d *Disk) error {
	last, err := d.log(1).LastIndex()
	if err != nil {
		return err
	}
	var batch []*raft.Log
	for i := range uint64(faultyBatch) {
		batch = append(batch, entry(last+1+i, faultyBytes))
	}
	if err := d.log(1).StoreLogs(batch); err != nil {
		return err
	}
	fmt.Println(last + faultyBatch)
	return nil
}

func diskFaults() map[string]diskFault {
	logWrite := opOn("*.log", errorfs.OpFileWrite)
	return map[string]diskFault{
		"sync fails":            {syscall.EIO, opOn("*.log", errorfs.OpFileSync, errorfs.OpFileSyncData), nil, false},
		"write fails":           {syscall.EIO, logWrite, nil, false},
		"full":                  {errNoSpace, logWrite, nil, false},
		"full at rotation":      {errNoSpace, opOn("*.log", errorfs.OpCreate, errorfs.OpReuseForWrite), nil, false},
		"full at preallocation": {errNoSpace, opOn("*.log", errorfs.OpFilePreallocate), nil, false},
		"full at flush":         {errNoSpace, opOn("*.sst", errorfs.OpFileWrite), nil, false},
		"full at manifest":      {errNoSpace, opOn("MANIFEST-*", errorfs.OpFileWrite), flush, false},
		"table's sync fails":    {syscall.EIO, opOn("*.sst", errorfs.OpFileSync, errorfs.OpFileSyncData), flush, false},
		"full at compaction":    {errNoSpace, opOn("*.sst", errorfs.OpCreate), compact, false},
		"full within a batch":   {errNoSpace, afterSome(3, logWrite), storeBatch, false},
		"fails within a batch":  {syscall.EIO, afterSome(20, logWrite), storeBatch, false},
		"full at start":         {errNoSpace, opOn("*.sst", errorfs.OpFileWrite), nil, true},
	}
}

const (
	faultEnv    = "RAFTGROUP_DISK_FAULT" // makes the test binary a failingProcess
	folderEnv   = "RAFTGROUP_FOLDER"
	faultyBytes = 128 << 10 // of one entry
	faultyBatch = 64        // entries of one batch
	// faultyRounds is the number of writes after which the fault must have occurred.
	faultyRounds = 400
)

// failingProcess writes entries, each acknowledged by a line with its index,
// until the fault ends it.
func failingProcess() error {
	var armed atomic.Bool
	f, simulated := diskFaults()[os.Getenv(faultEnv)]
	fs := errorfs.Wrap(vfs.Default, errorfs.InjectorFunc(func(op errorfs.Op) error {
		if simulated && armed.Load() && f.hits(op) {
			return f.err
		}
		return nil
	}))
	armed.Store(f.atStart)
	logger := slog.New(slog.NewTextHandler(os.Stderr, nil))
	d, err := openDisk(os.Getenv(folderEnv), DiskConfig{Sync: true, Logger: logger}, fs)
	if err != nil {
		return err
	}
	if err := rewrite(d); err != nil {
		return err
	}
	for round := range faultyRounds {
		last, err := d.log(1).LastIndex()
		if err != nil {
			return err
		}
		if err := d.log(1).StoreLog(entry(last+1, faultyBytes)); err != nil {
			return err
		}
		fmt.Println(last + 1)
		if round < 10 {
			continue
		}
		armed.Store(true)
		if f.provoke != nil {
			if err := f.provoke(d); err != nil {
				return err
			}
		}
	}
	return errors.New("the fault has not struck")
}

// runFailing runs a failingProcess, and returns the last entry that it
// acknowledged.
func runFailing(t *testing.T, fault, dir string) (last uint64) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), faultEnv+"="+fault, folderEnv+"="+dir)
	var log bytes.Buffer
	cmd.Stderr = &log
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if last, err = strconv.ParseUint(lines.Text(), 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	cmd.Wait()
	said := strings.Split(strings.TrimSpace(log.String()), "\n")
	reason := "no space left on device"
	if diskFaults()[fault].err == syscall.EIO {
		reason = "input/output error"
	}
	if end := said[len(said)-1]; cmd.ProcessState.ExitCode() != StatusDisk ||
		!strings.HasPrefix(end, "log store failed, ending the process") || !strings.Contains(end, reason) {
		t.Fatalf("ended with %v, want status %d and the reason:\n%s", cmd.ProcessState, StatusDisk, log.String())
	}
	if len(said) > 20 {
		t.Errorf("%d lines of log", len(said))
	}
	return last
}

// checkKept opens a folder after its process has failed, and checks that everything acknowledged is there.
func checkKept(t *testing.T, dir string, last uint64) {
	t.Helper()
	d := mustOpenDisk(t, dir, DiskConfig{Sync: true})
	defer func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	}()
	if fresh, why := d.Fresh(); fresh {
		t.Fatalf("the disk got a new id: %s", why)
	}
	for i := uint64(1); i <= last; i++ {
		var got raft.Log
		if err := d.log(1).GetLog(i, &got); err != nil || !sameEntry(&got, entry(i, faultyBytes)) {
			t.Fatalf("acknowledged entry %d: %v", i, err)
		}
	}
	// A batch that was not acknowledged is there completely or not at all.
	if n, _ := d.log(1).LastIndex(); n != last && n != last+1 && n != last+faultyBatch {
		t.Errorf("last entry %d, the last acknowledged one is %d", n, last)
	}
}

// Wherever the disk fails, the process ends at once and says why, and the next process can use the
// folder.
func TestFailedDiskEndsProcess(t *testing.T) {
	for fault := range diskFaults() {
		t.Run(fault, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			d := mustOpenDisk(t, dir, DiskConfig{Sync: true}) // its id must stay
			if err := errors.Join(d.log(1).StoreLog(entry(1, faultyBytes)), d.Close()); err != nil {
				t.Fatal(err)
			}
			checkKept(t, dir, max(runFailing(t, fault, dir), 1))
		})
	}
}
