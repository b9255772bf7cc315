package table

import (
	"teahouse/node/table/tablepb"
	"teahouse/pkg/game"
	"teahouse/pkg/wire/wirepb"
)

// MaxGrace bounds how much later than its limit a seat's answer may come because its line is slow, in
// milliseconds.
const MaxGrace = 500

const (
	// untimedLimit is how long a table without time limits waits all the same, because somebody who has
	// fallen asleep over it must not keep it for ever.
	untimedLimit = 3_600_000

	// prolongedAfter is how old a question must be to be told that it has its time again: a table whose
	// leaders come and go must not fill its seats' streams.
	prolongedAfter = 1000

	// maxComings bounds how often a seat's coming and going is told in one hand.
	maxComings = 20
)

// clock returns how the table times its questions; nil = as level 1 did.
func (t *Table) clock() *tablepb.Clock { return t.timing.GetClock() }

// hear takes the round trip that came with a seat's command.
func (t *Table) hear(s *seat, lagMS uint32) {
	if t.clock() != nil {
		s.grace = min(lagMS, MaxGrace)
	}
}

// graceOf returns how much longer than its limits a new prompt of a seat stays open. Everybody sees when a
// window closes, so a secret prompt has the longest grace of the table, whoever is asked.
func (t *Table) graceOf(i int, secret bool) uint32 {
	grace := t.seats[i].grace
	if secret {
		for _, s := range t.seats {
			grace = max(grace, s.grace)
		}
	}
	return grace
}

// opens makes the prompt of a seat that the game asks now; its number is not known yet.
func (t *Table) opens(i int, p game.Prompt) prompt {
	s := t.seats[i]
	q := prompt{serial: p.Serial, opened: t.now, limit: milliseconds(p.Limit)}
	switch c := t.clock(); {
	case c == nil || s.bot():
		return q
	case c.GetUntimed():
		q.limit = 0
	case !p.Secret:
		q.reserve = s.reserve
	}
	q.secret = p.Secret
	return q
}

// spend takes what a seat has used of its reserve for a prompt that closes now. The rule is one for
// all, so that archives, which hold no lag, agree: what is within the longest grace costs nothing.
func (t *Table) spend(s *seat) {
	p := &s.prompt
	if p.number == 0 || p.reserve == 0 {
		return
	}
	end := p.opened + uint64(p.limit) + MaxGrace
	used := max(t.now, end) - end
	s.reserve -= uint32(min(used, uint64(p.reserve)))
}

// setDue sets when an open prompt times out. Leaving auto-play gives the seat the rest of the prompt's
// time and no more, so that nobody can delay the game by switching.
func (t *Table) setDue(i int) {
	s := t.seats[i]
	p := &s.prompt
	p.due = p.opened + uint64(p.limit) + uint64(p.reserve)
	switch {
	case t.clock().GetUntimed() && !s.bot():
		p.due = p.opened + untimedLimit
	case t.clock() != nil && !s.bot():
		p.due += uint64(t.graceOf(i, p.secret))
	}
	if s.auto {
		p.due = min(p.due, t.now+uint64(t.timing.GetAutoMs()))
	}
}

// left returns what is left of a limit and a reserve since opened. While there is a limit, one
// of them is not 0, which means that there is none.
func (t *Table) left(opened uint64, limit, reserve uint32) (uint32, uint32) {
	if limit == 0 && reserve == 0 {
		return 0, 0
	}
	gone := t.now - min(opened, t.now)
	over := gone - min(gone, uint64(limit))
	limit -= uint32(min(gone, uint64(limit)))
	reserve -= uint32(min(over, uint64(reserve)))
	if limit == 0 && reserve == 0 {
		limit = 1
	}
	return limit, reserve
}

// turn is whom the table openly waits for; no seats = nobody. It is told to all seats alike and keeps what
// was told until nobody of them is asked any more, because who of several has answered is nobody's
// business.
type turn struct {
	seats  []uint32
	opened uint64
	limit  uint32
}

