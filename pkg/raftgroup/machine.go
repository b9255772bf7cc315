package raftgroup

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"sync/atomic"

	"github.com/hashicorp/raft"
)

// fsm connects a Machine to raft. Raft calls it from one goroutine.
type fsm struct {
	g       *Group
	machine Machine
	applied atomic.Uint64
	level   atomic.Uint32 // the highest level among applied entries
}

var _ raft.BatchingFSM = (*fsm)(nil)

// outcome is what raft carries from Apply to the proposer.
type outcome struct {
	result any
	term   uint64
	halted bool // the entry is committed, but not applied here
}

func (f *fsm) Apply(l *raft.Log) any {
	if l.Type != raft.LogCommand {
		return nil
	}
	if f.g.halting.halted() {
		return outcome{halted: true}
	}
	level := levelOf(l)
	if why := f.g.unknownLevel(level); why != "" {
		f.g.halt(fmt.Sprintf("entry %d has %s", l.Index, why))
		return outcome{halted: true}
	}
	result := f.machine.Apply(Entry{Index: l.Index, Term: l.Term, Level: level, Data: l.Data})
	if h, is := result.(Halt); is {
		f.g.halt(fmt.Sprintf("entry %d: %s", l.Index, h.Reason))
		return outcome{halted: true}
	}
	f.level.Store(max(level, f.level.Load()))
	f.applied.Store(l.Index)
	return outcome{result: result, term: l.Term}
}

func (f *fsm) ApplyBatch(logs []*raft.Log) []any {
	out := make([]any, len(logs))
	for i, l := range logs {
		out[i] = f.Apply(l)
	}
	return out
}

// Snapshot fails once the replica is halted: raft counts all entries that it has passed to fsm as applied,
// so the snapshot would claim to contain entries that it does not.
func (f *fsm) Snapshot() (raft.FSMSnapshot, error) {
	if f.g.halting.halted() {
		return nil, errHalted
	}
	w, err := f.machine.Snapshot()
	if err != nil {
		return nil, err
	}
	return fsmSnapshot{w, snapshotHead{f.applied.Load(), f.level.Load()}}, nil
}

func (f *fsm) Restore(r io.ReadCloser) error {
	defer r.Close()
	err := f.restore(r)
	var h Halt
	if errors.As(err, &h) {
		f.g.halt("snapshot: " + h.Reason)
		select {
		case <-f.g.started:
		default:
			// After an error raft would restore an older snapshot, although the log does not reach
			// back to it. So let raft start as if this one were restored; it is shut down at once.
			return nil
		}
	}
	return err
}

func (f *fsm) restore(r io.Reader) error {
	head, _, err := readSnapshotHead(r)
	if err != nil {
		return err
	}
	if why := f.g.unknownLevel(head.level); why != "" {
		return Halt{why}
	}
	if err := f.machine.Restore(r); err != nil {
		return err
	}
	f.applied.Store(head.index)
	f.level.Store(head.level)
	return nil
}

// snapshotRefusal reads the head of a snapshot that arrives. refusal says why it must not be stored here;
// if it is "", whole yields the whole snapshot, including the head.
func (g *Group) snapshotRefusal(r io.Reader) (whole io.Reader, refusal string, err error) {
	head, raw, err := readSnapshotHead(r)
	var h Halt
	switch {
	case errors.As(err, &h):
		return nil, h.Reason, nil
	case err != nil:
		return nil, "", err
	}
	if why := g.unknownLevel(head.level); why != "" {
		return nil, "the snapshot has " + why, nil
	}
	return io.MultiReader(bytes.NewReader(raw), r), "", nil
}

type fsmSnapshot struct {
	w    io.WriterTo
	head snapshotHead
}

func (s fsmSnapshot) Persist(sink raft.SnapshotSink) error {
	_, err := sink.Write(s.head.append(nil))
	if err == nil {
		_, err = s.w.WriteTo(sink)
	}
	if err != nil {
		return errors.Join(err, sink.Cancel())
	}
	return sink.Close()
}

func (s fsmSnapshot) Release() {}
