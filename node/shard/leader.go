package shard

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	"teahouse/node/table"
	"teahouse/node/table/tablepb"
	"teahouse/pkg/game"
	"teahouse/pkg/planted"
	"teahouse/pkg/raftgroup"
	"teahouse/pkg/wire/wirepb"
)

const (
	// tickCap is the most log time that one local tick adds: if the process was paused, the rest of
	// the pause does not count, so players lose no time to answer.
	tickCap = 200 * time.Millisecond
	// tickEvery is well below tickCap, so that a tick that comes late does not lose time.
	tickEvery = 100 * time.Millisecond
	// busyRetry is the pause after raft rejected a batch, e.g. because a leadership transfer is
	// under way.
	busyRetry = 5 * time.Millisecond

	// maxIdle is the time after which a batch without commands is proposed, only to advance log
	// time. One entry can add at most maxAdvanceMS: any time beyond that would be lost, and
	// deadlines far ahead would come late.
	maxIdle = maxAdvanceMS / 2 * time.Millisecond
	// deadlinesAtOnce bounds the tables whose deadlines one batch carries.
	deadlinesAtOnce = 512
)

// leader is the state of one leadership besides the replicated state. Only the goroutine of Run uses
// it; workers reach it through inbox.post.
type leader struct {
	s      *Shard
	log    Log
	term   uint64
	work   *sync.WaitGroup // workers of all leaderships of one Run
	ctx    context.Context // for this leadership's jobs
	cancel context.CancelFunc

	tookOver bool          // TookOver is applied
	inFlight *batch        // the proposed batch without an outcome yet, or nil
	retryAt  time.Time     // nothing is proposed before this
	last     time.Time     // of the last tick
	passed   time.Duration // time that no proposal has added to log time yet
	base     uint64        // log time once all proposals are applied

	commands []item // the leader's own; they are proposed before requests
	timers   timers
	thinking map[game.TableID]*[table.MaxSeats]uint64 // prompts that bots were given, by seat
	jobs     jobs
}

// batch is a proposed batch.
type batch struct {
	number uint64
	data   []byte
	future Future
	busy   bool   // raft rejected it as busy: to be proposed again
	own    []item // the leader's own commands
}

func (l *leader) begin() {
	l.s.cfg.Logger.Info("leading", "term", l.term)
	l.command(&tablepb.Command{Body: &tablepb.Command_TookOver{
		TookOver: &tablepb.TookOver{Node: l.s.cfg.Node, UnsettledBound: uint32(l.s.cfg.Unsettled)},
	}}, nil)
}

// tick adds the time since the last tick, at most tickCap, to the time that the next batch adds.
func (l *leader) tick() {
	now := l.s.cfg.Now()
	l.passed += min(max(now.Sub(l.last), 0), tickCap)
	l.last = now
}

// now returns the log time as it will be once the next batch is applied.
func (l *leader) now() uint64 { return l.base + uint64(l.passed/time.Millisecond) }

// wait returns how long the loop may sleep. It ticks only while something depends on time.
func (l *leader) wait() time.Duration {
	if pause := l.retryAt.Sub(l.last); pause > 0 {
		return min(pause, tickEvery)
	}
	if l.inFlight != nil {
		return tickEvery
	}
	next, ok := l.timers.next()
	l.s.mu.Lock()
	due, some := l.s.state.deadlines.next()
	l.s.mu.Unlock()
	if some && l.tookOver && (!ok || due < next) {
		next, ok = due, true
	}
	if !ok {
		return time.Hour
	}
	left := time.Duration(next)*time.Millisecond - time.Duration(l.base)*time.Millisecond - l.passed
	return min(max(left, 0), tickEvery)
}

// command queues one of the leader's own commands; done is called once it is applied.
func (l *leader) command(c *tablepb.Command, done func(*leader)) {
	raw, err := proto.Marshal(c)
	if err != nil {
		l.s.cfg.Logger.Error("command", "error", err)
		return
	}
	l.commands = append(l.commands, item{command: raw, after: done})
}

