package raftgroup

import (
	"context"
	"errors"
)

const maxName = 255

var errStub = errors.New("raftgroup: not built yet")

// Disk is an opened data folder: its identity and its log stores.
type Disk struct{}

// OpenDisk opens or creates a data folder.
func OpenDisk(dir string, cfg DiskConfig) (*Disk, error) { return nil, errStub }

// ID is the random id of this disk. It changes when the disk counts as lost.
func (d *Disk) ID() string { return "" }

// Fresh reports whether the id was made by this OpenDisk, and why ("" = the folder was empty).
func (d *Disk) Fresh() (fresh bool, reason string) { return false, "" }

// Close closes a disk that was not given to a Host.
func (d *Disk) Close() error { return errStub }

// Host runs the groups of one server.
type Host struct{}

// Open starts to listen.
func Open(cfg Config) (*Host, error) { return nil, errStub }

// Start runs one group.
func (h *Host) Start(cfg GroupConfig) (*Group, error) { return nil, errStub }

// Group returns a running group.
func (h *Host) Group(id GroupID) (*Group, bool) { return nil, false }

// PeerLost is a hint that a server died. The host tries the peer at once and
// looks for new leaders only if the peer refuses.
func (h *Host) PeerLost(id ServerID) {}

// Close stops all groups, then closes the listener, the connections and the disk.
func (h *Host) Close() error { return errStub }

// Group is one replica of a Raft group.
type Group struct{}

// ID returns the group's id.
func (g *Group) ID() GroupID { return 0 }

// Propose hands an entry to the log. It never blocks.
func (g *Group) Propose(data []byte) *Future { return nil }

// State returns the present leadership.
func (g *Group) State() State { return State{} }

// Leader returns the leader, if one is known, and the term.
func (g *Group) Leader() (id ServerID, term uint64, ok bool) { return "", 0, false }

// Status returns figures for health pages and tests.
func (g *Group) Status() Status { return Status{} }

// Transfer moves the leadership to a voter and returns nil only when that voter leads.
func (g *Group) Transfer(ctx context.Context, to ServerID) error { return errStub }

// SetMember adds a server, or changes whether it votes. Leader only.
func (g *Group) SetMember(ctx context.Context, m Member) error { return errStub }

// RemoveMember removes a server. Leader only. The removed replica must be stopped by its host.
func (g *Group) RemoveMember(ctx context.Context, id ServerID) error { return errStub }

// Snapshot takes a snapshot now.
func (g *Group) Snapshot(ctx context.Context) error { return errStub }

// Stop ends the replica on this server; its state stays on disk.
func (g *Group) Stop() error { return errStub }

// Status describes a replica.
type Status struct {
	State
	ID        GroupID
	Commit    uint64              // index up to which entries are known to be committed
	Applied   uint64              // index of the last entry that Machine.Apply or Restore has seen
	LastIndex uint64              // index of the last entry in the log
	Members   []Member            // newest known, possibly not committed
	Matched   map[ServerID]uint64 // leader only: how far each member's log is known to agree
	InFlight  int                 // proposals without a result
}

// Future is the outcome of a proposal.
type Future struct{}

// Done is closed when the outcome is known.
func (f *Future) Done() <-chan struct{} { return nil }

// Result returns what Apply returned, and the entry's index and term. It may be called after Done is closed.
func (f *Future) Result() (result any, index, term uint64, err error) { return nil, 0, 0, errStub }

// Wait waits for the outcome. An error of ctx means that the outcome is unknown.
func (f *Future) Wait(ctx context.Context) (result any, err error) { return nil, errStub }
