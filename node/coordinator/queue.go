package coordinator

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"slices"

	"teahouse/node/coordinator/coordpb"
	"teahouse/pkg/game"
	"teahouse/pkg/planted"
	"teahouse/pkg/wire/wirepb"
)

// maxStake bounds the points of one base unit.
const maxStake = 1_000_000

// join gives the player a ticket.
func (s *state) join(j *coordpb.Join) result {
	hash := sha256.Sum256(fmt.Appendf(nil, "join %q %q %d %d", j.GetQueue(), j.GetMode(), j.GetStake(), j.GetHands()))
	return s.decide(j.GetPlayer(), j.GetEpoch(), j.GetNumber(), hash, func(p *player) result {
		switch {
		case p.table != 0:
			return result{code: wirepb.Code_AT_TABLE, table: p.table}
		case p.ticket != 0:
			return result{code: wirepb.Code_ALREADY_QUEUED, ticket: p.ticket}
		}
		key, code := s.queueKey(j)
		if code != wirepb.Code_OK {
			return result{code: code}
		}
		full := s.waiting >= int(s.settings.GetMaxTickets())
		if s.queues[key] == nil {
			full = full || len(s.queues) >= int(s.settings.GetMaxQueues())
		}
		if full {
			return result{code: wirepb.Code_QUEUE_FULL}
		}
		s.lastTicket++
		t := &ticket{id: s.lastTicket, player: p.id, rating: game.DefaultRating, joinedMs: s.now, key: key}
		s.tickets[t.id] = t
		p.ticket = t.id
		s.enqueue(t)
		return result{ticket: t.id}
	})
}

// queueKey returns what the player wants to play, with the queue's defaults filled in.
func (s *state) queueKey(j *coordpb.Join) (queueKey, game.Code) {
	q := s.queueSettings(j.GetQueue())
	if q == nil {
		return queueKey{}, wirepb.Code_QUEUE_UNKNOWN
	}
	k := queueKey{
		modeKey: modeKey{q.GetName(), cmp.Or(j.GetMode(), q.GetModes()[0].GetName())},
		stake:   cmp.Or(j.GetStake(), first(q.GetStakes()), 1),
		hands:   cmp.Or(j.GetHands(), first(q.GetHands()), q.GetDefaultHands()),
	}
	switch {
	case mode(q, k.mode) == nil:
		return k, wirepb.Code_QUEUE_UNKNOWN
	case !s.playable(mode(q, k.mode).GetGame()): // some member's binary does not know the game
		return k, wirepb.Code_QUEUE_UNKNOWN
	case len(q.GetStakes()) > 0 && !slices.Contains(q.GetStakes(), k.stake):
		return k, wirepb.Code_STAKE_UNKNOWN
	case len(q.GetHands()) > 0 && !slices.Contains(q.GetHands(), k.hands):
		return k, wirepb.Code_HANDS_UNKNOWN
	case k.stake > maxStake || k.hands > q.GetMaxHands():
		return k, wirepb.Code_BAD_REQUEST
	}
	return k, wirepb.Code_OK
}

// first returns the first number of a list, or 0.
func first(list []uint32) uint32 {
	if len(list) == 0 {
		return 0
	}
	return list[0]
}

// mode finds a queue's mode by name; nil if there is none, or no queue.
func mode(q *coordpb.Queue, name string) *coordpb.Mode {
	i := slices.IndexFunc(q.GetModes(), func(m *coordpb.Mode) bool { return m.GetName() == name })
	if i < 0 {
		return nil
	}
	return q.GetModes()[i]
}

// cancel removes a ticket that has not matched.
func (s *state) cancel(c *coordpb.Cancel) result {
	hash := sha256.Sum256(fmt.Appendf(nil, "cancel %d", c.GetTicket()))
	return s.decide(c.GetPlayer(), c.GetEpoch(), c.GetNumber(), hash, func(p *player) result {
		t := s.tickets[p.ticket]
		switch {
		case p.table != 0:
			return result{code: wirepb.Code_AT_TABLE, table: p.table}
		case t == nil || t.id != c.GetTicket():
			return result{code: wirepb.Code_NO_TICKET}
		case t.table != 0 && planted.Is(planted.CancelMatched):
			t.table = 0
			delete(s.tickets, t.id)
			p.ticket = 0
			return result{}
		case t.table != 0: // matched, but the shard has not confirmed the table yet
			return result{code: wirepb.Code_AT_TABLE, table: t.table}
		}
		s.dequeue(t)
		delete(s.tickets, t.id)
		p.ticket = 0
		return result{}
	})
}

func byTicket(t *ticket, id uint64) int { return cmp.Compare(t.id, id) }

// enqueue puts a ticket into its queue, by id: a new one at the end, one that comes back at its old
// place.
func (s *state) enqueue(t *ticket) {
	q := s.queues[t.key]
	if q == nil {
		q = &queue{}
		s.queues[t.key] = q
	}
	i, _ := slices.BinarySearchFunc(q.tickets, t.id, byTicket)
	q.tickets = slices.Insert(q.tickets, i, t)
	s.waiting++
}

// dequeue removes a waiting ticket from its queue.
func (s *state) dequeue(t *ticket) {
	q := s.queues[t.key]
	if q == nil {
		return
	}
	if i, ok := slices.BinarySearchFunc(q.tickets, t.id, byTicket); ok {
		q.tickets = slices.Delete(q.tickets, i, i+1)
		s.waiting--
	}
	if len(q.tickets) == 0 {
		delete(s.queues, t.key)
	}
}
