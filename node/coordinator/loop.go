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
	"teahouse/pkg/wire/wirepb"
)

// maxTick is the most log time that passes between two looks at the clock: a
// paused process loses the rest.
const maxTick = 200 * time.Millisecond

// loop is the leader's work. All of it happens on the one goroutine of run,
// but for the answers to requests, which have their own (tokens take time to
// sign).
type loop struct {
	c   *Coordinator
	cfg Config
	say func(outcome) // tells requests what they get

	reign        uint64 // counts the times that this replica began to lead; 0 = never
	leading      bool
	term         uint64    // as the group told it
	announced    uint64    // term of the TookOver entry that was announced; 0 = none yet
	tookOver     bool      // TookOver is applied
	birthRefused bool      // in this reign
	notUntil     time.Time // pause after an error

	looked  time.Time     // when the clock was last looked at
	advance time.Duration // log time that is in no entry yet

	flight *flight // the entry on its way
	held   *flight // one that the log could not take yet

	confirms  []*coordpb.Command // creations' answers for the next entry
	creations creations

	waiting bool      // tickets wait
	recheck bool      // what waits has changed since the last look
	dueAt   time.Time // when time alone makes the next match due; zero = never
	matchAt time.Time // no look before
}

// flight is an entry that was or will be proposed.
type flight struct {
	reign    uint64
	data     []byte
	commands []*coordpb.Command
	requests []request // those of commands[first:], in order
	first    int
	tookOver bool
	future   Future
}

// outcome is what the requests of one entry are told.
type outcome struct {
	requests []request
	results  []result    // of the requests in order, and maybe more; or
	code     wirepb.Code // one for all
}

func newLoop(c *Coordinator, say func(outcome)) *loop { return &loop{c: c, cfg: c.cfg, say: say} }

func (l *loop) run(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		wait, landed := l.turn(ctx)
		timer.Reset(wait)
		select {
		case <-ctx.Done():
			l.stop()
			return
		case <-landed:
		case <-l.c.in.wake:
		case <-timer.C:
		}
	}
}

