package raftgroup

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/hashicorp/raft"
)

// StoredEntry is an entry in a log, committed or not.
type StoredEntry struct {
	Group       GroupID
	Index, Term uint64
	Level       uint32
	Kind        string // "command", or a kind that raft writes itself: "noop", "configuration" …
	Data        []byte // valid until the next entry is read
}

// Logs reads the logs of a server that does not run, for tools that compare replicas. It changes
// nothing.
type Logs struct {
	id     string
	stores []logReader
	snaps  map[GroupID]uint64
	lock   io.Closer
}

// logReader is one store and the range of groups whose logs are in it.
type logReader struct {
	db          *pebble.DB
	first, last GroupID
}

// OpenLogs opens the data folder of a server that does not run. It fails if the server runs, or if the
// log is damaged, as far as that shows before the entries are read.
func OpenLogs(dir string) (_ *Logs, err error) {
	d := &Disk{dir: dir, logger: slog.New(slog.DiscardHandler)}
	if err := d.readIdentity(); err != nil {
		return nil, fmt.Errorf("raftgroup: %s is not a data folder: %w", dir, err)
	}
	l := &Logs{id: d.id.ID, snaps: make(map[GroupID]uint64)}
	defer func() {
		if err != nil {
			err = errors.Join(err, l.Close())
		}
	}()
	if l.lock, err = vfs.Default.Lock(filepath.Join(dir, lockFile)); err != nil {
		return nil, fmt.Errorf("raftgroup: data folder %s is in use: %w", dir, err)
	}
	groups := logReader{last: ^GroupID(0)}
	if d.id.Split {
		if err := l.open(filepath.Join(dir, coordinatorDir), logReader{first: Coordinator, last: Coordinator}); err != nil {
			return nil, err
		}
		groups.first = Coordinator + 1
	}
	if err := l.open(filepath.Join(dir, logDir), groups); err != nil {
		return nil, err
	}
	return l, l.findSnapshots(d)
}

func (l *Logs) open(dir string, r logReader) (err error) {
	if err := checkTail(dir); err != nil {
		return err
	}
	r.db, err = pebble.Open(dir, &pebble.Options{ReadOnly: true, ErrorIfNotExists: true, Logger: silent{}})
	if err != nil {
		return fmt.Errorf("raftgroup: %s: %w", dir, err)
	}
	l.stores = append(l.stores, r)
	return nil
}

func (l *Logs) findSnapshots(d *Disk) error {
	folders, err := os.ReadDir(filepath.Join(d.dir, snapDir))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	for _, folder := range folders {
		id, err := strconv.ParseUint(folder.Name(), 10, 32)
		if err != nil {
			continue // not a group's folder
		}
		snaps, err := d.snapshots(GroupID(id))
		if err != nil {
			return err
		}
		index, err := snaps.newestReadable()
		if err != nil {
			return err
		}
		if index > 0 {
			l.snaps[GroupID(id)] = index
		}
	}
	return nil
}

// DiskID returns the random id of the folder's disk.
func (l *Logs) DiskID() string { return l.id }

// Snapshots returns the last index of the newest readable snapshot, by group. Entries up to it are
// committed, and may be missing from the log.
func (l *Logs) Snapshots() map[GroupID]uint64 { return l.snaps }

// Entries yields all entries, ordered by group and index. It ends after an error.
func (l *Logs) Entries() iter.Seq2[StoredEntry, error] {
	return func(yield func(StoredEntry, error) bool) {
		for _, r := range l.stores {
			if !r.entries(yield) {
				return
			}
		}
	}
}

func (r logReader) entries(yield func(StoredEntry, error) bool) (more bool) {
	it, err := r.db.NewIter(&pebble.IterOptions{
		LowerBound: logKey(r.first, 0), UpperBound: append(logKey(r.last, ^uint64(0)), 0),
	})
	if err != nil {
		yield(StoredEntry{}, err)
		return false
	}
	defer it.Close()
	for it.First(); it.Valid(); it.Next() {
		k := it.Key()
		if len(k) != logKeyLen {
			yield(StoredEntry{}, fmt.Errorf("%w: key %x", errDamaged, k))
			return false
		}
		e := StoredEntry{Group: GroupID(binary.BigEndian.Uint32(k[1:])), Index: binary.BigEndian.Uint64(k[5:])}
		var log raft.Log
		if err := decodeLog(it.Value(), e.Index, &log); err != nil {
			yield(StoredEntry{}, fmt.Errorf("%w: group %d entry %d: %v", errDamaged, e.Group, e.Index, err))
			return false
		}
		e.Term, e.Level, e.Kind, e.Data = log.Term, levelOf(&log), kindOf(log.Type), log.Data
		if !yield(e, nil) {
			return false
		}
	}
	if err := it.Error(); err != nil {
		yield(StoredEntry{}, err)
		return false
	}
	return true
}

func kindOf(t raft.LogType) string {
	switch t {
	case raft.LogCommand:
		return "command"
	case raft.LogNoop:
		return "noop"
	case raft.LogConfiguration:
		return "configuration"
	}
	return t.String()
}

// Close closes the logs and unlocks the folder.
func (l *Logs) Close() error {
	var errs []error
	for _, r := range l.stores {
		errs = append(errs, r.db.Close())
	}
	l.stores = nil
	if l.lock != nil {
		errs = append(errs, l.lock.Close())
		l.lock = nil
	}
	return errors.Join(errs...)
}

// silent drops Pebble's log lines; everything that matters is returned as an error too.
type silent struct{}

func (silent) Infof(string, ...any)  {}
func (silent) Errorf(string, ...any) {}
func (silent) Fatalf(format string, args ...any) {
	panic(fmt.Sprintf(format, args...))
}