// proposeBatch proposes the waiting commands as one entry.
func (l *leader) proposeBatch(number uint64) {
	var own []item
	if n := min(len(l.commands), l.s.cfg.BatchItems); n > 0 {
		own = slices.Clone(l.commands[:n])
		l.commands = slices.Delete(l.commands, 0, n)
	}
	var commands [][]byte
	if l.tookOver {
		var due []func(*leader)
		commands, due = l.s.inbox.takeBatch(number, own, l.s.cfg.BatchItems, l.s.cfg.BatchBytes)
		for _, f := range due {
			f(l)
		}
		commands = append(commands, l.dueCommands()...)
	} else {
		commands, _ = l.s.inbox.takeBatch(number, own, 0, 0)
	}
	if len(commands) == 0 && l.passed < maxIdle {
		return
	}
	advance := l.passed / time.Millisecond
	l.passed -= advance * time.Millisecond
	data, err := proto.Marshal(&tablepb.Batch{
		AdvanceMs: uint64(advance), Origin: l.s.origin, Number: number, Commands: commands,
	})
	if err != nil { // cannot happen: the message has only bytes and numbers
		l.s.cfg.Logger.Error("batch", "error", err)
		return
	}
	l.base += uint64(advance)
	l.inFlight = &batch{number: number, data: data, own: own, future: l.log.Propose(data)}
}

// dueCommands returns commands for the deadlines that will be due when the batch is applied.
func (l *leader) dueCommands() [][]byte {
	l.s.mu.Lock()
	defer l.s.mu.Unlock()
	now := l.now()
	var due [][]byte
	for _, t := range l.s.state.deadlines.due(now, deadlinesAtOnce) {
		for _, d := range t.Due(now) {
			raw, err := proto.Marshal(&tablepb.Command{Table: uint64(t.ID()), Body: &tablepb.Command_Deadline{Deadline: d}})
			if err == nil {
				due = append(due, raw)
			}
		}
	}
	return due
}

// finishBatch handles the outcome of the batch in flight, which is known now.
func (l *leader) finishBatch() {
	f := l.inFlight
	_, _, _, err := f.future.Result()
	if err != nil {
		// Do not propose again at once.
		l.retryAt = l.s.cfg.Now().Add(busyRetry)
	}
	if errors.Is(err, raftgroup.ErrBusy) {
		f.busy = true // it is in no log and this replica still leads: propose it again
		return
	}
	l.inFlight = nil
	if err != nil {
		l.s.giveUp(f)
		l.commands = append(f.own, l.commands...) // safe: they are idempotent
	}
	l.s.mu.Lock()
	l.base = l.s.state.now
	tookOver := l.s.pushing == l.term
	l.s.mu.Unlock()
	if err == nil {
		for _, it := range f.own {
			if it.after != nil {
				it.after(l)
			}
		}
		if tookOver && !l.tookOver {
			l.tookOver = true
			l.watchAll(func(*table.Table, table.Attachment) bool { return true }, 0)
		}
	}
}

// giveUp answers the requests of a batch that failed. They get NOT_LEADER if raft says for sure that
// the entry is in no log; otherwise the outcome is unknown.
func (s *Shard) giveUp(f *batch) {
	_, _, _, err := f.future.Result()
	r := table.Reply{Code: wirepb.Code_OUTCOME_UNKNOWN, Detail: "the leadership ended"}
	if errors.Is(err, raftgroup.ErrNotLeader) || errors.Is(err, raftgroup.ErrStopped) || errors.Is(err, raftgroup.ErrBusy) {
		r = table.Reply{Code: wirepb.Code_NOT_LEADER, Detail: "this node does not lead the shard"}
	}
	if planted.Is(planted.AnswerInDoubt) {
		r.Code = wirepb.Code_OK
	}
	for _, it := range s.inbox.claim(f.number) {
		if it.answer != nil {
			it.answer(&r)
		}
	}
}

// findWork looks through the touched tables for work of the leader: prompts for bots, hands to settle,
// bindings to free.
func (l *leader) findWork(ctx context.Context) {
	if !l.tookOver {
		return
	}
	var turns []botTurn
	l.s.mu.Lock()
	for _, id := range l.s.touched {
		t := l.s.state.tables[id]
		if t == nil {
			delete(l.thinking, id)
			continue
		}
		l.jobs.find(l.s.cfg.Cluster, t)
		if !t.HasBots() {
			continue
		}
		busy := l.thinking[id]
		if busy == nil {
			busy = new([table.MaxSeats]uint64)
			l.thinking[id] = busy
		}
		for _, p := range t.BotPrompts() {
			if busy[p.Seat] != p.Number {
				busy[p.Seat] = p.Number
				q := l.s.cfg.queue(t.Queue())
				turns = append(turns, botTurn{id, t.Game(), p, t.Rules(), t.Hand().View(p.Seat), q.Bots, q.Pace.pause(id, p, l.s.state.now)})
			}
		}
	}
	l.s.touched = l.s.touched[:0]
	l.s.mu.Unlock()
	for _, th := range turns {
		if th.pause > 0 {
			l.after(th.pause, func() { l.think(th) })
		} else {
			l.think(th)
		}
	}
	l.startJobs(ctx)
}
