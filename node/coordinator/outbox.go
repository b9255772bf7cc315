package coordinator

import (
	"cmp"
	"slices"

	"teahouse/node/coordinator/coordpb"
	"teahouse/pkg/game"
)

// created applies a shard's answer to an item of its outbox. An item that is no longer there was
// answered before.
func (s *state) created(c *coordpb.Created, e *effects) result {
	item := s.takePending(game.TableID(c.GetTable()))
	switch {
	case item == nil:
	case c.GetRefused():
		for _, t := range item.tickets {
			t.table = 0
			s.enqueue(t)
		}
		s.shard(item.table().Shard()).refusedUntil = s.now + uint64(s.settings.GetPassOverMs())
	default:
		e.notices = append(e.notices, s.seat(item, e)...)
	}
	return result{}
}

// seat binds the players of a confirmed item to their table.
func (s *state) seat(item *pending, e *effects) []notice {
	id := item.table()
	t := &roomTable{}
	if len(item.tickets) > 0 && Level(s.members) >= levelChoices {
		t.modeKey = item.tickets[0].key.modeKey
	}
	var notices []notice
	for _, tk := range item.tickets {
		delete(s.tickets, tk.id)
		e.waits = append(e.waits, wait{tk.key, s.now - min(s.now, tk.joinedMs)})
		p, ok := s.players[tk.player]
		if !ok || p.ticket != tk.id {
			continue
		}
		p.ticket, p.table = 0, id
		t.players = append(t.players, p.id)
		notices = append(notices, notice{gateway: p.gateway, session: p.session, epoch: p.epoch, ticket: tk.id, table: id})
	}
	slices.Sort(t.players)
	s.tables[id] = t
	s.shard(id.Shard()).open++
	return notices
}

// takePending removes an unconfirmed table from its outbox; nil if there is none.
func (s *state) takePending(id game.TableID) *pending {
	sh := s.shard(id.Shard())
	if sh == nil {
		return nil
	}
	i, ok := slices.BinarySearchFunc(sh.outbox, id, func(p *pending, id game.TableID) int {
		return cmp.Compare(p.table(), id)
	})
	if !ok {
		return nil
	}
	item := sh.outbox[i]
	sh.outbox = slices.Delete(sh.outbox, i, i+1)
	return item
}
