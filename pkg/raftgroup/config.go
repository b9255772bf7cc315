package raftgroup

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"sync"
	"time"

	"teahouse/pkg/versions"
)

// GroupID numbers a Raft group within the cluster. Group 0 is the
// coordinator's; shards count from 1.
type GroupID uint32

// Coordinator is the id of the coordinator's group. Its log is always synced to disk, whatever the
// disk's policy is.
const Coordinator GroupID = 0

// ServerID identifies a server and is never reused: it consists of the node's name and the random id of
// its disk. It is also the Raft address; Config.Resolve returns the network address.
type ServerID string

// MaxEntry is the largest Data of one entry, in bytes.
const MaxEntry = 4 << 20

// Entry is one committed entry of a group's log.
type Entry struct {
	Index, Term uint64
	Level       uint32 // the cluster's level when it was proposed, as far as the leader knew
	Data        []byte // must not be modified, or kept without a copy
}

// Machine is a replicated state machine. The three methods are never called
// concurrently with each other.
type Machine interface {
	// Apply is called for every committed entry, on every replica, in order of the log. Its result
	// goes to the Future on the leader that proposed the entry. A Halt stops the replica; then no
	// part of the entry may have taken effect.
	Apply(Entry) any

	// Snapshot returns a point-in-time copy that is written out later, concurrently with Apply. It
	// should return quickly, because Apply waits for it.
	Snapshot() (io.WriterTo, error)

	// Restore replaces the whole state by what the snapshot's WriteTo wrote. An error that wraps a
	// Halt stops the replica.
	Restore(io.Reader) error
}

// Member is one server of a group.
type Member struct {
	ID    ServerID
	Voter bool
}

// State is what this replica knows about the leadership of its group.
type State struct {
	Leading bool
	Term    uint64
	Leader  ServerID // "" while unknown
}

// Config describes a Host. Self, Disk, Listener, ClusterID, Secret and Resolve
// have no default.
type Config struct {
	Self      ServerID
	Disk      *Disk        // owned by the Host after Open, which closes it
	Listener  net.Listener // owned by the Host after Open, which closes it
	ClusterID string       // peers with another id are refused
	Secret    []byte       // at least 16 bytes; the same on all servers of the cluster

	// Resolve returns the network address of a server. It is called for every dial, because a
	// restarted server may listen elsewhere. It must not block.
	Resolve func(ServerID) (addr string, ok bool)

	// Levels are the cluster levels that this binary knows; default versions.Levels. Entries and
	// snapshots with another level are not stored; a replica that finds one in its log halts.
	Levels versions.Range

	// Versions are the versions of the protocol between hosts that this binary speaks, at most 255;
	// default versions.Raft.
	Versions versions.Range

	Timings Timings // zero fields take the values of DefaultTimings

	// SnapshotEntries is the number of entries after which a group takes a snapshot (default 4096).
	// TrailingEntries is how many entries before a snapshot stay in the log, so that a replica that
	// was away for a short time needs no snapshot (default 2048).
	SnapshotEntries, TrailingEntries uint64

	Logger *slog.Logger // default: discard
}

// Timings are the timeouts and periods of all groups of a host.
type Timings struct {
	Heartbeat time.Duration // a follower campaigns after this time without its leader; heartbeats are sent ten times as often
	Election  time.Duration // a candidate retries after this time, or up to twice as much
	Lease     time.Duration // a leader steps down after this time without a majority
	Commit    time.Duration // a silent leader sends its commit index after this time; the main cost of an idle group
	Snapshot  time.Duration // how often the snapshot threshold is checked
	Stall     time.Duration // if a log write takes longer, the host gives its leaderships away
	Survey    time.Duration // how long survivors wait for each other's log positions
	Stagger   time.Duration // how long a survivor waits for a better candidate to win
}

// DefaultTimings are for one data centre; a build with the race detector gets SlowTimings.
func DefaultTimings() Timings {
	if raceEnabled {
		return SlowTimings()
	}
	return Timings{
		Heartbeat: 500 * time.Millisecond,
		Election:  500 * time.Millisecond,
		Lease:     250 * time.Millisecond,
		Commit:    250 * time.Millisecond,
		Snapshot:  10 * time.Second,
		Stall:     250 * time.Millisecond,
		Survey:    25 * time.Millisecond,
		Stagger:   150 * time.Millisecond,
	}
}

