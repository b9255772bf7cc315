package raftgroup

import (
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// Counters count the work of a host since it was opened, for all groups together. To compare two builds,
// divide them by the number of moves.
type Counters struct {
	Appends    uint64 // append requests sent, without heartbeats
	Heartbeats uint64 // heartbeats sent, without those that were unnecessary after an append request
	SentBytes  uint64 // written to connections with other servers, including frame heads and answers
	LogEntries uint64 // entries given to the log store
	LogBytes   uint64 // written to the log store's files, including tables and manifests
	// Syncs counts syncs of the log store's files and folders that reach the file system: with the
	// policy nosync only those of the coordinator's log.
	Syncs uint64
}

// diskCounters are a disk's part of Counters.
type diskCounters struct{ entries, bytes, syncs atomic.Uint64 }

// networkCounters are a network's part of Counters.
type networkCounters struct{ appends, heartbeats, bytes atomic.Uint64 }

// Counters returns the host's counters. It may be called at any time, also after Close.
func (h *Host) Counters() Counters {
	d, n := &h.cfg.Disk.counters, &h.net.counters
	return Counters{
		Appends: n.appends.Load(), Heartbeats: n.heartbeats.Load(), SentBytes: n.bytes.Load(),
		LogEntries: d.entries.Load(), LogBytes: d.bytes.Load(), Syncs: d.syncs.Load(),
	}
}

// countFS counts written bytes and syncs. It is below noSyncFS, so it counts only syncs that reach the
// file system.
type countFS struct {
	vfs.FS
	to *diskCounters
}

type countFile struct {
	vfs.File
	to *diskCounters
}

func (fs countFS) file(f vfs.File, err error) (vfs.File, error) {
	if err != nil {
		return nil, err
	}
	return countFile{f, fs.to}, nil
}

func (fs countFS) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	return fs.file(fs.FS.Create(name, c))
}

func (fs countFS) OpenReadWrite(name string, c vfs.DiskWriteCategory, o ...vfs.OpenOption) (vfs.File, error) {
	return fs.file(fs.FS.OpenReadWrite(name, c, o...))
}

func (fs countFS) ReuseForWrite(oldname, newname string, c vfs.DiskWriteCategory) (vfs.File, error) {
	return fs.file(fs.FS.ReuseForWrite(oldname, newname, c))
}

func (fs countFS) OpenDir(name string) (vfs.File, error) { return fs.file(fs.FS.OpenDir(name)) }

func (fs countFS) Unwrap() vfs.FS { return fs.FS }

func (f countFile) Write(p []byte) (int, error) {
	n, err := f.File.Write(p)
	f.to.bytes.Add(uint64(n))
	return n, err
}

func (f countFile) WriteAt(p []byte, at int64) (int, error) {
	n, err := f.File.WriteAt(p, at)
	f.to.bytes.Add(uint64(n))
	return n, err
}

func (f countFile) Sync() error {
	f.to.syncs.Add(1)
	return f.File.Sync()
}

func (f countFile) SyncData() error {
	f.to.syncs.Add(1)
	return f.File.SyncData()
}

func (f countFile) SyncTo(length int64) (bool, error) {
	full, err := f.File.SyncTo(length)
	if full { // otherwise it has only started to write back, which is not a sync
		f.to.syncs.Add(1)
	}
	return full, err
}
