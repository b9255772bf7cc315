package raftgroup

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/sstable"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// Key layout of a store. All integers are big endian, so keys sort by group and index.
//
//	'l' group(4) index(8)  one log entry, see encodeLog
//	's' group(4) name      one value of raft's stable store (term, vote)
const (
	logPrefix    = 'l'
	stablePrefix = 's'
	logKeyLen    = 1 + 4 + 8
)

var (
	errStoreClosed = errors.New("raftgroup: log store is closed")
	errDamaged     = errors.New("raftgroup: log store is damaged")
)

// store is one Pebble database that holds the logs of many groups. Each write is one batch, committed with
// a sync that it shares with the concurrent writes of other groups.
type store struct {
	db    *pebble.DB
	fatal func(error)

	// mu is held for reading during every use of db, so that close waits for goroutines of raft that
	// still run after its shutdown.
	mu     sync.RWMutex
	closed bool

	failed atomic.Pointer[error] // the first write error; every use fails after it

	// progress is for the watchdog, see stalledFor.
	progress struct {
		sync.Mutex
		writing int       // running writes
		since   time.Time // when a write last finished, or else the first of the running ones began
	}
}

// extent is the range of log indexes that a group has in a store.
type extent struct{ first, last uint64 }

// openStore opens a database or, if create is set, makes it. An error that wraps errDamaged means that
// data before the newest intact record is lost.
func openStore(fs vfs.FS, dir string, create bool, fatal func(error), logger *slog.Logger) (*store, error) {
	if err := checkTail(dir); err != nil {
		return nil, err
	}
	s := &store{fatal: fatal}
	cache := pebble.NewCache(8 << 20)
	defer cache.Unref()
	opts := &pebble.Options{
		FS:                          failStopFS{fs, s.fail},
		Cache:                       cache,
		ErrorIfNotExists:            !create,
		FormatMajorVersion:          pebble.FormatNewest,
		MemTableSize:                16 << 20, // large, because most entries are deleted early and then need not be written to tables
		MemTableStopWritesThreshold: 4,
		L0CompactionThreshold:       4,
		L0StopWritesThreshold:       1000, // a late compaction must not stop writes to the log
		MaxOpenFiles:                200,
		Logger:                      pebbleLog{s, logger},
		// Pebble's default handler ends the process. Here the caller that reads decides.
		EventListener: &pebble.EventListener{DataCorruption: func(i pebble.DataCorruptionInfo) {
			logger.Warn("log store is damaged", "path", i.Path, "details", i.Details)
		}},
	}
	for i := range opts.Levels {
		opts.Levels[i].Compression = func() *sstable.CompressionProfile { return sstable.NoCompression }
	}
	opts.Experimental.DisableIngestAsFlushable = func() bool { return true }
	db, err := pebble.Open(dir, opts)
	if err != nil {
		if !create && lost(err) {
			err = fmt.Errorf("%w: %v", errDamaged, err)
		}
		return nil, err
	}
	s.db = db
	return s, nil
}

// lost reports whether Pebble cannot open a database because part of it is gone, and not because this
// process may not, or cannot now, read it. Pebble calls only some of that corruption.
func lost(err error) bool {
	return pebble.IsCorruptionError(err) || errors.Is(err, pebble.ErrDBDoesNotExist) || errors.Is(err, pebble.ErrDBNotPristine) ||
		errors.Is(err, os.ErrNotExist) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || strings.Contains(err.Error(), "object size mismatch")
}

// close waits until the database is not in use and closes it.
func (s *store) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	return s.db.Close()
}

// use guards one use of the database; the caller must call the returned function.
func (s *store) use() (done func(), err error) {
	s.mu.RLock()
	if s.closed {
		s.mu.RUnlock()
		return nil, errStoreClosed
	}
	if failed := s.failed.Load(); failed != nil {
		s.mu.RUnlock()
		return nil, *failed
	}
	return s.mu.RUnlock, nil
}

