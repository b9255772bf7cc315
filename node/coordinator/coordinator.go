package coordinator

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/protobuf/proto"

	"teahouse/node/coordinator/coordpb"
	"teahouse/pkg/link/linkpb"
	"teahouse/pkg/raftgroup"
	"teahouse/pkg/token"
	"teahouse/pkg/versions"
	"teahouse/pkg/wire/wirepb"
)

// Coordinator is one replica of the coordinator's group. Its methods may be called from any goroutine,
// except that no two of Apply, Snapshot and Restore may run at the same time (see raftgroup.Machine).
type Coordinator struct {
	cfg  Config
	in   *inbox
	view atomic.Pointer[View]

	// What follows is soft: nothing in the log depends on it.
	waits waits
	seen  overviews
	lists atomic.Uint64 // queue.list answered
	told  atomic.Uint64 // progress pushed

	mu      sync.Mutex
	state   *state    // guarded by mu; only Apply and Restore change it
	applied time.Time // when the last entry was, by this process's clock; guarded by mu
}

var (
	_ raftgroup.Machine = (*Coordinator)(nil)
	_ Future            = (*raftgroup.Future)(nil)
	_ Signer            = (*token.Signer)(nil)
)

// New makes an empty replica. An error says what is wrong with the Config.
func New(cfg Config) (*Coordinator, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	c := &Coordinator{cfg: cfg, state: newState(), in: newInbox(cfg.MaxWaiting)}
	c.view.Store(&View{Members: &linkpb.Members{}})
	return c, nil
}

// Run does the leader's work whenever this replica leads. When ctx ends, it answers the remaining
// requests with OUTCOME_UNKNOWN and returns nil. Call it once, and not beside Steps.
func (c *Coordinator) Run(ctx context.Context) error {
	outcomes := make(chan outcome, 16)
	l := newLoop(c, func(o outcome) { outcomes <- o })
	var wg sync.WaitGroup
	wg.Go(func() {
		for o := range outcomes {
			c.answer(o)
		}
	})
	l.run(ctx)
	close(outcomes)
	wg.Wait()
	return nil
}

// Steps does the leader's work instead of Run, turn by turn on the caller's goroutine: for simulations
// of a cluster that control when anything happens. Config.Now says what time it is.
type Steps struct{ loop *loop }

// Steps may be called once, and not beside Run.
func (c *Coordinator) Steps() *Steps { return &Steps{newLoop(c, c.answer)} }

// Step does what is due and returns after how long to call it again at the latest. Call it also after
// every call of another method of the Coordinator, and once a proposal or a creation has an outcome.
func (s *Steps) Step(ctx context.Context) time.Duration {
	wait, _ := s.loop.turn(ctx)
	return wait
}

// OnState records the group's Raft state: whether this replica leads, and in which term.
func (c *Coordinator) OnState(s raftgroup.State) { c.in.setRaft(s) }

// View returns the current member list and placement.
func (c *Coordinator) View() View { return *c.view.Load() }

// Counts returns the current figures.
func (c *Coordinator) Counts() Counts {
	c.mu.Lock()
	counts := c.state.counts()
	c.mu.Unlock()
	counts.Busy = c.in.refused.Load()
	counts.Lists, counts.Overviews, counts.Progress = c.lists.Load(), c.seen.made.Load(), c.told.Load()
	return counts
}

// Apply implements raftgroup.Machine.
func (c *Coordinator) Apply(e raftgroup.Entry) any {
	batch := &coordpb.Batch{}
	if err := proto.Unmarshal(e.Data, batch); err != nil {
		return raftgroup.Halt{Reason: "an entry that is not a batch"}
	}
	if what := unknown(batch); what != "" {
		return raftgroup.Halt{Reason: what}
	}
	c.mu.Lock()
	done := c.state.apply(batch)
	now := c.state.now
	c.applied = c.cfg.Now()
	var view View
	if done.viewed {
		view = c.state.view()
	}
	c.mu.Unlock()
	c.waits.note(done.waits, now)
	if done.viewed {
		c.setView(view)
	}
	if len(done.notices)+len(done.superseded) > 0 && c.in.leads() {
		for _, n := range done.notices {
			c.push(n)
		}
		for _, o := range done.superseded {
			c.cfg.Push(o.gateway, &linkpb.Push{Session: o.session, Epoch: o.epoch, SupersededBy: o.newer})
		}
	}
	return done
}

// unknown says what in an entry this binary does not know, or "".
func unknown(b *coordpb.Batch) string {
	for i, c := range b.GetCommands() {
		if c.GetBody() == nil {
			return fmt.Sprintf("command %d without a known body", i)
		}
	}
	return versions.Unknown(b)
}

// push tells a player that its ticket has a table.
func (c *Coordinator) push(n notice) {
	payload, err := proto.Marshal(&wirepb.Notice{Body: &wirepb.Notice_Matched{
		Matched: &wirepb.Matched{Ticket: n.ticket, Table: uint64(n.table)},
	}})
	if err != nil {
		c.cfg.Logger.Error("notice cannot be encoded", "error", err)
		return
	}
	c.cfg.Push(n.gateway, &linkpb.Push{
		Session: n.session, Epoch: n.epoch, Kind: wirepb.Push_NOTICE, Table: uint64(n.table), Payload: payload,
	})
}

func (c *Coordinator) setView(v View) {
	c.view.Store(&v)
	c.cfg.OnView(v)
}

// Snapshot implements raftgroup.Machine.
func (c *Coordinator) Snapshot() (io.WriterTo, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.state.snapshot(), nil
}

// Restore implements raftgroup.Machine.
func (c *Coordinator) Restore(r io.Reader) error {
	data, err := io.ReadAll(r)
	if err != nil {
		return fmt.Errorf("coordinator: snapshot: %w", err)
	}
	s, err := restore(data)
	if err != nil {
		return err
	}
	c.mu.Lock()
	c.state = s
	view := s.view()
	c.mu.Unlock()
	c.setView(view)
	return nil
}

// outcomeOf returns the code for the requests of an entry that failed with err: NOT_LEADER if the entry
// is certainly in no log.
func outcomeOf(err error) wirepb.Code {
	if errors.Is(err, raftgroup.ErrNotLeader) || errors.Is(err, raftgroup.ErrStopped) || errors.Is(err, raftgroup.ErrBusy) {
		return wirepb.Code_NOT_LEADER
	}
	return wirepb.Code_OUTCOME_UNKNOWN
}
