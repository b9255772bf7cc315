package raftgroup

import (
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/hashicorp/raft"
)

// errNotFound has the text that raft compares with.
var errNotFound = errors.New("not found")

// The names of the two values with which raft records a vote, in the order in which it writes them.
const (
	voteTermKey      = "LastVoteTerm"
	voteCandidateKey = "LastVoteCand"
)

// groupLog is the part of a store that belongs to one group: raft's LogStore
// and StableStore. Raft uses it from several goroutines.
type groupLog struct {
	s       *store
	id      GroupID
	written *atomic.Uint64 // counts entries

	mu sync.RWMutex
	extent
	// voteTerm is kept in memory until raft stores the vote's candidate, right after it, so that a
	// vote costs one sync. That is safe: a vote counts only once both are stored.
	voteTerm []byte
}

var (
	_ raft.LogStore          = (*groupLog)(nil)
	_ raft.MonotonicLogStore = (*groupLog)(nil)
	_ raft.StableStore       = (*groupLog)(nil)
)

// IsMonotonic tells raft that the log must not have holes; the scan at start relies on that.
func (l *groupLog) IsMonotonic() bool { return true }

func (l *groupLog) FirstIndex() (uint64, error) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.first, nil
}

func (l *groupLog) LastIndex() (uint64, error) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.last, nil
}

func (l *groupLog) GetLog(index uint64, out *raft.Log) error {
	done, err := l.s.use()
	if err != nil {
		return err
	}
	defer done()
	v, closer, err := l.s.db.Get(logKey(l.id, index))
	if errors.Is(err, pebble.ErrNotFound) {
		return raft.ErrLogNotFound
	} else if err != nil {
		if pebble.IsCorruptionError(err) {
			l.s.fail(err) // ends the process; the next start finds the damage and takes a new disk id
		}
		return err
	}
	defer closer.Close()
	return decodeLog(v, index, out)
}

func (l *groupLog) StoreLog(log *raft.Log) error { return l.StoreLogs([]*raft.Log{log}) }

func (l *groupLog) StoreLogs(logs []*raft.Log) error {
	if len(logs) == 0 {
		return nil
	}
	last := l.lastIndex()
	for i, log := range logs {
		if last != 0 && log.Index != last+1+uint64(i) {
			return fmt.Errorf("raftgroup: entry %d after %d would leave a hole", log.Index, last)
		}
	}
	err := l.s.write(func(b *pebble.Batch) error {
		for _, log := range logs {
			op := b.SetDeferred(logKeyLen, encodedLogLen(log))
			copy(op.Key, logKey(l.id, log.Index))
			encodeLog(op.Value, log)
			if err := op.Finish(); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.first == 0 {
		l.first = logs[0].Index
	}
	l.last = logs[len(logs)-1].Index
	l.written.Add(uint64(len(logs)))
	return nil
}

func (l *groupLog) lastIndex() uint64 {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.last
}

// DeleteRange deletes the entries from min to max, a prefix or a suffix of the log.
func (l *groupLog) DeleteRange(min, max uint64) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.first == 0 || max < l.first || min > l.last {
		return nil
	}
	if min > l.first && max < l.last {
		return fmt.Errorf("raftgroup: deleting %d to %d would leave a hole in %d to %d", min, max, l.first, l.last)
	}
	err := l.s.write(func(b *pebble.Batch) error {
		return b.DeleteRange(logKey(l.id, min), logKey(l.id, max+1), nil)
	})
	switch {
	case err != nil:
		return err
	case min <= l.first && max >= l.last:
		l.extent = extent{}
	case min <= l.first:
		l.first = max + 1
	default:
		l.last = min - 1
	}
	return nil
}

// Set stores a value. With a vote's candidate it also stores the vote's term, which waits for that.
func (l *groupLog) Set(name, value []byte) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	vote := string(name) == voteCandidateKey && l.voteTerm != nil
	err := l.s.write(func(b *pebble.Batch) error {
		if vote {
			if err := b.Set(stableKey(l.id, []byte(voteTermKey)), l.voteTerm, nil); err != nil {
				return err
			}
		}
		return b.Set(stableKey(l.id, name), value, nil)
	})
	if err == nil && vote {
		l.voteTerm = nil
	}
	return err
}

func (l *groupLog) Get(name []byte) ([]byte, error) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	if string(name) == voteTermKey && l.voteTerm != nil {
		return l.voteTerm, nil
	}
	done, err := l.s.use()
	if err != nil {
		return nil, err
	}
	defer done()
	v, closer, err := l.s.db.Get(stableKey(l.id, name))
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, errNotFound
	} else if err != nil {
		return nil, err
	}
	defer closer.Close()
	return append([]byte(nil), v...), nil
}

func (l *groupLog) SetUint64(name []byte, value uint64) error {
	v := binary.BigEndian.AppendUint64(nil, value)
	if string(name) == voteTermKey {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.voteTerm = v
		return nil
	}
	return l.Set(name, v)
}

func (l *groupLog) GetUint64(name []byte) (uint64, error) {
	v, err := l.Get(name)
	if err != nil {
		return 0, err
	}
	if len(v) != 8 {
		return 0, fmt.Errorf("raftgroup: value of %q has %d bytes", name, len(v))
	}
	return binary.BigEndian.Uint64(v), nil
}

// A stored entry is term(8) type(1) appended-at(8, unix ns) length of
// extensions(4) extensions data. Its index is in the key.
const logHeaderLen = 8 + 1 + 8 + 4

func encodedLogLen(log *raft.Log) int { return logHeaderLen + len(log.Extensions) + len(log.Data) }

func encodeLog(dst []byte, log *raft.Log) {
	binary.BigEndian.PutUint64(dst, log.Term)
	dst[8] = byte(log.Type)
	binary.BigEndian.PutUint64(dst[9:], uint64(unixNano(log.AppendedAt)))
	binary.BigEndian.PutUint32(dst[17:], uint32(len(log.Extensions)))
	n := logHeaderLen + copy(dst[logHeaderLen:], log.Extensions)
	copy(dst[n:], log.Data)
}

// decodeLog checks the stored entry v and, unless out is nil, decodes it into out.
func decodeLog(v []byte, index uint64, out *raft.Log) error {
	if len(v) < logHeaderLen {
		return fmt.Errorf("entry of %d bytes", len(v))
	}
	ext := binary.BigEndian.Uint32(v[17:])
	if uint64(ext) > uint64(len(v)-logHeaderLen) {
		return fmt.Errorf("extensions of %d bytes in an entry of %d", ext, len(v))
	}
	if out == nil {
		return nil
	}
	body := append([]byte(nil), v[logHeaderLen:]...)
	*out = raft.Log{
		Index:      index,
		Term:       binary.BigEndian.Uint64(v),
		Type:       raft.LogType(v[8]),
		AppendedAt: fromUnixNano(int64(binary.BigEndian.Uint64(v[9:]))),
		Data:       body[ext:],
	}
	if ext > 0 {
		out.Extensions = body[:ext:ext]
	}
	return nil
}

// unixNano maps the zero time, which has no unix time, to 0.
func unixNano(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}

func fromUnixNano(ns int64) time.Time {
	if ns == 0 {
		return time.Time{}
	}
	return time.Unix(0, ns)
}