// turn does what is due and waits for nothing. It returns after how long it
// wants to be called again at the latest, and what it waits for besides; nil =
// nothing.
func (l *loop) turn(ctx context.Context) (wait time.Duration, landed <-chan struct{}) {
	now := l.cfg.Now()
	if l.flight != nil {
		select {
		case <-l.flight.future.Done():
			l.land(now)
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
	}
	if l.flight != nil {
		landed = l.flight.future.Done()
	}
	return l.sleep(now, wake), landed
}

// observe follows the group's leadership.
func (l *loop) observe(now time.Time) {
	s := l.c.in.state()
	if l.leading && (!s.Leading || s.Term != l.term) {
		l.stepDown()
	}
	switch {
	case !s.Leading:
		l.release()
	case !l.leading && !now.Before(l.notUntil):
		l.begin(now, s.Term)
	}
}

func (l *loop) begin(now time.Time, term uint64) {
	l.reign++
	l.leading, l.term, l.announced, l.tookOver, l.birthRefused = true, term, 0, false, false
	l.looked, l.advance = now, 0
	l.confirms, l.waiting, l.recheck, l.dueAt = nil, false, false, time.Time{}
	l.creations = creations{c: l.c, reign: l.reign, streams: make(map[game.GroupID]*stream)}
	l.cfg.Logger.Info("coordinator leads", "term", term)
}

func (l *loop) stepDown() {
	l.leading = false
	if l.announced != 0 {
		l.cfg.Announce(l.announced, false)
		l.announced = 0
	}
	if l.held != nil { // it never reached the log
		l.say(outcome{requests: l.held.requests, code: wirepb.Code_NOT_LEADER})
		l.held = nil
	}
	l.cfg.Logger.Info("coordinator leads no longer", "term", l.term)
}

// release answers what was left in the mailbox by the end of a leadership.
func (l *loop) release() {
	if waiting := l.c.in.takeOrphans(); len(waiting) > 0 {
		l.say(outcome{requests: waiting, code: wirepb.Code_NOT_LEADER})
	}
}

func (l *loop) stop() {
	if l.leading {
		l.stepDown()
	}
	left := l.c.in.stop()
	if l.flight != nil {
		left = append(left, l.flight.requests...)
	}
	l.say(outcome{requests: left, code: wirepb.Code_OUTCOME_UNKNOWN})
}

// tick lets log time pass.
func (l *loop) tick(now time.Time) {
	l.advance += max(0, min(now.Sub(l.looked), maxTick))
	l.looked = now
}

// propose sends the next entry if there is something for it.
func (l *loop) propose(now time.Time) {
	if l.flight != nil || now.Before(l.notUntil) {
		return
	}
	f := l.held
	l.held = nil
	if f == nil {
		if f = l.next(now); f == nil {
			return
		}
	}
	l.flight = f
	f.future = l.cfg.Propose(f.data)
}

// next makes the next entry, or nil.
func (l *loop) next(now time.Time) *flight {
	f := &flight{reign: l.reign}
	switch {
	case !l.tookOver:
		f.tookOver = true
		f.commands = append(l.birth(), &coordpb.Command{Body: &coordpb.Command_TookOver{
			TookOver: &coordpb.TookOver{Node: l.cfg.Node, Settings: l.cfg.settings()},
		}})
	case l.announced == 0:
		f.commands = l.birth()
		l.notUntil = now.Add(l.cfg.RetryEvery)
	default:
		n := min(len(l.confirms), l.cfg.MaxBatch)
		f.commands = append(f.commands, l.confirms[:n]...)
		l.confirms = l.confirms[n:]
		f.first = n
		f.requests = l.c.in.take(l.cfg.MaxBatch)
		for _, r := range f.requests {
			f.commands = append(f.commands, r.command)
		}
		if l.matchDue(now) { // last, so that it sees who joined just now
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
		// Only a text that is not UTF-8 does this, and those are refused when they come in.
		l.cfg.Logger.Error("entry cannot be encoded", "error", err)
		l.say(outcome{requests: f.requests, code: wirepb.Code_INTERNAL})
		return nil
	}
	f.data = data
	return f
}

// birth is the command that begins the cluster, if it has not begun.
func (l *loop) birth() []*coordpb.Command {
	if l.birthRefused || l.c.View().Cluster != "" {
		return nil
	}
	cluster, members := l.cfg.Birth()
	if len(members) == 0 {
		return nil
	}
	return []*coordpb.Command{{Body: &coordpb.Command_Birth{Birth: &coordpb.Birth{
		Cluster: cluster, Members: members, LedShards: uint32(l.cfg.LedShards), Replicas: uint32(l.cfg.Replicas),
	}}}}
}

// matchDue looks whether a match would make a table, if that can have changed
// since the last look.
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

// match is a Match command with fresh randomness.
func (l *loop) match() []*coordpb.Command {
	seed := make([]byte, seedLen)
	if _, err := io.ReadFull(l.cfg.Rand, seed); err != nil {
		l.cfg.Logger.Error("no randomness, nobody is matched", "error", err)
		l.recheck = true
		return nil
	}
	return []*coordpb.Command{{Body: &coordpb.Command_Match{Match: &coordpb.Match{Seed: seed}}}}
}

// land takes in what became of the entry on its way.
func (l *loop) land(now time.Time) {
	f := l.flight
	l.flight = nil
	applied, _, term, err := f.future.Result()
	done, ok := applied.(*effects)
	current := l.leading && f.reign == l.reign
	switch {
	case err == nil && ok && len(done.results) == len(f.commands):
		if len(f.requests) > 0 {
			l.say(outcome{requests: f.requests, results: done.results[f.first:]})
		}
		if current {
			l.applied(f, done, term)
		}
	case errors.Is(err, raftgroup.ErrBusy) && current:
		f.future = nil
		l.held, l.notUntil = f, now.Add(l.cfg.RetryEvery)
	default:
		l.cfg.Logger.Warn("entry failed", "error", err, "applied", applied)
		l.say(outcome{requests: f.requests, code: outcomeOf(err)})
		if current {
			// Whoever leads now begins with TookOver again, this replica too.
			l.stepDown()
			l.notUntil = now.Add(l.cfg.RetryEvery)
		}
	}
}

// applied goes on from an entry of this reign.
func (l *loop) applied(f *flight, done *effects, term uint64) {
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

// sleep is how long nothing needs to happen by itself.
func (l *loop) sleep(now time.Time, wake time.Time) time.Duration {
	d := time.Hour
	until := func(t time.Time) {
		if !t.IsZero() {
			d = min(d, max(0, t.Sub(now)))
		}
	}
	until(wake)
	switch {
	case now.Before(l.notUntil):
		until(l.notUntil)
	case !l.leading || l.flight != nil || !l.waiting:
	case l.recheck:
		until(l.matchAt)
	default:
		until(l.dueAt)
	}
	if l.leading && l.waiting {
		d = min(d, maxTick/2) // else waiting tickets would lose time
	}
	return d
}

// answer tells the requests of an entry what they get.
func (c *Coordinator) answer(o outcome) {
	for i, r := range o.requests {
		if o.results == nil {
			r.refuse(o.code)
			continue
		}
		out, err := response(r.command, o.results[i], c.cfg.Signer, c.cfg.Now())
		if err != nil {
			c.cfg.Logger.Error("answer cannot be made", "error", err)
			out = &linkpb.Response{Code: wirepb.Code_UNAVAILABLE}
		}
		r.reply(out)
	}
}
