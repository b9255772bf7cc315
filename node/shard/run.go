package shard

import (
	"context"
	"sync"
	"time"

	"teahouse/node/table"
	"teahouse/pkg/game"
)

// Run does the leader's work whenever this replica leads, until ctx ends. It
// may be called once, and not beside Steps.
func (s *Shard) Run(ctx context.Context, log Log) error {
	var work sync.WaitGroup
	defer work.Wait()
	defer func() { notLeader(s.inbox.close()) }()
	r := &runner{s: s, log: log, work: &work}
	// The leadership ends without waiting for the batch under way: whatever raft
	// says of it, somebody must answer.
	r.orphan = func(f *flight) {
		work.Go(func() {
			<-f.future.Done()
			s.giveUp(f)
		})
	}
	defer r.end()
	clock := time.NewTimer(tickEvery)
	defer clock.Stop()
	for ctx.Err() == nil {
		wait, landed := r.turn(ctx)
		clock.Reset(wait)
		select {
		case <-ctx.Done():
		case <-s.inbox.wake:
		case <-landed:
		case <-clock.C:
		}
	}
	return ctx.Err()
}

// runner leads whenever its replica does, one turn after another. It starts
// nothing and waits for nothing.
type runner struct {
	s      *Shard
	log    Log
	work   *sync.WaitGroup
	orphan func(*flight) // gets the flight of a leadership that has ended
	number uint64        // counts batches
	leader *leader       // nil while this replica does not lead
}

// turn does what is due. It returns after how long it wants to be called again
// at the latest, and what it waits for besides; nil = nothing.
func (r *runner) turn(ctx context.Context) (wait time.Duration, landed <-chan struct{}) {
	if l := r.leader; l != nil && l.flight != nil && !l.flight.busy {
		select {
		case <-l.flight.future.Done():
			l.landed()
		default:
		}
	}
	term := r.s.inbox.leading()
	if r.leader != nil && r.leader.term != term {
		r.end()
	}
	if term == 0 {
		r.s.inbox.takePosts()
		return time.Hour, nil
	}
	if r.leader == nil {
		r.begin(ctx, term)
	}
	l := r.leader
	l.tick()
	for _, f := range r.s.inbox.takePosts() {
		f()
	}
	for _, f := range l.timers.due(l.now()) {
		f()
	}
	if !l.last.Before(l.retryAt) {
		r.propose(l)
	}
	if l.flight != nil && !l.flight.busy {
		landed = l.flight.future.Done()
	}
	return l.wait(), landed
}

// propose sends the next batch, or again the one that raft did not take.
func (r *runner) propose(l *leader) {
	switch {
	case l.flight == nil:
		l.look(l.ctx)
		r.number++
		l.depart(r.number)
	case l.flight.busy:
		l.flight.busy = false
		l.flight.future = r.log.Propose(l.flight.data)
	}
}

func (r *runner) begin(ctx context.Context, term uint64) {
	l := &leader{
		s: r.s, log: r.log, term: term, work: r.work, last: r.s.cfg.Now(),
		thinking: make(map[game.TableID]*[table.MaxSeats]uint64), jobs: newJobs(),
	}
	l.ctx, l.cancel = context.WithCancel(ctx)
	r.leader = l
	l.begin()
}

// end ends the leadership, if there is one.
func (r *runner) end() {
	l := r.leader
	if l == nil {
		return
	}
	l.cancel()
	if l.flight != nil {
		r.orphan(l.flight)
	}
	r.leader = nil
	r.s.cfg.Logger.Info("leading no longer", "term", l.term)
}

// Steps does the leader's work instead of Run, turn by turn on the caller's
// goroutine: for who simulates a cluster and decides itself when anything
// happens. Config.Pool decides when jobs run, Config.Now what time it is.
type Steps struct {
	runner  runner
	orphans []*flight
}

// Steps may be called once, and not beside Run.
func (s *Shard) Steps(log Log) *Steps {
	st := &Steps{}
	st.runner = runner{s: s, log: log, work: &sync.WaitGroup{}}
	st.runner.orphan = func(f *flight) { st.orphans = append(st.orphans, f) }
	return st
}

// Step does what is due and returns after how long to call it again at the
// latest. Call it also after whatever was handed to the Shard, after a job, and
// once a proposal's outcome is there.
func (st *Steps) Step(ctx context.Context) time.Duration {
	wait, _ := st.runner.turn(ctx)
	waiting := st.orphans[:0]
	for _, f := range st.orphans {
		select {
		case <-f.future.Done():
			st.runner.s.giveUp(f)
		default:
			waiting = append(waiting, f)
		}
	}
	st.orphans = waiting
	return wait
}
