//go:build faults

package raftgroup

import (
	"fmt"
	"io/fs"
	"sync"
	"syscall"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
)

// FaultKind is what a Fault does to the log stores of a disk.
type FaultKind string

// The faults. They affect operations that change files, not those that read.
const (
	FaultNone  FaultKind = "none"  // the disk works
	FaultError FaultKind = "error" // syncs fail
	FaultStall FaultKind = "stall" // writes and syncs block
	FaultFull  FaultKind = "full"  // writes fail for lack of space
	FaultLow   FaultKind = "low"   // Free returns 0, but everything works
)

// Fault makes a healthy disk fail. It exists only in builds with the tag "faults".
type Fault struct {
	Kind FaultKind
	For  time.Duration // how long it lasts; 0 = until the next Inject
}

// faultFS is a file system that fails on demand.
type faultFS struct {
	vfs.FS

	mu    sync.Mutex
	fault Fault
	over  chan struct{} // closed when the fault ends
	timer *time.Timer   // ends the fault; nil if it has no end
}

// systemFS is the file system of the log stores.
func systemFS() vfs.FS {
	f := &faultFS{fault: Fault{Kind: FaultNone}, over: make(chan struct{})}
	f.FS = errorfs.Wrap(vfs.Default, errorfs.InjectorFunc(f.intercept))
	return f
}

// Validate returns an error if there is no such kind of fault.
func (f Fault) Validate() error {
	switch f.Kind {
	case FaultNone, FaultError, FaultStall, FaultFull, FaultLow:
		return nil
	default:
		return fmt.Errorf("raftgroup: no fault %q", f.Kind)
	}
}

// Inject replaces the current fault of the log stores by a valid one. The current one ends: operations
// that it blocks go on. The process may end before Inject returns.
func (d *Disk) Inject(fault Fault) {
	d.fs.(*faultFS).set(fault)
}

func (f *faultFS) set(fault Fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.setLocked(fault)
}

// setLocked replaces the fault; f.mu is held.
func (f *faultFS) setLocked(fault Fault) {
	if f.timer != nil {
		f.timer.Stop()
		f.timer = nil
	}
	close(f.over)
	over := make(chan struct{})
	f.fault, f.over = fault, over
	if fault.For > 0 {
		f.timer = time.AfterFunc(fault.For, func() { f.end(over) })
	}
}

// end ends the fault that over belongs to, if it is still the current one.
func (f *faultFS) end(over chan struct{}) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.over == over {
		f.setLocked(Fault{Kind: FaultNone})
	}
}

func (f *faultFS) present() (FaultKind, <-chan struct{}) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.fault.Kind, f.over
}

// intercept is called before every operation.
func (f *faultFS) intercept(op errorfs.Op) error {
	var syncs, grows bool
	switch op.Kind {
	case errorfs.OpFileSync, errorfs.OpFileSyncData, errorfs.OpFileSyncTo:
		syncs = true
	case errorfs.OpFileWrite, errorfs.OpFileWriteAt, errorfs.OpFilePreallocate, errorfs.OpCreate, errorfs.OpMkdirAll:
		grows = true
	}
	switch kind, over := f.present(); {
	case kind == FaultError && syncs:
		return &fs.PathError{Op: "sync", Path: op.Path, Err: syscall.EIO}
	case kind == FaultFull && grows:
		return &fs.PathError{Op: "write", Path: op.Path, Err: syscall.ENOSPC}
	case kind == FaultStall && (syncs || grows):
		<-over
	}
	return nil
}

func (f *faultFS) GetDiskUsage(path string) (vfs.DiskUsage, error) {
	usage, err := f.FS.GetDiskUsage(path)
	if kind, _ := f.present(); kind == FaultLow || kind == FaultFull {
		usage.AvailBytes = 0
	}
	return usage, err
}