// SlowTimings are for the race detector and for overloaded machines.
func SlowTimings() Timings {
	return Timings{
		Heartbeat: 1500 * time.Millisecond,
		Election:  1500 * time.Millisecond,
		Lease:     time.Second,
		Commit:    100 * time.Millisecond,
		Snapshot:  10 * time.Second,
		Stall:     time.Second,
		Survey:    150 * time.Millisecond,
		Stagger:   600 * time.Millisecond,
	}
}

// answer is how long a member counts as answering after its last answer. In an idle group Raft sends the
// next request only after up to twice the commit timeout.
func (t Timings) answer() time.Duration { return 2*t.Commit + t.Lease }

func (c Config) withDefaults() (Config, error) {
	switch {
	case c.Self == "":
		return c, errors.New("raftgroup: Config.Self is empty")
	case len(c.Self) > maxName || len(c.ClusterID) > maxName:
		return c, fmt.Errorf("raftgroup: Self and ClusterID are limited to %d bytes", maxName)
	case c.Disk == nil:
		return c, errors.New("raftgroup: Config.Disk is nil")
	case c.Listener == nil:
		return c, errors.New("raftgroup: Config.Listener is nil")
	case c.ClusterID == "":
		return c, errors.New("raftgroup: Config.ClusterID is empty")
	case len(c.Secret) < 16:
		return c, errors.New("raftgroup: Config.Secret is shorter than 16 bytes")
	case c.Resolve == nil:
		return c, errors.New("raftgroup: Config.Resolve is nil")
	}
	if c.Levels = c.Levels.Or(versions.Levels()); !c.Levels.Valid() {
		return c, fmt.Errorf("raftgroup: Config.Levels is %v", c.Levels)
	}
	if c.Versions = c.Versions.Or(versions.Raft()); !c.Versions.Valid() || c.Versions.Max > 255 {
		return c, fmt.Errorf("raftgroup: Config.Versions is %v", c.Versions)
	}
	c.Timings = c.Timings.withDefaults()
	if c.SnapshotEntries == 0 {
		c.SnapshotEntries = 4096
	}
	if c.TrailingEntries == 0 {
		c.TrailingEntries = 2048
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c, nil
}

func (t Timings) withDefaults() Timings {
	d := DefaultTimings()
	for _, f := range []struct {
		field *time.Duration
		value time.Duration
	}{
		{&t.Heartbeat, d.Heartbeat}, {&t.Election, d.Election}, {&t.Lease, d.Lease}, {&t.Commit, d.Commit},
		{&t.Snapshot, d.Snapshot}, {&t.Stall, d.Stall}, {&t.Survey, d.Survey}, {&t.Stagger, d.Stagger},
	} {
		if *f.field == 0 {
			*f.field = f.value
		}
	}
	return t
}

// GroupConfig describes one group of a host.
type GroupConfig struct {
	ID      GroupID
	Machine Machine

	// Bootstrap lists the first members, all of which start the group with the same list. It is
	// ignored if the disk already has state of the group, and by a server that is not in it, which
	// waits to be added.
	Bootstrap []Member

	// OnState is called after every change of State, one call at a time, never after Stop has
	// returned. Changes in quick succession may be merged into the last one; if Term has increased
	// while Leading stayed true, the leadership was lost and won again. It must not call Stop or
	// Close.
	OnState func(State)
}

// StatusDisk is the exit status of a process whose log store failed.
const StatusDisk = 3

// DiskConfig describes how a data folder is opened.
type DiskConfig struct {
	// Sync makes every log write durable before it is acknowledged. Without it each write still
	// reaches the kernel and survives a killed process, but after an unclean boot the disk counts as
	// lost. The coordinator's log is always synced.
	Sync bool

	// Fatal is called, at least once, when the log store fails to write. The process must end,
	// because the contents of the store are no longer known. It should not return. Default: log the
	// error once and call Exit with StatusDisk.
	Fatal func(error)

	// Exit ends the process, after writing the log lines that are still queued. Default: print why
	// on standard error, then os.Exit.
	Exit func(status int, why error)

	Logger *slog.Logger // default: discard
}

func (c DiskConfig) withDefaults() DiskConfig {
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Exit == nil {
		c.Exit = func(status int, why error) {
			fmt.Fprintln(os.Stderr, why)
			os.Exit(status)
		}
	}
	if c.Fatal == nil {
		logger, exit := c.Logger, c.Exit
		var once sync.Once // other callers wait here until the process ends
		c.Fatal = func(err error) {
			once.Do(func() {
				logger.Error("log store failed, ending the process", "error", err)
				exit(StatusDisk, fmt.Errorf("log store failed, ending the process: %w", err))
			})
		}
	}
	return c
}