// write durably commits the batch that fill makes.
func (s *store) write(fill func(*pebble.Batch) error) error {
	done, err := s.use()
	if err != nil {
		return err
	}
	defer done()
	s.begin()
	defer s.end()
	b := s.db.NewBatch()
	defer b.Close()
	if err := fill(b); err != nil {
		return err
	}
	if err := b.Commit(pebble.Sync); err != nil {
		s.fail(err)
	}
	// Pebble reports a failed write to its logger's Fatalf, and if that does not end the process, it
	// returns nil.
	if failed := s.failed.Load(); failed != nil {
		return *failed
	}
	return nil
}

func (s *store) begin() {
	s.progress.Lock()
	if s.progress.writing == 0 {
		s.progress.since = time.Now()
	}
	s.progress.writing++
	s.progress.Unlock()
}

func (s *store) end() {
	s.progress.Lock()
	s.progress.writing--
	s.progress.since = time.Now()
	s.progress.Unlock()
}

// stalledFor returns for how long writes have been running without any of them finishing.
func (s *store) stalledFor() time.Duration {
	s.progress.Lock()
	defer s.progress.Unlock()
	if s.progress.writing == 0 {
		return 0
	}
	return time.Since(s.progress.since)
}

// fail ends the process, because nothing may continue after a failed write or sync: the kernel may have
// dropped the data, and the next sync would succeed without it.
func (s *store) fail(err error) {
	err = fmt.Errorf("raftgroup: log store failed: %w", err)
	// Call fatal before others can see the failure: raft panics when it cannot store a vote, and the
	// process would end with that panic instead of the reason.
	s.fatal(err)
	s.failed.CompareAndSwap(nil, &err)
}

// scan reads every log entry and returns the extents. A log with a hole is damaged.
func (s *store) scan() (map[GroupID]extent, error) {
	done, err := s.use()
	if err != nil {
		return nil, err
	}
	defer done()
	it, err := s.db.NewIter(&pebble.IterOptions{LowerBound: []byte{logPrefix}, UpperBound: []byte{logPrefix + 1}})
	if err != nil {
		return nil, err
	}
	defer it.Close()
	extents := make(map[GroupID]extent)
	for it.First(); it.Valid(); it.Next() {
		k := it.Key()
		if len(k) != logKeyLen {
			return nil, fmt.Errorf("%w: key %x", errDamaged, k)
		}
		id, index := GroupID(binary.BigEndian.Uint32(k[1:])), binary.BigEndian.Uint64(k[5:])
		e, seen := extents[id]
		if seen && index != e.last+1 {
			return nil, fmt.Errorf("%w: group %d lacks entries %d to %d", errDamaged, id, e.last+1, index-1)
		}
		if err := decodeLog(it.Value(), index, nil); err != nil {
			return nil, fmt.Errorf("%w: group %d entry %d: %v", errDamaged, id, index, err)
		}
		if !seen {
			e.first = index
		}
		e.last = index
		extents[id] = e
	}
	if err := it.Error(); err != nil {
		if pebble.IsCorruptionError(err) {
			err = fmt.Errorf("%w: %v", errDamaged, err)
		}
		return nil, err
	}
	return extents, nil
}

func logKey(id GroupID, index uint64) []byte {
	k := make([]byte, 0, logKeyLen)
	k = append(k, logPrefix)
	k = binary.BigEndian.AppendUint32(k, uint32(id))
	return binary.BigEndian.AppendUint64(k, index)
}

func stableKey(id GroupID, name []byte) []byte {
	k := binary.BigEndian.AppendUint32([]byte{stablePrefix}, uint32(id))
	return append(k, name...)
}

// pebbleLog sends Pebble's errors to slog and its fatal errors to the store.
type pebbleLog struct {
	s *store
	l *slog.Logger
}

func (p pebbleLog) Infof(format string, args ...any) {}

func (p pebbleLog) Errorf(format string, args ...any) {
	p.l.Warn("log store", "error", fmt.Sprintf(format, args...))
}

func (p pebbleLog) Fatalf(format string, args ...any) { p.s.fail(fmt.Errorf(format, args...)) }
