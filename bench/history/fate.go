package history

import (
	"maps"
	"slices"

	"teahouse/pkg/game"
	"teahouse/pkg/wire/wirepb"
)

// fates counts how each of a player's tickets ended: in exactly one of matched, cancelled
// and still queued.
func (c *checker) fates(p game.PlayerID) {
	ops, audit := c.ops[p], &c.result.Audit
	end, ok := last(ops)
	if !ok {
		c.found(&audit.Unread, "player %d was not read at the end", p)
		return
	}
	var (
		tickets   = make(map[uint64]bool)         // whose number the player was told
		cancelled = make(map[uint64]bool)         // for sure
		perhaps   = make(map[uint64]bool)         // possibly cancelled
		told      = make(map[uint64]game.TableID) // what they became
		tables    []game.TableID                  // all of these
		unnamed   = 0                             // joins that may have given a ticket with an unknown number
	)
	for _, o := range ops {
		if o.Got != 0 {
			tickets[o.Got] = true
		}
		switch {
		case o.Kind == Told:
			if before, twice := told[o.Got]; twice && before != o.Table {
				c.found(&audit.TwoFates, "player %d: ticket %d became table %v and %v", p, o.Got, before, o.Table)
			}
			told[o.Got] = o.Table
			tables = append(tables, o.Table)
		case o.Kind == Join && (o.open() || o.Doubt && o.Got == 0):
			unnamed++
		case o.Kind == Cancel && (o.open() || o.Doubt):
			perhaps[o.Ticket] = true
		case o.Kind == Cancel && o.answered(wirepb.Code_OK):
			cancelled[o.Ticket] = true
		}
	}
	sat := c.sat(p)
	if n := len(sat) - len(c.cfg.Over[p]); n > 1 {
		c.found(&audit.BoundTwice, "player %d sat at the tables %v, of which %v are over", p, sat, c.cfg.Over[p])
	}
	untold := slices.DeleteFunc(sat, func(id game.TableID) bool { return slices.Contains(tables, id) })

	var loose []uint64 // no fate found yet
	for _, t := range slices.Sorted(maps.Keys(tickets)) {
		_, matched := told[t]
		switch queued := end.Got == t; {
		case cancelled[t] && matched:
			c.found(&audit.CancelledMatched, "player %d: ticket %d was cancelled and became table %v", p, t, told[t])
		case queued && (cancelled[t] || matched):
			c.found(&audit.TwoFates, "player %d: ticket %d waits, but was cancelled or matched", p, t)
		case matched:
			c.result.Matched++
		case cancelled[t]:
			c.result.Cancelled++
		case queued:
			c.result.Queued++
		default:
			loose = append(loose, t)
		}
	}
	// A match that the player was not told of shows in its binding. If possible, pick a ticket that
	// cannot have been cancelled.
	slices.SortStableFunc(loose, func(a, b uint64) int {
		switch {
		case perhaps[a] == perhaps[b]:
			return 0
		case perhaps[a]:
			return 1
		}
		return -1
	})
	for _, t := range loose {
		switch {
		case len(untold) > 0:
			untold = untold[1:]
			c.result.Matched++
		case perhaps[t]:
			c.result.Cancelled++
		default:
			c.found(&audit.Lost, "player %d: ticket %d was neither matched nor cancelled, and waits no longer", p, t)
		}
	}
	for _, id := range untold {
		if unnamed == 0 {
			c.found(&audit.Unticketed, "player %d sits at table %v without a ticket for it", p, id)
			continue
		}
		unnamed--
		c.result.Tickets++
		c.result.Matched++
	}
	c.result.Tickets += len(tickets)
}

// last is the player's final Read, if every command was answered before it was sent.
func last(ops []Op) (end Op, ok bool) {
	for _, o := range ops {
		if o.Kind == Read && o.answered(wirepb.Code_OK) {
			end, ok = o, true
		}
	}
	for _, o := range ops {
		if (o.Kind == Join || o.Kind == Cancel) && !o.open() && o.Return > end.Call {
			return end, false
		}
	}
	return end, ok
}

// sat lists the tables at which the player sat, by id.
func (c *checker) sat(p game.PlayerID) (ids []game.TableID) {
	at := make(map[game.TableID]bool)
	for _, o := range c.ops[p] {
		if o.seats() && !o.open() {
			at[o.Table] = true
		}
	}
	for _, id := range c.cfg.Over[p] {
		at[id] = true
	}
	return slices.Sorted(maps.Keys(at))
}
