//go:build faults

package raftgroup

import (
	"errors"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// inject opens a disk with a fault; it counts the calls of Fatal.
func inject(t *testing.T, fault Fault) (*Disk, *atomic.Int32) {
	t.Helper()
	fatal := new(atomic.Int32)
	d := mustOpenDisk(t, t.TempDir(), DiskConfig{Sync: true, Fatal: func(error) { fatal.Add(1) }})
	t.Cleanup(func() { d.Close() })
	if err := d.log(1).StoreLog(entry(1, 10)); err != nil {
		t.Fatal(err)
	}
	d.Inject(fault)
	return d, fatal
}

func TestDiskFaultEndsStore(t *testing.T) {
	for kind, want := range map[FaultKind]error{FaultError: syscall.EIO, FaultFull: syscall.ENOSPC} {
		d, fatal := inject(t, Fault{Kind: kind})
		if err := d.log(1).StoreLog(entry(2, 10)); !errors.Is(err, want) || fatal.Load() == 0 {
			t.Errorf("%s: %v, fatal called %d times", kind, err, fatal.Load())
		}
	}
}

func TestDiskFaultStalls(t *testing.T) {
	d, fatal := inject(t, Fault{Kind: FaultStall})
	done := make(chan error, 1)
	go func() { done <- d.log(1).StoreLog(entry(2, 10)) }()
	select {
	case err := <-done:
		t.Errorf("stored while all writes wait: %v", err)
	case <-time.After(50 * time.Millisecond): // the stall itself
	}
	// A new stall releases the writes of the first one, which then wait for the new one's end.
	d.Inject(Fault{Kind: FaultStall, For: 20 * time.Millisecond})
	if err := <-done; err != nil || fatal.Load() != 0 {
		t.Errorf("after the stall: %v, fatal called %d times", err, fatal.Load())
	}
	if err := d.log(1).StoreLog(entry(3, 10)); err != nil {
		t.Error(err)
	}
}

func TestDiskFaultLow(t *testing.T) {
	d, _ := inject(t, Fault{Kind: FaultLow})
	if free, err := d.Free(); err != nil || free != 0 {
		t.Errorf("%d bytes free, %v", free, err)
	}
	if err := d.log(1).StoreLog(entry(2, 10)); err != nil {
		t.Errorf("a disk that is only nearly full: %v", err)
	}
	d.Inject(Fault{Kind: FaultNone})
	if free, err := d.Free(); err != nil || free == 0 {
		t.Errorf("%d bytes free, %v", free, err)
	}
	if err := (Fault{Kind: "melted"}).Validate(); err == nil {
		t.Error("an unknown fault is accepted")
	}
}
