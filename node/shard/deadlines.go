package shard

import (
	"container/heap"

	"teahouse/node/table"
	"teahouse/pkg/game"
)

// deadlines orders tables by their next deadline.
type deadlines struct {
	order []*deadline // heap
	of    map[game.TableID]*deadline
}

type deadline struct {
	table *table.Table
	due   uint64
	at    int // index in order
}

func newDeadlines() deadlines { return deadlines{of: make(map[game.TableID]*deadline)} }

// set updates the entry of a table to its next deadline.
func (d *deadlines) set(t *table.Table) {
	due, ok := t.NextDeadline()
	e := d.of[t.ID()]
	switch {
	case !ok:
		d.remove(t.ID())
	case e == nil:
		e = &deadline{table: t, due: due}
		d.of[t.ID()] = e
		heap.Push(d, e)
	case e.due != due:
		e.due = due
		heap.Fix(d, e.at)
	}
}

func (d *deadlines) remove(id game.TableID) {
	if e := d.of[id]; e != nil {
		heap.Remove(d, e.at)
		delete(d.of, id)
	}
}

// next returns the log time of the earliest deadline.
func (d *deadlines) next() (due uint64, ok bool) {
	if len(d.order) == 0 {
		return 0, false
	}
	return d.order[0].due, true
}

// due lists at most n tables with a deadline at now or before. It visits only those nodes of the heap
// that are due, and their children.
func (d *deadlines) due(now uint64, n int) []*table.Table {
	var due []*table.Table
	todo := []int{0}
	for len(todo) > 0 && len(due) < n {
		i := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if i < len(d.order) && d.order[i].due <= now {
			due = append(due, d.order[i].table)
			todo = append(todo, 2*i+1, 2*i+2)
		}
	}
	return due
}

// heap.Interface.

func (d *deadlines) Len() int           { return len(d.order) }
func (d *deadlines) Less(i, j int) bool { return d.order[i].due < d.order[j].due }
func (d *deadlines) Swap(i, j int) {
	d.order[i], d.order[j] = d.order[j], d.order[i]
	d.order[i].at, d.order[j].at = i, j
}
func (d *deadlines) Push(x any) {
	e := x.(*deadline)
	e.at = len(d.order)
	d.order = append(d.order, e)
}
func (d *deadlines) Pop() any {
	n := len(d.order) - 1
	e := d.order[n]
	d.order[n] = nil
	d.order = d.order[:n]
	return e
}
