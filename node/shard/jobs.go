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

// jobs are the settlements and outbox calls that this leader knows. Each is
// tried until it succeeds, a conflict at a slow rate; the command that it ends with removes its cause
// from the state.
type jobs struct {
	known   map[jobKey]bool // from finding it until its command is applied
	queue   []*job          // to be started
	resting []*job          // failed, each with a timer that queues it again
	running int

	settling, ending trouble
}

// jobKey names a job; hand 0 is the outbox item of an ended table.
type jobKey struct {
	table game.TableID
	hand  uint32
}

type job struct {
	key    jobKey
	result game.HandResult
	ended  *linkpb.TableEnded
	voided bool // of ended: its round had no last hand
	tries  int
	// conflict: the database held another result at the last try.
	conflict bool
}

func newJobs() jobs {
	return jobs{known: make(map[jobKey]bool), settling: trouble{what: "settlement"}, ending: trouble{what: "telling of ended tables"}}
}

// find queues what t wants and is not known. The caller holds Shard.mu.
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

// rest lets a job wait before it is tried again.
func (l *leader) rest(one *job) {
	pause := min(l.s.cfg.RetryMin<<min(one.tries, 16), l.s.cfg.RetryMax)
	if one.conflict { // only a person can help
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

// startJobs keeps a bounded number of jobs running. They end with ctx, the
// leadership.
func (l *leader) startJobs(ctx context.Context) {
	for ctx.Err() == nil && l.jobs.running < l.s.cfg.SettleAtOnce && len(l.jobs.queue) > 0 {
		one := l.jobs.queue[0]
		l.jobs.queue[0] = nil
		l.jobs.queue = l.jobs.queue[1:]
		l.jobs.running++
		err := l.pooled(func() {
			// A job that panics has failed, and is tried again as any other.
			err := panics.Try(func() error { return l.s.do(ctx, one) })
			l.s.inbox.post(func() { l.finishJob(one, err) })
		})
		if err != nil {
			l.finishJob(one, err)
		}
	}
}

// do tries a job once, on a worker.
func (s *Shard) do(ctx context.Context, one *job) error {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.JobTimeout)
	defer cancel()
	if one.ended != nil {
		// The database first: once the table is gone, nobody else would tell it.
		if one.voided {
			if err := s.cfg.Results.Void(ctx, s.cfg.Cluster, one.key.table); err != nil {
				return err
			}
		}
		return s.cfg.Ended(ctx, one.ended)
	}
	return s.settle(ctx, one.result)
}

// finishJob takes a job's outcome over, on the loop, which starts the next.
func (l *leader) finishJob(one *job, err error) {
	l.jobs.running--
	id := one.key.table
	trouble := &l.jobs.settling
	if one.ended != nil {
		trouble = &l.jobs.ending
	}
	switch {
	case errors.Is(err, game.ErrResultConflict):
		// It succeeds only once a person has put the database right; until then the hand stays
		// unsettled. Who knows of it need not hear of every try.
		if !one.conflict {
			one.conflict = true
			l.s.conflicts.Add(1)
			l.s.cfg.Logger.Error("ALARM: the database holds another result of this hand, will look again",
				"table", id.String(), "hand", one.key.hand, "every", l.s.cfg.ConflictPause)
		}
		l.rest(one)
	case err != nil:
		l.rest(one) // a conflict stays one: that the database is away too says nothing else
		if one.ended == nil {
			l.s.failures.Add(1)
		}
		trouble.failed(&l.s.cfg, one.key, err)
	default:
		if trouble.over(&l.s.cfg) { // then the others need not wait
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

// pooled runs f in the pool; Run does not end before it has.
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
