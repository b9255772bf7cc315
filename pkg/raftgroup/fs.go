package raftgroup

import (
	"os"
	"syscall"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// privateFS makes every file readable by its owner only, because a log contains data that players must
// not see.
type privateFS struct{ vfs.FS }

func private(f vfs.File, err error) (vfs.File, error) {
	if err != nil || f.Fd() == vfs.InvalidFd {
		return f, err
	}
	if err := syscall.Fchmod(int(f.Fd()), 0o600); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

func (fs privateFS) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	return private(fs.FS.Create(name, c))
}

func (fs privateFS) OpenReadWrite(name string, c vfs.DiskWriteCategory, o ...vfs.OpenOption) (vfs.File, error) {
	return private(fs.FS.OpenReadWrite(name, c, o...))
}

func (fs privateFS) ReuseForWrite(oldname, newname string, c vfs.DiskWriteCategory) (vfs.File, error) {
	return private(fs.FS.ReuseForWrite(oldname, newname, c))
}

func (fs privateFS) MkdirAll(dir string, _ os.FileMode) error { return fs.FS.MkdirAll(dir, 0o700) }

func (fs privateFS) Unwrap() vfs.FS { return fs.FS }

// noSyncFS ignores every sync. The store still asks for a sync after each write, so Pebble hands each
// write to the kernel and it survives the process; with Pebble's own NoSync, writes would stay in the
// process's memory.
type noSyncFS struct{ vfs.FS }

type noSyncFile struct{ vfs.File }

func (noSyncFile) Sync() error                { return nil }
func (noSyncFile) SyncData() error            { return nil }
func (noSyncFile) SyncTo(int64) (bool, error) { return false, nil }

func noSync(f vfs.File, err error) (vfs.File, error) {
	if err != nil {
		return nil, err
	}
	return noSyncFile{f}, nil
}

func (fs noSyncFS) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	return noSync(fs.FS.Create(name, c))
}

func (fs noSyncFS) OpenReadWrite(name string, c vfs.DiskWriteCategory, o ...vfs.OpenOption) (vfs.File, error) {
	return noSync(fs.FS.OpenReadWrite(name, c, o...))
}

func (fs noSyncFS) OpenDir(name string) (vfs.File, error) { return noSync(fs.FS.OpenDir(name)) }

func (fs noSyncFS) ReuseForWrite(oldname, newname string, c vfs.DiskWriteCategory) (vfs.File, error) {
	return noSync(fs.FS.ReuseForWrite(oldname, newname, c))
}

func (fs noSyncFS) Unwrap() vfs.FS { return fs.FS }

// failStopFS reports every failed write or sync before Pebble sees the error. Pebble itself would panic
// if it cannot create a new log file, and would retry endlessly without a pause if it cannot write a
// table.
type failStopFS struct {
	vfs.FS
	fail func(error)
}

type failStopFile struct {
	vfs.File
	fail func(error)
}

func (fs failStopFS) file(f vfs.File, err error) (vfs.File, error) {
	if err != nil {
		fs.fail(err)
		return nil, err
	}
	return failStopFile{f, fs.fail}, nil
}

func (fs failStopFS) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	return fs.file(fs.FS.Create(name, c))
}

func (fs failStopFS) OpenReadWrite(name string, c vfs.DiskWriteCategory, o ...vfs.OpenOption) (vfs.File, error) {
	return fs.file(fs.FS.OpenReadWrite(name, c, o...))
}

func (fs failStopFS) ReuseForWrite(oldname, newname string, c vfs.DiskWriteCategory) (vfs.File, error) {
	return fs.file(fs.FS.ReuseForWrite(oldname, newname, c))
}

func (fs failStopFS) OpenDir(name string) (vfs.File, error) {
	f, err := fs.FS.OpenDir(name)
	if err != nil {
		return nil, err
	}
	return failStopFile{f, fs.fail}, nil
}

func (fs failStopFS) Unwrap() vfs.FS { return fs.FS }

func (f failStopFile) check(err error) error {
	if err != nil {
		f.fail(err)
	}
	return err
}

func (f failStopFile) Write(p []byte) (int, error) {
	n, err := f.File.Write(p)
	return n, f.check(err)
}

func (f failStopFile) WriteAt(p []byte, at int64) (int, error) {
	n, err := f.File.WriteAt(p, at)
	return n, f.check(err)
}

func (f failStopFile) Preallocate(offset, length int64) error {
	return f.check(f.File.Preallocate(offset, length))
}

func (f failStopFile) Sync() error     { return f.check(f.File.Sync()) }
func (f failStopFile) SyncData() error { return f.check(f.File.SyncData()) }

func (f failStopFile) SyncTo(length int64) (bool, error) {
	full, err := f.File.SyncTo(length)
	return full, f.check(err)
}
