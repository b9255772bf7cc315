package swarm

import (
	"sync"
	"time"

	"teahouse/bench/outage"
	"teahouse/bench/report"
	"teahouse/pkg/game"
	"teahouse/pkg/wire/wirepb"
)

// watch is a player's outages.
type watch struct {
	mu   sync.Mutex
	kept outage.Keeper
}

func (w *watch) do(f func(*outage.Keeper)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f(&w.kept)
}

// out is how much of the time between two moments the player was cut off.
func (w *watch) out(from, to time.Time) time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.kept.Out(from, to)
}

// hearing is who has heard what at the tables that are open.
type hearing struct {
	mu   sync.Mutex
	open map[game.TableID]*heard
}

// heard is one of them.
type heard struct {
	mu    sync.Mutex
	table *outage.Table
}

func (h *hearing) at(id game.TableID) *heard {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.open == nil {
		h.open = make(map[game.TableID]*heard)
	}
	t := h.open[id]
	if t == nil {
		t = &heard{table: outage.NewTable()}
		h.open[id] = t
	}
	return t
}

// left forgets a table that the last of ours has left.
func (h *hearing) left(id game.TableID, player game.PlayerID) {
	t := h.at(id)
	t.mu.Lock()
	n := t.table.Left(player)
	t.mu.Unlock()
	if n == 0 {
		h.mu.Lock()
		defer h.mu.Unlock()
		delete(h.open, id)
	}
}

func (t *heard) push(s *Swarm, player game.PlayerID, p *wirepb.Push, now time.Time) (since time.Time, late bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.table.Heard(player, p, func(id game.PlayerID) bool { return s.ours[id] }, now)
}

// owed is since when others have heard what a player has not.
func (h *hearing) owed() map[game.PlayerID]time.Time {
	h.mu.Lock()
	tables := make([]*heard, 0, len(h.open))
	for _, t := range h.open {
		tables = append(tables, t)
	}
	h.mu.Unlock()
	owed := make(map[game.PlayerID]time.Time)
	for _, t := range tables {
		t.mu.Lock()
		t.table.Owed(func(player game.PlayerID, since time.Time) {
			if old, in := owed[player]; !in || since.Before(old) {
				owed[player] = since
			}
		})
		t.mu.Unlock()
	}
	return owed
}

// felt is the length from which on somebody notices.
const felt = time.Second

// outages looks at everybody.
func (s *Swarm) outages(now time.Time) report.Outages {
	var r report.Outages
	var each report.Latency
	var longest outage.Span
	owed := s.hearing.owed()
	for _, p := range s.players {
		var span, open outage.Span
		p.watch.do(func(k *outage.Keeper) {
			if since, in := owed[p.id]; in {
				open = k.Clip(outage.Span{From: since, To: now, Cause: outage.Unheard})
			}
			if lasts, in := k.Open(now); in && lasts.Length() > open.Length() {
				open = lasts
			}
			span = k.Longest(now)
		})
		if open.Length() > span.Length() {
			span = open
		}
		each.Record(span.Length())
		if span.Length() > longest.Length() {
			longest = span
		}
		if span.Length() >= felt {
			r.Felt++
		}
		if open.Length() >= felt {
			r.Open++
		}
	}
	r.LongestMS, r.Cause = float64(longest.Length().Microseconds())/1000, longest.Cause.String()
	r.ByPlayerMS = each.Millis()
	return r
}

// LongestOutage is the longest time so far for which a player could not act or not hear; see
// package outage. One that lasts counts.
func (s *Swarm) LongestOutage() time.Duration {
	return time.Duration(s.outages(time.Now()).LongestMS * float64(time.Millisecond))
}
