package coordinator

import (
	"fmt"
	"slices"

	"teahouse/node/coordinator/coordpb"
	"teahouse/pkg/game"
	"teahouse/pkg/planted"
	"teahouse/pkg/wire/wirepb"
)

// guest makes a new player.
func (s *state) guest(g *coordpb.Guest) result {
	s.lastPlayer++
	p := &player{id: game.PlayerID(s.lastPlayer), name: g.GetName()}
	return s.login(p, g.GetPlace())
}

// resume continues a player in a new session. A player that was forgotten has lost its name. An attempt
// with a lower number than a previous one of the same device was delayed on the way: its client uses
// the session of the higher one, so it must not supersede that.
func (s *state) resume(r *coordpb.Resume, e *effects) result {
	id := game.PlayerID(r.GetPlayer())
	if id == 0 || uint64(id) > s.lastPlayer {
		return result{code: wirepb.Code_TOKEN_INVALID}
	}
	p, ok := s.players[id]
	if !ok {
		p = &player{id: id}
	}
	if r.GetDevice() != 0 && r.GetDevice() == p.device && r.GetAttempt() < p.attempt {
		return result{code: wirepb.Code_SUPERSEDED}
	}
	p.device, p.attempt = r.GetDevice(), r.GetAttempt()
	before := superseded{gateway: p.gateway, session: p.session, epoch: p.epoch}
	out := s.login(p, r.GetPlace())
	if before.gateway != "" && before.gateway != p.gateway { // the same gateway sees the new session itself
		before.newer = p.epoch
		e.superseded = append(e.superseded, before)
	}
	return out
}

// login gives the player the next epoch; queue commands are numbered anew.
func (s *state) login(p *player, at *coordpb.Place) result {
	s.lastEpoch++
	p.epoch, p.last = s.lastEpoch, nil
	p.gateway, p.session = at.GetGateway(), at.GetSession()
	if p.name == "" {
		p.name = fmt.Sprintf("guest-%d", p.id)
	}
	s.players[p.id] = p
	s.touch(p)
	r := result{player: p.id, name: p.name, epoch: p.epoch, ticket: p.ticket, table: p.table}
	s.forget()
	return r
}

// touch makes the player the most recently used one, and updates whether it is in the idle list.
func (s *state) touch(p *player) {
	switch idle := p.ticket == 0 && p.table == 0; {
	case idle && p.idle == nil:
		p.idle = s.idle.PushBack(p)
	case idle:
		s.idle.MoveToBack(p.idle)
	case p.idle != nil:
		s.idle.Remove(p.idle)
		p.idle = nil
	}
}

// forget drops the least recently used idle players beyond the bound. Their
// next queue command is answered with SESSION_FORGOTTEN, and they resume.
func (s *state) forget() {
	for s.idle.Len() > int(s.settings.GetMaxIdle()) {
		p := s.idle.Remove(s.idle.Front()).(*player)
		delete(s.players, p.id)
	}
}

// session returns the player if epoch is that of its newest login. Otherwise code says whether the
// session has a successor or the player was forgotten.
func (s *state) session(id, epoch uint64) (p *player, code game.Code) {
	p, ok := s.players[game.PlayerID(id)]
	switch {
	case !ok:
		return nil, wirepb.Code_SESSION_FORGOTTEN
	case p.epoch != epoch:
		return nil, wirepb.Code_SUPERSEDED
	}
	return p, wirepb.Code_OK
}

// binding returns the player's ticket or table.
func (s *state) binding(b *coordpb.Binding) result {
	p, code := s.session(b.GetPlayer(), b.GetEpoch())
	if code != wirepb.Code_OK {
		return result{code: code}
	}
	return result{ticket: p.ticket, table: p.table}
}

// decide runs a queue command at most once: a repetition gets the answer of the first time, whatever it
// was.
func (s *state) decide(id, epoch, number uint64, hash [32]byte, run func(*player) result) result {
	p, code := s.session(id, epoch)
	switch {
	case code != wirepb.Code_OK:
		return result{code: code}
	case number == 0:
		return result{code: wirepb.Code_BAD_REQUEST}
	case p.last == nil || number > p.last.number || planted.Is(planted.PairForgotten):
		r := run(p)
		p.last = &pair{number: number, hash: hash, result: r}
		s.touch(p)
		s.forget()
		return r
	case number < p.last.number:
		return result{code: wirepb.Code_ALREADY_DECIDED}
	case hash != p.last.hash:
		return result{code: wirepb.Code_NUMBER_REUSED}
	default:
		return p.last.result
	}
}

// ended frees the players of a table. It may arrive before the shard's answer to the table's creation,
// and then confirms the creation too.
func (s *state) ended(c *coordpb.Ended, e *effects) result {
	id := game.TableID(c.GetTable())
	if item := s.takePending(id); item != nil {
		s.seat(item, e)
	}
	if planted.Is(planted.UnbindsAnyone) {
		s.unbind(c.GetPlayers())
	}
	t, ok := s.tables[id]
	if !ok {
		return result{}
	}
	for _, n := range c.GetPlayers() {
		i := slices.Index(t.players, game.PlayerID(n))
		if i < 0 {
			continue
		}
		t.players = slices.Delete(t.players, i, i+1)
		if p, ok := s.players[game.PlayerID(n)]; ok && p.table == id {
			p.table = 0
			s.touch(p)
		}
	}
	if len(t.players) == 0 {
		delete(s.tables, id)
		if sh := s.shard(id.Shard()); sh != nil {
			sh.open--
		}
	}
	s.forget()
	return result{}
}

// unbind is a planted bug: it does not check which table the players are at.
func (s *state) unbind(players []uint64) {
	for _, n := range players {
		p, ok := s.players[game.PlayerID(n)]
		if !ok || p.table == 0 {
			continue
		}
		t := s.tables[p.table]
		t.players = slices.DeleteFunc(t.players, func(id game.PlayerID) bool { return id == p.id })
		p.table = 0
		s.touch(p)
	}
}
