package shard

import (
	"container/heap"
	"time"
)

// timers are the leader's timers, in log time: bots' pauses, detaches, retries. They end with the
// leadership; the next leader sets its own.
type timers struct{ order timerHeap }

type timer struct {
	due uint64
	f   func()
}

func (t *timers) add(due uint64, f func()) { heap.Push(&t.order, timer{due, f}) }

func (t *timers) next() (due uint64, ok bool) {
	if len(t.order) == 0 {
		return 0, false
	}
	return t.order[0].due, true
}

func (t *timers) due(now uint64) []func() {
	var due []func()
	for len(t.order) > 0 && t.order[0].due <= now {
		due = append(due, heap.Pop(&t.order).(timer).f)
	}
	return due
}

type timerHeap []timer

func (h timerHeap) Len() int           { return len(h) }
func (h timerHeap) Less(i, j int) bool { return h[i].due < h[j].due }
func (h timerHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *timerHeap) Push(x any)        { *h = append(*h, x.(timer)) }
func (h *timerHeap) Pop() any {
	old := *h
	n := len(old) - 1
	x := old[n]
	old[n] = timer{}
	*h = old[:n]
	return x
}

// after calls f on the loop once d has passed in log time.
func (l *leader) after(d time.Duration, f func()) {
	l.timers.add(l.now()+uint64(d/time.Millisecond), f)
}