// nextTurn updates the turn after a step of the game and reports whether there is a new one.
func (t *Table) nextTurn() bool {
	if t.clock() == nil {
		return false
	}
	began, waits := turn{opened: t.now}, false
	for i, s := range t.seats {
		p := t.play.Prompt(i)
		if p.Serial == 0 || p.Secret {
			continue
		}
		waits = true
		if p.Serial != s.prompt.serial {
			began.seats = append(began.seats, uint32(i))
			began.limit = max(began.limit, milliseconds(p.Limit))
		}
	}
	if t.clock().GetUntimed() {
		began.limit = 0
	}
	switch {
	case len(began.seats) > 0:
		t.turn = began
		return true
	case !waits:
		t.turn = turn{}
	}
	return false
}

// turnReserve returns what everybody is told about the reserve of whoever is asked openly: the
// most that it can be.
func (t *Table) turnReserve() uint32 {
	if t.clock().GetUntimed() {
		return 0
	}
	return t.clock().GetReserveMs()
}

// turnMessage returns the turn with the times that are left; nil = nobody is waited for openly.
func (t *Table) turnMessage() *wirepb.Turn {
	if len(t.turn.seats) == 0 {
		return nil
	}
	limit, reserve := t.left(t.turn.opened, t.turn.limit, t.turnReserve())
	return &wirepb.Turn{Seats: t.turn.seats, LimitMs: limit, ReserveMs: reserve}
}

// prolong gives the open questions their full time again, because players could not answer while
// there was no leader.
func (t *Table) prolong() {
	for i, s := range t.seats {
		p := &s.prompt
		if p.number == 0 {
			continue
		}
		old := t.now-p.opened > prolongedAfter
		p.opened = t.now
		t.setDue(i)
		if t.clock() != nil && old && !s.bot() && p.limit != 0 {
			t.emit(i, encode(&wirepb.TableEvent{Body: &wirepb.TableEvent_Prolonged{Prolonged: &wirepb.Prolonged{
				Prompt: p.number, LimitMs: p.limit, ReserveMs: p.reserve,
			}}}))
		}
	}
	if len(t.turn.seats) == 0 {
		return
	}
	old := t.now-t.turn.opened > prolongedAfter
	t.turn.opened = t.now
	if !old || t.turn.limit == 0 {
		return
	}
	payload := encode(&wirepb.TableEvent{Body: &wirepb.TableEvent_Prolonged{Prolonged: &wirepb.Prolonged{
		LimitMs: t.turn.limit, ReserveMs: t.turnReserve(),
	}}})
	for i := range t.seats {
		t.emit(i, payload)
	}
}

// tellHere tells all seats whether a seat's player is there, if that is news to them.
func (t *Table) tellHere(i int) {
	s := t.seats[i]
	if t.clock() == nil || s.bot() || s.here == s.attached || s.comings >= maxComings {
		return
	}
	s.here = s.attached
	s.comings++
	t.broadcast(&wirepb.TableEvent{Body: &wirepb.TableEvent_SeatChanged{
		SeatChanged: &wirepb.SeatChanged{Seat: uint32(i), Here: s.here},
	}})
}

// beReady notes that a seat needs no more of the pause before the next hand.
func (t *Table) beReady(i int, m *tablepb.Move) error {
	s := t.seats[i]
	switch {
	case len(m.GetMove()) != 0 || len(m.GetNonce()) != 0 || m.GetAutoPlay() != wirepb.AutoPlay_AUTO_UNCHANGED:
		return game.Errorf(wirepb.Code_MOVE_MALFORMED, "ready comes alone")
	case t.clock() == nil || t.phase != tablepb.Phase_BETWEEN || t.hand == 0 || m.GetReady() != t.hand+1:
		return game.Errorf(wirepb.Code_NOT_OFFERED, "there is no pause before hand %d", m.GetReady())
	case s.ready:
		return game.Errorf(wirepb.Code_NOT_OFFERED, "the seat is ready for hand %d already", m.GetReady())
	}
	s.ready = true
	t.broadcast(&wirepb.TableEvent{Body: &wirepb.TableEvent_Ready{Ready: &wirepb.Ready{Seat: uint32(i), Hand: t.hand + 1}}})
	return nil
}

// allReady reports whether whoever is there has said that he is ready, and somebody has.
func (t *Table) allReady() bool {
	ready := false
	for _, s := range t.seats {
		if s.attached && !s.ready {
			return false
		}
		ready = ready || s.ready
	}
	return ready
}

// freshHand begins the clock of a hand.
func (t *Table) freshHand() {
	for i, s := range t.seats {
		s.reserve, s.ready, s.comings = t.turnReserve(), false, 0
		t.tellHere(i)
	}
}
