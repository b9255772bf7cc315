package raftgroup

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"

	"github.com/hashicorp/raft"

	"teahouse/pkg/versions"
)

// An entry's level is in its extensions, as a uvarint. Entries of the first level have no extensions, and
// neither do those that raft writes itself.

// levelOf returns the level of a log entry. Extensions of another form count as a level above all others.
func levelOf(l *raft.Log) uint32 {
	if len(l.Extensions) == 0 {
		return versions.FirstLevel
	}
	v, n := binary.Uvarint(l.Extensions)
	if n <= 0 || v > uint64(unreadable) || !bytes.Equal(extensions(uint32(v)), l.Extensions) {
		return unreadable
	}
	return uint32(v)
}

const unreadable = ^uint32(0)

// extensions returns the extensions of an entry of this level.
func extensions(level uint32) []byte {
	if level <= versions.FirstLevel {
		return nil
	}
	return binary.AppendUvarint(nil, uint64(level))
}

// entryLevel returns the level for new proposals: the cluster's, as far as this host or the group's own
// log knows it.
func (g *Group) entryLevel() uint32 {
	return max(versions.FirstLevel, g.host.level.Load(), g.fsm.level.Load())
}

// appendRefusal says why the entries of an append request must not be stored here, or "".
func (g *Group) appendRefusal(entries []*raft.Log) string {
	for _, e := range entries {
		if why := g.unknownLevel(levelOf(e)); why != "" {
			return fmt.Sprintf("entry %d has %s", e.Index, why)
		}
	}
	return ""
}

// A snapshot is version(1), index(8) of the last applied entry, then what the Machine wrote. Version 2
// has the level(4) after the version.
const (
	snapshotFirst   = 1
	snapshotLeveled = 2
)

type snapshotHead struct {
	index uint64
	level uint32
}

func (h snapshotHead) append(b []byte) []byte {
	if h.level <= versions.FirstLevel {
		b = append(b, snapshotFirst)
	} else {
		b = binary.BigEndian.AppendUint32(append(b, snapshotLeveled), h.level)
	}
	return binary.BigEndian.AppendUint64(b, h.index)
}

// readSnapshotHead also returns the bytes that it has read. The error is a Halt if this binary does not
// know the head's version.
func readSnapshotHead(r io.Reader) (h snapshotHead, raw []byte, err error) {
	raw = make([]byte, 1, 1+4+8)
	if _, err := io.ReadFull(r, raw); err != nil {
		return h, raw, err
	}
	h.level = versions.FirstLevel
	rest := 8
	switch raw[0] {
	case snapshotFirst:
	case snapshotLeveled:
		rest = 4 + 8
	default:
		return h, raw, Halt{fmt.Sprintf("a snapshot of version %d, this binary knows %d and %d", raw[0], snapshotFirst, snapshotLeveled)}
	}
	raw = raw[:1+rest]
	if _, err := io.ReadFull(r, raw[1:]); err != nil {
		return h, raw, err
	}
	if raw[0] == snapshotLeveled {
		h.level = binary.BigEndian.Uint32(raw[1:])
	}
	h.index = binary.BigEndian.Uint64(raw[len(raw)-8:])
	return h, raw, nil
}
