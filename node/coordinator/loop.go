package coordinator

import (
	"context"
	"errors"
	"io"
	"time"

	"google.golang.org/protobuf/proto"

	"teahouse/node/coordinator/coordpb"
	"teahouse/pkg/game"
	"teahouse/pkg/link/linkpb"
	"teahouse/pkg/raftgroup"
	"teahouse/pkg/versions"
	"teahouse/pkg/wire/wirepb"
)

// maxTick is the most log time that one tick adds: if the process was paused, the rest of the pause does
// not count.
const maxTick = 200 * time.Millisecond

// loop does the leader's work on the one goroutine of run. Only the answers to requests are made on
// another goroutine, because tokens take time to sign.
type loop struct {
	c       *Coordinator
	cfg     Config
	respond func(outcome) // answers requests

	leadership   uint64 // counts the times that this replica began to lead; 0 = never
	leading      bool
	term         uint64    // as reported by the group
	announced    uint64    // term of the TookOver entry that was announced; 0 = none yet
	tookOver     bool      // TookOver is applied
	birthRefused bool      // in this leadership
	wrote        uint32    // level of the settings that this leadership has written; 0 = none yet
	pauseUntil   time.Time // pause after an error

	lastTick time.Time     // when the clock was last read
	advance  time.Duration // log time that is in no entry yet

	inFlight *entry // proposed, no outcome yet
	held     *entry // rejected as busy, to be proposed again

	confirms  []*coordpb.Command // creations' answers for the next entry
	creations creations

	teller  teller
	waiting bool      // tickets wait
	recheck bool      // the state has changed since the last check whether a match is due
	dueAt   time.Time // when a match becomes due without a change; zero = never
	matchAt time.Time // no check before this
}

// entry is an entry that was or will be proposed.
type entry struct {
	leadership uint64
	data       []byte
	commands   []*coordpb.Command
	requests   []request // the requests of commands[first:], in order
	first      int
	tookOver   bool
	future     Future
}

// outcome holds the answers to the requests of one entry.
type outcome struct {
	requests []request
	results  []result    // of the requests in order, and maybe more; or
	code     wirepb.Code // one for all
}

func newLoop(c *Coordinator, respond func(outcome)) *loop {
	return &loop{c: c, cfg: c.cfg, respond: respond}
}

func (l *loop) run(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		wait, done := l.turn(ctx)
		timer.Reset(wait)
		select {
		case <-ctx.Done():
			l.stop()
			return
		case <-done:
		case <-l.c.in.wake:
		case <-timer.C:
		}
	}
}

// turn does what is due and never blocks. The caller calls it again after wait at the latest, and
// earlier if the inbox wakes it or done is closed; done may be nil.
func (l *loop) turn(ctx context.Context) (wait time.Duration, done <-chan struct{}) {
	now := l.cfg.Now()
	if l.inFlight != nil {
		select {
		case <-l.inFlight.future.Done():
			l.finishEntry(now)
		default:
		}
	}
	l.observe(now)
	var wake time.Time
	if l.leading {
		l.tick(now)
		l.confirms = append(l.confirms, l.creations.settle(l.c.in.takeAnswers(), now)...)
		l.propose(now)
		wake = l.creations.send(ctx, now)
		if l.waiting { // then the loop wakes up often
			l.teller.tell(l.c, now)
		}
	}
	if l.inFlight != nil {
		done = l.inFlight.future.Done()
	}
	return l.sleep(now, wake), done
}

// observe begins or ends a leadership when the group's Raft state has changed.
func (l *loop) observe(now time.Time) {
	s := l.c.in.state()
	if l.leading && (!s.Leading || s.Term != l.term) {
		l.stepDown()
	}
	switch {
	case !s.Leading:
		l.release()
	case !l.leading && !now.Before(l.pauseUntil):
		l.begin(now, s.Term)
	}
}

func (l *loop) begin(now time.Time, term uint64) {
	l.leadership++
	l.leading, l.term, l.announced, l.tookOver, l.birthRefused, l.wrote = true, term, 0, false, false, 0
	l.lastTick, l.advance = now, 0
	l.confirms, l.waiting, l.recheck, l.dueAt, l.teller = nil, false, false, time.Time{}, teller{}
	l.creations = creations{c: l.c, leadership: l.leadership, streams: make(map[game.GroupID]*stream)}
	l.cfg.Logger.Info("coordinator is leader", "term", term)
}

