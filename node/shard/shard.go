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

// Shard is one replica of a shard. It is a raftgroup.Machine. Its methods are
// safe for concurrent use, but those of a Machine with each other.
type Shard struct {
	cfg    Config
	origin uint64 // tells this process's batches from those of others

	// mu guards the replicated state and what is derived from it. It is taken
	// before inbox.mu, never behind it.
	mu    sync.Mutex
	state state
	// pushing is the term whose entries push their outputs: that of this
	// replica's applied take-over, 0 if there is none.
	pushing uint64
	touched []game.TableID // tables that may need the leader; only while pushing

	inbox inbox

	tables    atomic.Int64 // copy of the number of tables, for who must not take mu
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
	Leading   bool   // its take-over is applied and it has not stepped down
	Term      uint64 // of the leadership, 0 without one
	Tables    int
	Unsettled int           // finished hands not known to be in the database
	Delayed   bool          // so many that no table is taken and no hand dealt
	Applied   uint64        // index of the last entry
	Now       time.Duration // log time
	Waiting   int           // requests without an answer
	Busy      uint64        // requests refused at a bound
	Failures  uint64        // tries of this process to settle a hand that did not succeed
	Conflicts uint64        // hands that the database holds with another result: an alarm
	Refused   uint64        // new tables refused while this process applied
	Voided    uint64        // tables voided while this process applied: an alarm
}

// Status describes the replica now.
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
