package simulate

import (
	"container/heap"
	"fmt"
	"io"
	"math/rand/v2"
	"time"
)

// world is one run: its clock, its dice and its scheduled events. All of them happen on one
// goroutine, one after another, in an order that the seed decides.
type world struct {
	seed     uint64
	rand     *rand.Rand
	now      time.Duration // since the beginning
	queue    events
	steps    uint64
	trace    io.Writer // nil = no trace
	plan     plan
	cuts     map[[2]string]bool // processes that cannot reach each other
	calm     bool               // no more faults
	peaceful time.Duration      // since when

	nodes    []*node
	gateways []*gateway
	players  []*player
	groups   []*group
	db       *database
	book     *book
}

// beginning is the start time of every run.
var beginning = time.Unix(1_700_000_000, 0)

func (w *world) clock() time.Time { return beginning.Add(w.now) }

type event struct {
	at  time.Duration
	seq uint64 // of equal times, the one that was scheduled first goes first
	f   func()
}

type events struct {
	heap []event
	seq  uint64
}

func (q *events) Len() int { return len(q.heap) }
func (q *events) Less(i, j int) bool {
	a, b := &q.heap[i], &q.heap[j]
	return a.at < b.at || a.at == b.at && a.seq < b.seq
}
func (q *events) Swap(i, j int) { q.heap[i], q.heap[j] = q.heap[j], q.heap[i] }
func (q *events) Push(x any)    { q.heap = append(q.heap, x.(event)) }
func (q *events) Pop() any {
	n := len(q.heap) - 1
	e := q.heap[n]
	q.heap[n] = event{}
	q.heap = q.heap[:n]
	return e
}

// after schedules f in d.
func (w *world) after(d time.Duration, f func()) {
	w.queue.seq++
	heap.Push(&w.queue, event{w.now + max(d, 0), w.queue.seq, f})
}

// run runs scheduled events until that time, or until done.
func (w *world) run(until time.Duration, done func() bool) {
	for len(w.queue.heap) > 0 && w.queue.heap[0].at <= until && !w.book.broken() {
		e := heap.Pop(&w.queue).(event)
		w.now = e.at
		w.steps++
		e.f()
		if done != nil && w.steps%64 == 0 && done() {
			return
		}
	}
}

func (w *world) tracef(format string, args ...any) {
	if w.trace != nil {
		fmt.Fprintf(w.trace, "%12.6f  %s\n", w.now.Seconds(), fmt.Sprintf(format, args...))
	}
}

// chance is true once in n times.
func (w *world) chance(n int) bool { return n > 0 && w.rand.IntN(n) == 0 }

// fault is chance, but never true once faults have ended.
func (w *world) fault(n int) bool { return !w.calm && w.chance(n) }

// between is a random duration.
func (w *world) between(lo, hi time.Duration) time.Duration {
	return lo + time.Duration(w.rand.Int64N(int64(hi-lo)+1))
}

// delay is how long a message takes.
func (w *world) delay() time.Duration {
	if w.fault(w.plan.slow) {
		return w.between(0, 400*time.Millisecond)
	}
	return w.between(50*time.Microsecond, 3*time.Millisecond)
}

// process is what dies, is paused and comes back as a unit.
type process struct {
	w       *world
	name    string
	life    int // counts its starts
	up      bool
	paused  bool
	backlog []func() // events that came due while it was paused
}

// after schedules f in this life of the process.
func (p *process) after(d time.Duration, f func()) {
	life := p.life
	p.w.after(d, func() { p.act(life, f) })
}

func (p *process) act(life int, f func()) {
	switch {
	case p.life != life || !p.up:
	case p.paused:
		p.backlog = append(p.backlog, func() { p.act(life, f) })
	default:
		f()
	}
}

func (p *process) start() {
	p.life++
	p.up, p.paused, p.backlog = true, false, nil
	p.w.tracef("%s starts", p.name)
}

func (p *process) kill() {
	p.up, p.paused, p.backlog = false, false, nil
	p.w.tracef("%s dies", p.name)
}

func (p *process) pause() {
	p.paused = true
	p.w.tracef("%s is paused", p.name)
}

func (p *process) wake() {
	if !p.paused {
		return
	}
	p.paused = false
	p.w.tracef("%s goes on", p.name)
	backlog := p.backlog
	p.backlog = nil
	for _, f := range backlog {
		p.w.after(0, f)
	}
}

// stepper calls step when step asked for it, or when poked.
type stepper struct {
	p    *process
	step func() time.Duration
	at   time.Duration
	gen  uint64 // of the newest schedule
	set  bool
}

func (s *stepper) poke(d time.Duration) {
	at := s.p.w.now + d
	if s.set && s.at <= at {
		return
	}
	s.gen++
	gen := s.gen
	s.at, s.set = at, true
	s.p.after(d, func() {
		if gen != s.gen {
			return
		}
		s.set = false
		if wait := s.step(); wait < time.Hour {
			s.poke(max(wait, time.Millisecond/4))
		}
	})
}

// soon pokes as if something had just woken it.
func (s *stepper) soon() { s.poke(s.p.w.between(0, 200*time.Microsecond)) }