func (l *loop) stepDown() {
	l.leading = false
	if l.announced != 0 {
		l.cfg.Announce(l.announced, false)
		l.announced = 0
	}
	if l.held != nil { // it is in no log
		l.respond(outcome{requests: l.held.requests, code: wirepb.Code_NOT_LEADER})
		l.held = nil
	}
	l.cfg.Logger.Info("coordinator is no longer leader", "term", l.term)
}

// release answers the requests that an ended leadership has left in the mailbox.
func (l *loop) release() {
	if waiting := l.c.in.takeOrphans(); len(waiting) > 0 {
		l.respond(outcome{requests: waiting, code: wirepb.Code_NOT_LEADER})
	}
}

func (l *loop) stop() {
	if l.leading {
		l.stepDown()
	}
	left := l.c.in.stop()
	if l.inFlight != nil {
		left = append(left, l.inFlight.requests...)
	}
	l.respond(outcome{requests: left, code: wirepb.Code_OUTCOME_UNKNOWN})
}

// tick adds the time since the last tick to log time.
func (l *loop) tick(now time.Time) {
	l.advance += max(0, min(now.Sub(l.lastTick), maxTick))
	l.lastTick = now
}

// propose proposes the next entry, if there is something to put into it.
func (l *loop) propose(now time.Time) {
	if l.inFlight != nil || now.Before(l.pauseUntil) {
		return
	}
	f := l.held
	l.held = nil
	if f == nil {
		if f = l.next(now); f == nil {
			return
		}
	}
	l.inFlight = f
	f.future = l.cfg.Propose(f.data)
}

// next makes the next entry; nil if there is nothing to propose.
func (l *loop) next(now time.Time) *entry {
	f := &entry{leadership: l.leadership}
	switch {
	case !l.tookOver:
		f.tookOver = true
		f.commands = l.birth()
		level := Level(l.c.View().Members)
		for _, c := range f.commands {
			level = max(level, c.GetBirth().GetLevel())
		}
		f.commands = append(f.commands, l.takeOver(level))
	case l.announced == 0:
		f.commands = l.birth()
		l.pauseUntil = now.Add(l.cfg.RetryEvery)
	default:
		if level := Level(l.c.View().Members); level > l.wrote { // raised: the settings may say more now
			f.commands = append(f.commands, l.takeOver(level))
		}
		n := min(len(l.confirms), l.cfg.MaxBatch)
		f.commands = append(f.commands, l.confirms[:n]...)
		l.confirms = l.confirms[n:]
		f.first = len(f.commands)
		f.requests = l.c.in.take(l.cfg.MaxBatch)
		for _, r := range f.requests {
			f.commands = append(f.commands, r.command)
		}
		if l.matchDue(now) { // last, so that it includes the joins in this entry
			f.commands = append(f.commands, l.match()...)
		}
	}
	if len(f.commands) == 0 {
		return nil
	}
	ms := l.advance.Milliseconds()
	l.advance -= time.Duration(ms) * time.Millisecond
	data, err := proto.Marshal(&coordpb.Batch{AdvanceMs: uint32(ms), Commands: f.commands})
	if err != nil {
		// Only invalid UTF-8 can cause this, and requests with it are refused on arrival.
		l.cfg.Logger.Error("entry cannot be encoded", "error", err)
		l.respond(outcome{requests: f.requests, code: wirepb.Code_INTERNAL})
		return nil
	}
	f.data = data
	return f
}

// takeOver returns the command that makes all replicas use this leader's settings.
func (l *loop) takeOver(level uint32) *coordpb.Command {
	l.wrote = level
	return &coordpb.Command{Body: &coordpb.Command_TookOver{
		TookOver: &coordpb.TookOver{Node: l.cfg.Node, Settings: l.cfg.settings(level)},
	}}
}

// birth returns the command that starts the cluster, if it has not started and its members are known.
func (l *loop) birth() []*coordpb.Command {
	if l.birthRefused || l.c.View().Cluster != "" {
		return nil
	}
	b := l.cfg.Birth()
	if len(b.Members) == 0 {
		return nil
	}
	birth := &coordpb.Birth{
		Cluster: b.Cluster, Members: b.Members, LedShards: uint32(l.cfg.LedShards), Replicas: uint32(l.cfg.Replicas),
	}
	if b.Level > versions.FirstLevel { // a binary that knows only the first one does not know the field
		birth.Level = b.Level
	}
	return []*coordpb.Command{{Body: &coordpb.Command_Birth{Birth: birth}}}
}

