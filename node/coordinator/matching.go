package coordinator

import (
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"

	"teahouse/node/coordinator/coordpb"
	"teahouse/node/match"
	"teahouse/pkg/game"
	"teahouse/pkg/link/linkpb"
	"teahouse/pkg/ring"
	"teahouse/pkg/wire/wirepb"
)

const seedLen = 32

// match makes tables from all queues, as long as there are shards that accept them.
func (s *state) match(m *coordpb.Match, e *effects) result {
	if len(m.GetSeed()) != seedLen {
		return result{code: wirepb.Code_BAD_REQUEST}
	}
	loads := s.loads(s.now)
	for _, key := range s.sortedQueues() {
		q := s.queues[key]
		for _, t := range s.plan(key, q, s.now).Tables {
			id, ok := ring.Place(t.Tickets[0], loads, s.settings.GetSlackPercent())
			if !ok {
				break
			}
			sh := s.shard(game.GroupID(id))
			s.create(sh, key, t, m.GetSeed())
			loads[id-1] = s.load(sh, s.now)
			if !slices.Contains(e.outbox, sh.id) {
				e.outbox = append(e.outbox, sh.id)
			}
		}
		q.tickets = slices.DeleteFunc(q.tickets, func(t *ticket) bool { return t.table != 0 })
		if len(q.tickets) == 0 {
			delete(s.queues, key)
		}
	}
	return result{}
}

// matchDue reports whether a Match at log time now would make a table. If not, next is the log time at
// which it would although nothing else has changed; 0 = never.
func (s *state) matchDue(now uint64) (due bool, next uint64) {
	if !s.ready() || s.waiting == 0 {
		return false, 0
	}
	sooner := func(at uint64) {
		if at > now && (next == 0 || at < next) {
			next = at
		}
	}
	room := false // some shard accepts a table
	for _, l := range s.loads(now) {
		room = room || !l.Refuses
	}
	if !room {
		for _, sh := range s.shards {
			sooner(sh.refusedUntil)
		}
		return false, next
	}
	for key, q := range s.queues {
		plan := s.plan(key, q, now)
		if len(plan.Tables) > 0 {
			return true, 0
		}
		sooner(plan.NextMs)
	}
	return false, next
}

func (s *state) sortedQueues() []queueKey {
	return slices.SortedFunc(maps.Keys(s.queues), queueKey.compare)
}

// plan runs the matcher on one queue.
func (s *state) plan(key queueKey, q *queue, now uint64) match.Plan {
	return match.Run(q.waiting(), now, s.matchSettings(key.modeKey))
}

// waiting returns the queue's tickets for the matcher.
func (q *queue) waiting() []match.Ticket {
	waiting := make([]match.Ticket, len(q.tickets))
	for i, t := range q.tickets {
		waiting[i] = match.Ticket{ID: t.id, Rating: t.rating, JoinedMs: t.joinedMs}
	}
	return waiting
}

// matchSettings returns the matcher's settings for a mode. Those of a mode that is no longer offered match
// nobody: its tickets wait until they are cancelled.
func (s *state) matchSettings(key modeKey) match.Settings {
	rules := s.queueSettings(key.name)
	played := mode(rules, key.mode)
	if played == nil {
		return match.Settings{}
	}
	return match.Settings{
		Seats:  int(cmp.Or(played.GetSeats(), s.settings.GetSeats())),
		Window: rules.GetWindow(), WidenPerSecond: rules.GetWidenPerSecond(), MaxWindow: rules.GetMaxWindow(),
		BotsAfterMs: rules.GetBotsAfterMs(), Alone: rules.GetAlone(),
	}
}

// loads returns the shards' loads for placement, by shard id.
func (s *state) loads(now uint64) []ring.Load {
	loads := make([]ring.Load, len(s.shards))
	for i, sh := range s.shards {
		loads[i] = s.load(sh, now)
	}
	return loads
}

func (s *state) load(sh *shard, now uint64) ring.Load {
	refuses := now < sh.refusedUntil || len(sh.outbox) >= int(s.settings.GetMaxPending())
	if len(sh.outbox) > 0 {
		// If the oldest creation has no answer for so long, the shard's leader does not respond. The
		// creations sent to it must wait; new tables go to other shards.
		refuses = refuses || now-sh.outbox[0].sinceMs > uint64(s.settings.GetStuckMs())
	}
	return ring.Load{Shard: uint32(sh.id), Tables: uint32(sh.open + len(sh.outbox)), Refuses: refuses}
}

// create gives a new table its number and puts it into its shard's outbox. The caller must remove the
// tickets from the queue's list.
func (s *state) create(sh *shard, key queueKey, t match.Table, seed []byte) {
	sh.lastSeq++
	id := game.MakeTableID(sh.id, sh.lastSeq)
	item := &pending{sinceMs: s.now}
	var at []*linkpb.Seat
	for _, n := range t.Tickets {
		tk := s.tickets[n]
		tk.table = id
		s.waiting--
		item.tickets = append(item.tickets, tk)
		seat := &linkpb.Seat{Player: uint64(tk.player)}
		if p, ok := s.players[tk.player]; ok {
			seat.Name = p.name
		}
		at = append(at, seat)
	}
	for n := range t.Bots {
		at = append(at, &linkpb.Seat{Name: fmt.Sprintf("bot-%d", n+1)})
	}
	random := derive(seed, "seats", id)
	for i := len(at) - 1; i > 0; i-- {
		j := int(random[i]) % (i + 1)
		at[i], at[j] = at[j], at[i]
	}
	played := mode(s.queueSettings(key.name), key.mode)
	item.create = &linkpb.CreateTable{
		Table: uint64(id), Secret: derive(seed, "secret", id),
		Game: played.GetGame(), GameVersion: s.gameVersion(played), Rules: played.GetRules(), Hands: key.hands, Stake: key.stake, Queue: key.name,
		Seats: at, Dealer: uint32(random[0]) % uint32(len(at)), Untimed: s.queueSettings(key.name).GetUntimed(),
	}
	sh.outbox = append(sh.outbox, item)
}

// derive returns 32 bytes for one purpose at one table.
func derive(seed []byte, use string, id game.TableID) []byte {
	mac := hmac.New(sha256.New, seed)
	mac.Write([]byte(use))
	mac.Write(binary.BigEndian.AppendUint64(nil, uint64(id)))
	return mac.Sum(nil)
}
