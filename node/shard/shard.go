package shard

import (
	"context"
	"io"

	"teahouse/pkg/link/linkpb"
	"teahouse/pkg/raftgroup"
)

// Shard is one replica of a shard. It is a raftgroup.Machine.
type Shard struct {
	cfg Config
}

var _ raftgroup.Machine = (*Shard)(nil)

// New makes an empty replica.
func New(cfg Config) (*Shard, error) {
	cfg, err := cfg.withDefaults()
	return &Shard{cfg: cfg}, err
}

// Apply implements raftgroup.Machine.
func (s *Shard) Apply(e raftgroup.Entry) any { return nil }

// Snapshot implements raftgroup.Machine.
func (s *Shard) Snapshot() (io.WriterTo, error) { return nil, nil }

// Restore implements raftgroup.Machine.
func (s *Shard) Restore(r io.Reader) error { return nil }

// Run does the leader's work whenever this replica leads, until ctx ends.
func (s *Shard) Run(ctx context.Context, log Log) error { return nil }

// OnState tells that this replica now leads in term, or does not.
func (s *Shard) OnState(leading bool, term uint64) {}

// Handle takes a request and does not block; reply is called exactly once,
// from any goroutine.
func (s *Shard) Handle(from string, req *linkpb.Request, reply func(*linkpb.Response)) {}

// SessionClosed tells that a session's client is gone; it may come back.
func (s *Shard) SessionClosed(c *linkpb.SessionClosed) {}

// GatewayDown tells that the link to a gateway is lost.
func (s *Shard) GatewayDown(gateway string) {}

// Status describes a replica for health pages, metrics and tests.
type Status struct {
	Leading   bool   // its take-over is applied and it has not stepped down
	Term      uint64 // of the leadership
	Tables    int
	Unsettled int // finished hands not known to be in the database
	Ended     int // tables whose bindings are being freed
	Applied   uint64
	NowMS     uint64 // log time
	Waiting   int    // requests without an answer
}

// Status describes the replica now.
func (s *Shard) Status() Status { return Status{} }
