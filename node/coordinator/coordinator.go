package coordinator

import (
	"context"
	"errors"
	"io"

	"teahouse/pkg/link/linkpb"
	"teahouse/pkg/raftgroup"
)

// Coordinator is one replica of the coordinator's group.
type Coordinator struct{ cfg Config }

var _ raftgroup.Machine = (*Coordinator)(nil)

// New makes a replica that knows nothing yet.
func New(cfg Config) (*Coordinator, error) {
	cfg, err := cfg.withDefaults()
	return &Coordinator{cfg: cfg}, err
}

// Run does the leader's work until ctx ends.
func (c *Coordinator) Run(ctx context.Context) error { return nil }

// OnState takes note of the group's leadership.
func (c *Coordinator) OnState(raftgroup.State) {}

// Handle executes one request; reply is called exactly once.
func (c *Coordinator) Handle(from string, req *linkpb.Request, reply func(*linkpb.Response)) {}

// View is the present member list and placement.
func (c *Coordinator) View() View { return View{} }

// Counts are the present figures.
func (c *Coordinator) Counts() Counts { return Counts{} }

// Apply is raftgroup.Machine's.
func (c *Coordinator) Apply(e raftgroup.Entry) any { return nil }

// Snapshot is raftgroup.Machine's.
func (c *Coordinator) Snapshot() (io.WriterTo, error) { return nil, errors.New("not built yet") }

// Restore is raftgroup.Machine's.
func (c *Coordinator) Restore(r io.Reader) error { return errors.New("not built yet") }
