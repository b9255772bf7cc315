package raftgroup

import (
	"context"
	"errors"
	"sync/atomic"

	"github.com/hashicorp/raft"
)

// maxInFlight bounds the proposals of a group that have no outcome yet. It does not exceed the capacity of
// raft's own queue, so proposing never blocks.
const maxInFlight = maxAppend

// Future is the outcome of a proposal.
type Future struct {
	done     chan struct{}
	resolved atomic.Bool // the goroutine that sets it fills in the result and closes done
	raft     raft.ApplyFuture

	result      any
	index, term uint64
	err         error
}

// Done is closed when the outcome is known.
func (f *Future) Done() <-chan struct{} { return f.done }

// Result waits for Done and returns the result of Machine.Apply and the entry's index and term. The error
// is nil, ErrNotLeader, ErrBusy, ErrTooLarge or ErrStopped (the entry is in no log), or ErrUnknown
// (also if this replica has halted).
func (f *Future) Result() (result any, index, term uint64, err error) {
	<-f.done
	return f.result, f.index, f.term, f.err
}

// Wait waits for the outcome. If ctx ends first, the error wraps ErrUnknown.
func (f *Future) Wait(ctx context.Context) (result any, err error) {
	select {
	case <-f.done:
		return f.result, f.err
	case <-ctx.Done():
		return nil, errors.Join(ErrUnknown, ctx.Err())
	}
}

func (f *Future) resolve(result any, index, term uint64, err error) {
	if f.resolved.CompareAndSwap(false, true) {
		f.result, f.index, f.term, f.err = result, index, term, err
		close(f.done)
	}
}

func failed(err error) *Future {
	f := &Future{done: make(chan struct{})}
	f.resolve(nil, 0, 0, err)
	return f
}

// Propose appends an entry to the log of a group that this replica leads. It never blocks. data must not
// be modified afterwards. At most 64 proposals may be without an outcome; more get ErrBusy.
func (g *Group) Propose(data []byte) *Future {
	if len(data) > MaxEntry {
		return failed(ErrTooLarge)
	}
	g.proposing.RLock()
	defer g.proposing.RUnlock()
	if g.stopping {
		return failed(ErrStopped)
	}
	if g.halting.halted() || g.raft.State() != raft.Leader {
		return failed(ErrNotLeader)
	}
	if g.inFlight.Add(1) > maxInFlight {
		g.inFlight.Add(-1)
		return failed(ErrBusy)
	}
	f := &Future{done: make(chan struct{}), raft: g.raft.ApplyLog(raft.Log{Data: data, Extensions: extensions(g.entryLevel())}, 0)}
	g.futures <- f // has room for maxInFlight
	return f
}

// resolveLoop resolves futures until Stop closes the channel.
func (g *Group) resolveLoop() {
	defer close(g.resolved)
	for f := range g.futures {
		g.resolving.Store(f)
		err := f.raft.Error()
		g.inFlight.Add(-1)
		switch {
		case err == nil:
			o := f.raft.Response().(outcome) // fsm.Apply returns one for every command
			if o.halted {
				f.resolve(nil, 0, 0, ErrUnknown)
				continue
			}
			f.resolve(o.result, f.raft.Index(), o.term, nil)
		case errors.Is(err, raft.ErrNotLeader):
			f.resolve(nil, 0, 0, ErrNotLeader)
		case errors.Is(err, raft.ErrLeadershipTransferInProgress):
			f.resolve(nil, 0, 0, ErrBusy)
		default:
			// Including raft.ErrRaftShutdown, which raft also returns for committed entries.
			f.resolve(nil, 0, 0, ErrUnknown)
		}
	}
}

// abandonFutures resolves the futures that raft has left without an answer, because it was shut down with
// a stalled log store. Raft will never answer them, so in that case resolveLoop stays blocked
// forever.
func (g *Group) abandonFutures() {
	select {
	case <-g.resolved:
		return
	default:
	}
	if f := g.resolving.Load(); f != nil {
		f.resolve(nil, 0, 0, ErrUnknown)
	}
	for f := range g.futures {
		f.resolve(nil, 0, 0, ErrUnknown)
	}
}
