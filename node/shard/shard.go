package shard

import (
	"crypto/rand"
	"encoding/binary"
	"sync"
	"sync/atomic"
	"time"

	"teahouse/pkg/game"
	"teahouse/pkg/raftgroup"
)

// Shard is one replica of a shard. It is a raftgroup.Machine. Its methods are safe for concurrent
// use, except those of a Machine among themselves.
type Shard struct {
	cfg    Config
	origin uint64 // distinguishes this process's batches from those of others

	// mu guards the replicated state and what is derived from it. Locked before inbox.mu, never
	// while holding it.
	mu    sync.Mutex
	state state
	// pushing is the term whose entries push their outputs: the term of this replica's applied
	// TookOver, 0 if there is none.
	pushing uint64
	touched []game.TableID // tables that may have work for the leader; only while pushing

	inbox inbox

	tables    atomic.Int64 // copy of the number of tables, for callers that must not lock mu
	failures  atomic.Uint64
	conflicts atomic.Uint64
	voided    atomic.Uint64
}

var _ raftgroup.Machine = (*Shard)(nil)

// New makes an empty replica.
func New(cfg Config) (*Shard, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	var origin [8]byte
	if _, err := rand.Read(origin[:]); err != nil {
		return nil, err
	}
	s := &Shard{cfg: cfg, origin: binary.BigEndian.Uint64(origin[:]), state: newState()}
	s.inbox.init(cfg)
	return s, nil
}

// Status describes a replica for health pages, metrics and tests.
type Status struct {
	Leading   bool   // its TookOver is applied and it has not stepped down
	Term      uint64 // of the leadership, 0 without one
	Tables    int
	Unsettled int           // finished hands not known to be in the database
	Delayed   bool          // Unsettled is at its bound: no table is created and no hand dealt
	Applied   uint64        // index of the last entry
	Now       time.Duration // log time
	Waiting   int           // requests without an answer
	Busy      uint64        // requests refused at a bound
	Failures  uint64        // failed tries of this process to settle a hand
	Conflicts uint64        // hands for which the database holds a different result: an alarm
	Refused   uint64        // new tables refused in entries that this process applied
	Voided    uint64        // tables voided in entries that this process applied: an alarm
}

// Status returns the replica's current status.
func (s *Shard) Status() Status {
	s.mu.Lock()
	st := Status{
		Tables: len(s.state.tables), Unsettled: s.state.unsettled, Applied: s.state.applied,
		Now:     time.Duration(s.state.now) * time.Millisecond,
		Delayed: s.state.bound > 0 && s.state.unsettled >= s.state.bound, Failures: s.failures.Load(),
		Conflicts: s.conflicts.Load(), Voided: s.voided.Load(), Refused: s.state.refusals,
	}
	s.mu.Unlock()
	st.Term, st.Waiting, st.Busy = s.inbox.status()
	st.Leading = st.Term != 0
	return st
}
