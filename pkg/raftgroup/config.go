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

// Coordinator is the id of the coordinator's group. Its log is synced to disk
// whatever the disk's policy is.
const Coordinator GroupID = 0

// ServerID names a server for all time: the node's name and the random id of
// its disk. It is also the Raft address; Config.Resolve turns it into a network address.
type ServerID string

// MaxEntry is the largest Data of one entry, in bytes.
const MaxEntry = 4 << 20

// Entry is one committed entry of a group's log.
type Entry struct {
	Index, Term uint64
	Level       uint32 // of the cluster when it was proposed, as far as the leader knew
	Data        []byte // must not be changed or kept without a copy
}

// Machine is a replicated state machine. The three methods are never called
// concurrently with each other.
type Machine interface {
	// Apply is called for every committed entry, on every replica, in order of
	// the log. What it returns reaches the proposer's Future on the leader that proposed.
	// A Halt stops the replica; nothing of the entry may have had an effect then.
	Apply(Entry) any

	// Snapshot returns a point-in-time copy that is written out later,
	// concurrently with Apply. It should return quickly: Apply waits for it.
	Snapshot() (io.WriterTo, error)

	// Restore replaces the whole state by what WriteTo wrote. An error that wraps a
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
	ClusterID string       // a peer with another one is refused
	Secret    []byte       // at least 16 bytes; the same on all servers of the cluster

	// Resolve returns the network address of a server. It is asked for every
	// dial, because a restarted server may listen elsewhere. It must not block.
	Resolve func(ServerID) (addr string, ok bool)

	// Levels are those of the cluster that this binary can run at; default
	// versions.Levels. What has another one is not stored, and halts who meets it.
	Levels versions.Range

	// Versions are those of the protocol between hosts that this binary speaks, at most
	// 255; default versions.Raft.
	Versions versions.Range

	Timings Timings // zero fields take the values of DefaultTimings

	// SnapshotEntries is the number of entries after which a group takes a
	// snapshot (default 4096), TrailingEntries how many it keeps behind a
	// snapshot so that a replica that was away for a moment needs no
	// snapshot (default 2048).
	SnapshotEntries, TrailingEntries uint64

	Logger *slog.Logger // default: discard
}

// Timings are the clocks of all groups of a host.
type Timings struct {
	Heartbeat time.Duration // a follower campaigns after this time without its leader; heartbeats are sent ten times as often
	Election  time.Duration // a candidate tries again after this time (and up to twice of it)
	Lease     time.Duration // a leader steps down after this time without a majority
	Commit    time.Duration // followers learn the commit index after this time of silence; an idle group's main cost
	Snapshot  time.Duration // how often the snapshot threshold is looked at
	Stall     time.Duration // a log write that takes longer makes the host give its leaderships away
	Survey    time.Duration // how long survivors wait for each other's log positions
	Stagger   time.Duration // how long a survivor leaves the better placed one alone
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

// answer is for how long what a member answered says that it answers now. Raft
// asks an idle one anew after up to twice the commit timeout.
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

	// Bootstrap lists the first members. All of them start the group with
	// the same list. It is ignored where this disk holds state of the group
	// already, and by a server that is not in it: that one waits to be added.
	Bootstrap []Member

	// OnState is called after every change of State, one call at a time, never
	// after Stop returned. Changes in quick succession may be merged into
	// the last one; a Term that rose while Leading stayed true means that the
	// leadership was lost and won again. It must not call Stop or Close.
	OnState func(State)
}

// StatusDisk is the exit status of a process whose log store failed.
const StatusDisk = 3

// DiskConfig describes how a data folder is opened.
type DiskConfig struct {
	// Sync makes every log write durable before it counts. Without it each
	// write still reaches the kernel, so it survives a killed process; after an
	// unclean boot the disk counts as lost. The coordinator's log always syncs.
	Sync bool

	// Fatal is called, at least once, when the log store fails to write. The
	// process must end: what the store holds is no longer known. It should not
	// return. Default: log it once and call Exit with StatusDisk.
	Fatal func(error)

	// Exit ends the process. Where lines of the log may still wait to be written,
	// it has to write them first. Default: why on standard error, then os.Exit.
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
		var once sync.Once // who fails at the same time waits here for the end
		c.Fatal = func(err error) {
			once.Do(func() {
				logger.Error("log store failed, ending the process", "error", err)
				exit(StatusDisk, fmt.Errorf("log store failed, ending the process: %w", err))
			})
		}
	}
	return c
}
