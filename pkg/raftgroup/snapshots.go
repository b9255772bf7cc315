package raftgroup

import (
	"os"
	"path/filepath"
	"strconv"

	"github.com/hashicorp/raft"
)

// snapshots is raft's file store, but its files are readable by their owner only.
type snapshots struct {
	*raft.FileSnapshotStore
	dir string
}

// snapshots returns the snapshot store of a group. Two snapshots are kept.
func (d *Disk) snapshots(id GroupID) (snapshots, error) {
	base := filepath.Join(d.dir, snapDir, strconv.FormatUint(uint64(id), 10))
	s := snapshots{dir: filepath.Join(base, "snapshots")} // raft's file store uses this name
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return s, err
	}
	var err error
	s.FileSnapshotStore, err = raft.NewFileSnapshotStoreWithLogger(base, 2, hclogAdapter{d.logger})
	return s, err
}

// Create starts a snapshot. Raft's file store makes its folder and files at once, and keeps them when the
// folder gets its final name, so their modes can be set here.
func (s snapshots) Create(v raft.SnapshotVersion, index, term uint64, c raft.Configuration, ci uint64, t raft.Transport) (raft.SnapshotSink, error) {
	sink, err := s.FileSnapshotStore.Create(v, index, term, c, ci, t)
	if err != nil {
		return nil, err
	}
	dir := filepath.Join(s.dir, sink.ID()+".tmp")
	for name, mode := range map[string]os.FileMode{".": 0o700, "state.bin": 0o600, "meta.json": 0o600} {
		if err := os.Chmod(filepath.Join(dir, name), mode); err != nil {
			sink.Cancel()
			return nil, err
		}
	}
	return sink, nil
}

// newestReadable returns the index of the newest snapshot with a correct checksum, or 0.
func (s snapshots) newestReadable() (uint64, error) {
	metas, err := s.List()
	if err != nil {
		return 0, err
	}
	for _, m := range metas {
		if _, r, err := s.Open(m.ID); err == nil {
			r.Close()
			return m.Index, nil
		}
	}
	return 0, nil
}
