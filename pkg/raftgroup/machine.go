package raftgroup

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync/atomic"

	"github.com/hashicorp/raft"
)

// A snapshot is version(1) index(8) of the last applied entry, then what the Machine wrote.
const (
	snapshotVersion = 1
	snapshotHeadLen = 1 + 8
)

// fsm connects a Machine to raft. Raft calls it from one goroutine.
type fsm struct {
	machine Machine
	applied atomic.Uint64
}

var _ raft.BatchingFSM = (*fsm)(nil)

// outcome is what raft carries from Apply to the proposer.
type outcome struct {
	result any
	term   uint64
}

func (f *fsm) Apply(l *raft.Log) any {
	if l.Type != raft.LogCommand {
		return nil
	}
	result := f.machine.Apply(Entry{Index: l.Index, Term: l.Term, Data: l.Data})
	f.applied.Store(l.Index)
	return outcome{result, l.Term}
}

func (f *fsm) ApplyBatch(logs []*raft.Log) []any {
	out := make([]any, len(logs))
	for i, l := range logs {
		out[i] = f.Apply(l)
	}
	return out
}

func (f *fsm) Snapshot() (raft.FSMSnapshot, error) {
	w, err := f.machine.Snapshot()
	if err != nil {
		return nil, err
	}
	return fsmSnapshot{w, f.applied.Load()}, nil
}

func (f *fsm) Restore(r io.ReadCloser) error {
	defer r.Close()
	var head [snapshotHeadLen]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return err
	}
	if head[0] != snapshotVersion {
		return fmt.Errorf("raftgroup: snapshot of version %d", head[0])
	}
	if err := f.machine.Restore(r); err != nil {
		return err
	}
	f.applied.Store(binary.BigEndian.Uint64(head[1:]))
	return nil
}

type fsmSnapshot struct {
	w     io.WriterTo
	index uint64
}

func (s fsmSnapshot) Persist(sink raft.SnapshotSink) error {
	head := binary.BigEndian.AppendUint64([]byte{snapshotVersion}, s.index)
	_, err := sink.Write(head)
	if err == nil {
		_, err = s.w.WriteTo(sink)
	}
	if err != nil {
		return errors.Join(err, sink.Cancel())
	}
	return sink.Close()
}

func (s fsmSnapshot) Release() {}
