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
	// A leadership ends without waiting for its batch in flight. The batch's requests must be
	// answered all the same, once raft reports the outcome.
	r.orphan = func(f *batch) {
		work.Go(func() {
			<-f.future.Done()
			s.giveUp(f)
		})
	}
	defer r.end()
	clock := time.NewTimer(tickEvery)
	defer clock.Stop()
	for ctx.Err() == nil {
		wait, done := r.turn(ctx)
		clock.Reset(wait)
		select {
		case <-ctx.Done():
		case <-s.inbox.wake:
		case <-done:
		case <-clock.C:
		}
	}
	return ctx.Err()
}

// runner does the leader's work whenever its replica leads, one turn at a time. It starts no goroutine
// and never blocks.
type runner struct {
	s      *Shard
	log    Log
	work   *sync.WaitGroup
	orphan func(*batch) // called with the batch in flight of a leadership that has ended
	number uint64       // counts batches
	leader *leader      // nil while this replica does not lead
}

// turn does what is due. The caller calls it again after wait at the latest, and earlier if the inbox
// wakes it or done is closed; done may be nil.
func (r *runner) turn(ctx context.Context) (wait time.Duration, done <-chan struct{}) {
	if l := r.leader; l != nil && l.inFlight != nil && !l.inFlight.busy {
		select {
		case <-l.inFlight.future.Done():
			l.finishBatch()
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
	if l.inFlight != nil && !l.inFlight.busy {
		done = l.inFlight.future.Done()
	}
	return l.wait(), done
}

// propose proposes the next batch, or once more the one that raft rejected as busy.
func (r *runner) propose(l *leader) {
	switch {
	case l.inFlight == nil:
		l.findWork(l.ctx)
		r.number++
		l.proposeBatch(r.number)
	case l.inFlight.busy:
		l.inFlight.busy = false
		l.inFlight.future = r.log.Propose(l.inFlight.data)
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
	if l.inFlight != nil {
		r.orphan(l.inFlight)
	}
	r.leader = nil
	r.s.cfg.Logger.Info("no longer leading", "term", l.term)
}

// Steps does the leader's work instead of Run, turn by turn on the caller's goroutine: for simulations
// of a cluster that control when anything happens. Config.Pool decides when jobs run, Config.Now
// what time it is.
type Steps struct {
	runner  runner
	orphans []*batch
}

// Steps may be called once, and not beside Run.
func (s *Shard) Steps(log Log) *Steps {
	st := &Steps{}
	st.runner = runner{s: s, log: log, work: &sync.WaitGroup{}}
	st.runner.orphan = func(f *batch) { st.orphans = append(st.orphans, f) }
	return st
}

// Step does what is due and returns after how long to call it again at the latest. Call it also after
// every call of another method of the Shard, after a job, and once a proposal has an outcome.
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
