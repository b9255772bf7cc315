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
	// tickCap is the most log time that one local tick adds: a process that
	// was paused loses the rest, and the players lose no time to answer.
	tickCap = 200 * time.Millisecond
	// tickEvery leaves a tick that comes late room below the cap.
	tickEvery = 100 * time.Millisecond
	// busyRetry is the pause after a batch that raft did not take, e.g. because
	// a leadership transfer is under way.
	busyRetry = 5 * time.Millisecond

	// keepUp is the time after which a batch goes out that brings nothing but time. One entry
	// adds a bounded time only: what passed beyond would be lost, and whatever waits for a
	// moment far away would wait too long.
	keepUp = maxAdvanceMS / 2 * time.Millisecond
	// deadlinesAtOnce bounds the tables whose deadlines one batch carries.
	deadlinesAtOnce = 512
)

// leader is what one leadership needs besides the replicated state. All of it
// belongs to the goroutine of Run; workers reach it through inbox.post.
type leader struct {
	s      *Shard
	log    Log
	term   uint64
	work   *sync.WaitGroup // of all leaderships of one Run
	ctx    context.Context // of this leadership's jobs
	cancel context.CancelFunc

	tookOver bool          // the take-over is applied
	flight   *flight       // the batch under way, or nil
	retryAt  time.Time     // nothing is proposed before
	last     time.Time     // of the last tick
	passed   time.Duration // since the last proposal
	base     uint64        // log time with all proposals applied

	commands []item // of the leader itself: they precede requests
	timers   timers
	thinking map[game.TableID]*[table.MaxSeats]uint64 // prompts that bots think about, by seat
	jobs     jobs
}

// flight is a proposed batch.
type flight struct {
	number uint64
	data   []byte
	future Future
	busy   bool   // raft did not take it: to be proposed again
	own    []item // the leader's own commands
}

func (l *leader) begin() {
	l.s.cfg.Logger.Info("leading", "term", l.term)
	l.command(&tablepb.Command{Body: &tablepb.Command_TookOver{
		TookOver: &tablepb.TookOver{Node: l.s.cfg.Node, UnsettledBound: uint32(l.s.cfg.Unsettled)},
	}}, nil)
}

// tick adds the time since the last tick, capped, to what the next batch
// brings.
func (l *leader) tick() {
	now := l.s.cfg.Now()
	l.passed += min(max(now.Sub(l.last), 0), tickCap)
	l.last = now
}

// now is log time as it will be when the next batch is applied.
func (l *leader) now() uint64 { return l.base + uint64(l.passed/time.Millisecond) }

// wait is how long the loop may sleep. It ticks only while something depends
// on time.
func (l *leader) wait() time.Duration {
	if pause := l.retryAt.Sub(l.last); pause > 0 {
		return min(pause, tickEvery)
	}
	if l.flight != nil {
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

// command queues a command of the leader itself; done is called once it is
// applied.
func (l *leader) command(c *tablepb.Command, done func(*leader)) {
	raw, err := proto.Marshal(c)
	if err != nil {
		l.s.cfg.Logger.Error("command", "error", err)
		return
	}
	l.commands = append(l.commands, item{command: raw, after: done})
}

// depart proposes what waits, as one entry.
func (l *leader) depart(number uint64) {
	var own []item
	if n := min(len(l.commands), l.s.cfg.BatchItems); n > 0 {
		own = slices.Clone(l.commands[:n])
		l.commands = slices.Delete(l.commands, 0, n)
	}
	var commands [][]byte
	if l.tookOver {
		var due []func(*leader)
		commands, due = l.s.inbox.depart(number, own, l.s.cfg.BatchItems, l.s.cfg.BatchBytes)
		for _, f := range due {
			f(l)
		}
		commands = append(commands, l.dueCommands()...)
	} else {
		commands, _ = l.s.inbox.depart(number, own, 0, 0)
	}
	if len(commands) == 0 && l.passed < keepUp {
		return
	}
	advance := l.passed / time.Millisecond
	l.passed -= advance * time.Millisecond
	data, err := proto.Marshal(&tablepb.Batch{
		AdvanceMs: uint64(advance), Origin: l.s.origin, Number: number, Commands: commands,
	})
	if err != nil { // cannot be: only bytes and numbers
		l.s.cfg.Logger.Error("batch", "error", err)
		return
	}
	l.base += uint64(advance)
	l.flight = &flight{number: number, data: data, own: own, future: l.log.Propose(data)}
}

// dueCommands are the deadlines that will be due when the batch is applied.
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

// landed ends the flight, whose outcome is there.
func (l *leader) landed() {
	f := l.flight
	_, _, _, err := f.future.Result()
	if err != nil {
		// A replica that raft refuses does not ask again at once.
		l.retryAt = l.s.cfg.Now().Add(busyRetry)
	}
	if errors.Is(err, raftgroup.ErrBusy) {
		f.busy = true // in no log, and this replica still leads: the same again
		return
	}
	l.flight = nil
	if err != nil {
		l.s.giveUp(f)
		l.commands = append(f.own, l.commands...) // repeats change nothing
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

// giveUp answers who still waits for a flight that failed. An entry that raft
// knows to be in no log was proposed to who is not leader; any other outcome
// is open.
func (s *Shard) giveUp(f *flight) {
	_, _, _, err := f.future.Result()
	r := table.Reply{Code: wirepb.Code_OUTCOME_UNKNOWN, Detail: "the leadership ended"}
	if errors.Is(err, raftgroup.ErrNotLeader) || errors.Is(err, raftgroup.ErrStopped) || errors.Is(err, raftgroup.ErrBusy) {
		r = table.Reply{Code: wirepb.Code_NOT_LEADER, Detail: "this node does not lead the shard"}
	}
	if planted.Is(planted.AnswerInDoubt) {
		r.Code = wirepb.Code_OK
	}
	for _, it := range s.inbox.take(f.number) {
		if it.answer != nil {
			it.answer(&r)
		}
	}
}

// look finds what touched tables want of the leader: bots to think, hands to
// settle, bindings to free.
func (l *leader) look(ctx context.Context) {
	if !l.tookOver {
		return
	}
	var thoughts []thought
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
				thoughts = append(thoughts, thought{id, t.Game(), p, q.Bots, q.Pace.pause(id, p, l.s.state.now)})
			}
		}
	}
	l.s.touched = l.s.touched[:0]
	l.s.mu.Unlock()
	for _, th := range thoughts {
		if th.pause > 0 {
			l.after(th.pause, func() { l.think(th) })
		} else {
			l.think(th)
		}
	}
	l.startJobs(ctx)
}
