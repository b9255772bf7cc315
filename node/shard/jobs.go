package shard

import (
	"context"
	"errors"
	"slices"

	"teahouse/node/table"
	"teahouse/node/table/tablepb"
	"teahouse/pkg/game"
	"teahouse/pkg/link/linkpb"
	"teahouse/pkg/panics"
)

// jobs are the settlements and outbox calls that this leader has found in the state. Each is retried
// until it succeeds, a conflict at a slow rate. It ends with a command that removes its cause from
// the state.
type jobs struct {
	known   map[jobKey]bool // from when a job is found until its command is applied
	queue   []*job          // to be started
	resting []*job          // failed, each with a timer that queues it again
	running int

	settling, ending outage
}

// jobKey identifies a job; hand 0 is the outbox item of an ended table.
type jobKey struct {
	table game.TableID
	hand  uint32
}

type job struct {
	key    jobKey
	result game.HandResult
	ended  *linkpb.TableEnded
	voided bool // the ended table was voided; its round had no last hand
	tries  int
	// conflict: the last try found a different result in the database.
	conflict bool
}

func newJobs() jobs {
	return jobs{known: make(map[jobKey]bool), settling: outage{what: "settlement"}, ending: outage{what: "telling of ended tables"}}
}

// find queues the jobs of table t that are not known yet. The caller holds Shard.mu.
func (j *jobs) find(cluster string, t *table.Table) {
	if t.Unsettled() > 0 {
		for _, hand := range t.PendingHands() {
			key := jobKey{t.ID(), hand}
			if r, ok := t.Result(hand); ok && !j.known[key] {
				r.Key.Cluster = cluster
				j.add(&job{key: key, result: r})
			}
		}
	}
	if key := (jobKey{table: t.ID()}); !j.known[key] {
		if e := t.Ended(); e != nil {
			j.add(&job{key: key, ended: e, voided: t.Voided()})
		}
	}
}

func (j *jobs) add(one *job) {
	j.known[one.key] = true
	j.queue = append(j.queue, one)
}

// rest makes a failed job wait before it is tried again.
func (l *leader) rest(one *job) {
	pause := min(l.s.cfg.RetryMin<<min(one.tries, 16), l.s.cfg.RetryMax)
	if one.conflict { // only a person can correct the database
		pause = l.s.cfg.ConflictPause
	}
	one.tries++
	l.jobs.resting = append(l.jobs.resting, one)
	l.after(pause, func() { l.jobs.wake(func(j *job) bool { return j == one }) })
}

// wake queues the resting jobs that match.
func (j *jobs) wake(match func(*job) bool) {
	j.resting = slices.DeleteFunc(j.resting, func(one *job) bool {
		if match(one) {
			j.queue = append(j.queue, one)
			return true
		}
		return false
	})
}

// startJobs keeps a bounded number of jobs running. They end with ctx, that is with the leadership.
func (l *leader) startJobs(ctx context.Context) {
	for ctx.Err() == nil && l.jobs.running < l.s.cfg.SettleAtOnce && len(l.jobs.queue) > 0 {
		one := l.jobs.queue[0]
		l.jobs.queue[0] = nil
		l.jobs.queue = l.jobs.queue[1:]
		l.jobs.running++
		err := l.pooled(func() {
			// A job that panics has failed and is retried like any other.
			err := panics.Try(func() error { return l.s.do(ctx, one) })
			l.s.inbox.post(func() { l.finishJob(one, err) })
		})
		if err != nil {
			l.finishJob(one, err)
		}
	}
}

// do tries a job once, in the pool.
func (s *Shard) do(ctx context.Context, one *job) error {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.JobTimeout)
	defer cancel()
	if one.ended != nil {
		// The database first: players are freed only once their table is marked void there.
		if one.voided {
			if err := s.cfg.Results.Void(ctx, s.cfg.Cluster, one.key.table); err != nil {
				return err
			}
		}
		return s.cfg.Ended(ctx, one.ended)
	}
	return s.settle(ctx, one.result)
}

// finishJob handles a job's outcome, on the loop.
func (l *leader) finishJob(one *job, err error) {
	l.jobs.running--
	id := one.key.table
	outage := &l.jobs.settling
	if one.ended != nil {
		outage = &l.jobs.ending
	}
	switch {
	case errors.Is(err, game.ErrResultConflict):
		// A retry succeeds only once a person has corrected the database; until then the hand stays
		// unsettled. Only the first conflict is logged, not every retry.
		if !one.conflict {
			one.conflict = true
			l.s.conflicts.Add(1)
			l.s.cfg.Logger.Error("ALARM: the database holds another result of this hand, will retry",
				"table", id.String(), "hand", one.key.hand, "every", l.s.cfg.ConflictPause)
		}
		l.rest(one)
	case err != nil:
		l.rest(one) // one.conflict stays: an unreachable database does not disprove the conflict
		if one.ended == nil {
			l.s.failures.Add(1)
		}
		outage.failed(&l.s.cfg, one.key, err)
	default:
		if outage.over(&l.s.cfg) { // no need for the other jobs to wait until their next try
			l.jobs.wake(func(j *job) bool { return (j.ended == nil) == (one.ended == nil) })
		}
		if one.conflict {
			l.s.cfg.Logger.Info("the database holds this result now", "table", id.String(), "hand", one.key.hand)
		}
		c := &tablepb.Command{Table: uint64(id), Body: &tablepb.Command_Freed{Freed: &tablepb.Freed{}}}
		if one.ended == nil {
			c.Body = &tablepb.Command_Settled{Settled: &tablepb.Settled{Hand: one.key.hand}}
		}
		l.command(c, func(l *leader) { delete(l.jobs.known, one.key) })
	}
}

// pooled runs f in the pool; Run waits for f before it returns.
func (l *leader) pooled(f func()) error {
	l.work.Add(1)
	err := l.s.cfg.Pool.Go(func() {
		defer l.work.Done()
		f()
	})
	if err != nil {
		l.work.Done()
	}
	return err
}
