package shard

import (
	"container/heap"
	"maps"
	"slices"
	"time"

	"teahouse/node/table"
	"teahouse/node/table/tablepb"
	"teahouse/pkg/game"
)

// timers are the leader's own, in log time: bots' pauses, detaches, retries.
// They are lost with the leadership; the next leader makes its own.
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

// watch begins, behind everything that waits now, to watch the attachments
// that match. id limits it to one table; 0 = all.
func (s *Shard) watch(match func(*table.Table, table.Attachment) bool, id game.TableID) {
	// Who does not lead needs not: the next leader watches all attachments.
	_ = s.inbox.put(item{after: func(l *leader) { l.watchAll(match, id) }})
}

// watched is an attachment that may have to end.
type watched struct {
	table  game.TableID
	seat   int
	number uint64
}

// watchAll gives the matching attachments the time to be made anew, then
// detaches those that were not.
func (l *leader) watchAll(match func(*table.Table, table.Attachment) bool, id game.TableID) {
	var list []watched
	l.s.mu.Lock()
	look := func(t *table.Table) {
		for _, a := range t.Attachments() {
			if match(t, a) {
				list = append(list, watched{t.ID(), a.Seat, a.Number})
			}
		}
	}
	if t := l.s.state.tables[id]; t != nil {
		look(t)
	} else if id == 0 {
		for _, id := range slices.Sorted(maps.Keys(l.s.state.tables)) { // the same order in every run
			look(l.s.state.tables[id])
		}
	}
	l.s.mu.Unlock()
	if len(list) > 0 {
		l.after(l.s.cfg.DetachAfter, func() { l.detach(list) })
	}
}

func (l *leader) detach(list []watched) {
	var still []watched
	l.s.mu.Lock()
	for _, w := range list {
		if t := l.s.state.tables[w.table]; t != nil {
			for _, a := range t.Attachments() {
				if a.Seat == w.seat && a.Number == w.number {
					still = append(still, w)
				}
			}
		}
	}
	l.s.mu.Unlock()
	for _, w := range still {
		l.command(&tablepb.Command{Table: uint64(w.table), Body: &tablepb.Command_Detach{
			Detach: &tablepb.Detach{Seat: uint32(w.seat), Attachment: w.number},
		}}, nil)
	}
}