// matchDue reports whether a match would make a table. It checks only if that can have changed since the
// last check.
func (l *loop) matchDue(now time.Time) bool {
	if !l.waiting || now.Before(l.matchAt) || !l.recheck && (l.dueAt.IsZero() || now.Before(l.dueAt)) {
		return false
	}
	l.c.mu.Lock()
	logNow := l.c.state.now + uint64(l.advance.Milliseconds())
	due, next := l.c.state.matchDue(logNow)
	l.c.mu.Unlock()
	l.matchAt, l.recheck, l.dueAt = now.Add(l.cfg.MatchEvery), false, time.Time{}
	if next > 0 {
		l.dueAt = now.Add(time.Duration(next-logNow) * time.Millisecond)
	}
	return due
}

// match returns a Match command with a new random seed.
func (l *loop) match() []*coordpb.Command {
	seed := make([]byte, seedLen)
	if _, err := io.ReadFull(l.cfg.Rand, seed); err != nil {
		l.cfg.Logger.Error("cannot read random bytes, no players are matched", "error", err)
		l.recheck = true
		return nil
	}
	return []*coordpb.Command{{Body: &coordpb.Command_Match{Match: &coordpb.Match{Seed: seed}}}}
}

// finishEntry handles the outcome of the entry in flight, which is known now.
func (l *loop) finishEntry(now time.Time) {
	f := l.inFlight
	l.inFlight = nil
	applied, _, term, err := f.future.Result()
	done, ok := applied.(*effects)
	current := l.leading && f.leadership == l.leadership
	switch {
	case err == nil && ok && len(done.results) == len(f.commands):
		if len(f.requests) > 0 {
			l.respond(outcome{requests: f.requests, results: done.results[f.first:]})
		}
		if current {
			l.applied(f, done, term)
		}
	case errors.Is(err, raftgroup.ErrBusy) && current:
		f.future = nil
		l.held, l.pauseUntil = f, now.Add(l.cfg.RetryEvery)
	default:
		l.cfg.Logger.Warn("entry failed", "error", err, "applied", applied)
		l.respond(outcome{requests: f.requests, code: outcomeOf(err)})
		if current {
			// The next leadership begins with TookOver, even if it is this replica's again.
			l.stepDown()
			l.pauseUntil = now.Add(l.cfg.RetryEvery)
		}
	}
}

// applied continues the work after an entry of this leadership has been applied.
func (l *loop) applied(f *entry, done *effects, term uint64) {
	for i, c := range f.commands {
		switch c := c.GetBody().(type) {
		case *coordpb.Command_Created:
			l.creations.logged(game.TableID(c.Created.GetTable()))
		case *coordpb.Command_Birth:
			if done.results[i].code != wirepb.Code_OK {
				l.birthRefused = true
				l.cfg.Logger.Error("the proposed members cannot begin a cluster", "members", len(c.Birth.GetMembers()))
			}
		}
	}
	l.tookOver = l.tookOver || f.tookOver
	shards := done.outbox
	l.c.mu.Lock()
	l.waiting = l.c.state.waiting > 0
	if f.tookOver {
		for _, sh := range l.c.state.shards {
			if len(sh.outbox) > 0 {
				shards = append(shards, sh.id)
			}
		}
	}
	l.c.mu.Unlock()
	l.recheck = true
	l.creations.watch(shards)
	if l.announced == 0 && l.tookOver && l.c.View().Cluster != "" {
		l.announced = term
		l.cfg.Announce(term, true)
	}
}

// sleep returns how long the loop may wait if nothing wakes it.
func (l *loop) sleep(now time.Time, wake time.Time) time.Duration {
	d := time.Hour
	until := func(t time.Time) {
		if !t.IsZero() {
			d = min(d, max(0, t.Sub(now)))
		}
	}
	until(wake)
	switch {
	case now.Before(l.pauseUntil):
		until(l.pauseUntil)
	case !l.leading || l.inFlight != nil || !l.waiting:
	case l.recheck:
		until(l.matchAt)
	default:
		until(l.dueAt)
	}
	if l.leading && l.waiting {
		d = min(d, maxTick/2) // a longer wait would exceed maxTick and lose log time, by which tickets wait
	}
	return d
}

// answer answers the requests of an entry.
func (c *Coordinator) answer(o outcome) {
	for i, r := range o.requests {
		if o.results == nil {
			r.refuse(o.code)
			continue
		}
		out, err := c.response(r.command, o.results[i], c.cfg.Now())
		if err != nil {
			c.cfg.Logger.Error("cannot make an answer", "error", err)
			out = &linkpb.Response{Code: wirepb.Code_UNAVAILABLE}
		}
		r.reply(out)
	}
}
