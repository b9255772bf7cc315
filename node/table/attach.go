package table

import (
	"teahouse/node/table/tablepb"
	"teahouse/pkg/game"
	"teahouse/pkg/planted"
	"teahouse/pkg/wire/wirepb"
)

// attach directs a seat's pushes to a session and pushes what that session has not seen: the missing
// events if they are kept, otherwise one snapshot.
func (t *Table) attach(a *tablepb.Attach) {
	i, s, err := t.seatOf(a.GetPlayer())
	if err == nil && a.GetEpoch() < s.epoch && !planted.Is(planted.LowerEpoch) {
		err = game.Errorf(wirepb.Code_SUPERSEDED, "epoch %d, the seat is at %d", a.GetEpoch(), s.epoch)
	}
	if err != nil {
		t.reply(nil, err)
		return
	}
	// The record of the hand needs only what affects the game. A client that attaches repeatedly,
	// with a new epoch or not, must not make it grow.
	t.out.changed = !s.attached
	s.attached, s.left = true, false
	s.attachment++
	s.epoch, s.gateway, s.session = a.GetEpoch(), a.GetGateway(), a.GetSession()
	t.hear(s, a.GetLagMs())

	last := s.stream.last()
	t.reply(encode(&wirepb.AttachReply{Seat: uint32(i), NextNumber: s.number + 1, LastEvent: last}), nil)
	switch after := a.GetLastEvent(); {
	case after > last:
		t.out.Reply.Code = wirepb.Code_RESUME_INVALID
		t.push(i, wirepb.Push_SNAPSHOT, last, encode(t.view(i)))
	case after < s.stream.dropped && planted.Is(planted.NoSnapshot):
		for n := s.stream.dropped + 1; n <= last; n++ {
			t.push(i, wirepb.Push_EVENT, n, s.stream.at(n))
		}
	case after < s.stream.dropped:
		t.push(i, wirepb.Push_SNAPSHOT, last, encode(t.view(i)))
	default:
		for n := after + 1; n <= last; n++ {
			t.push(i, wirepb.Push_EVENT, n, s.stream.at(n))
			if t.clock() != nil {
				t.out.Pushes[len(t.out.Pushes)-1].AgeMS = t.now - min(s.stream.happenedAt(n), t.now)
			}
		}
	}
	t.tellHere(i)
}

// detach ends the attachment of a session that did not come back in time.
func (t *Table) detach(d *tablepb.Detach) {
	i := int(d.GetSeat())
	if i >= len(t.seats) {
		return
	}
	s := t.seats[i]
	if !s.attached || s.attachment != d.GetAttachment() && d.GetAttachment() != 0 {
		return
	}
	s.attached, s.gateway, s.session = false, "", 0
	t.out.changed = true
	if t.phase < tablepb.Phase_SETTLING {
		t.tellHere(i)
		t.setAuto(i, true, wirepb.AutoPlayChanged_AWAY)
		t.broadcastAuto(i, true, wirepb.AutoPlayChanged_AWAY)
	}
}

// leave records that the player needs nothing more from the table.
func (t *Table) leave(l *tablepb.Leave) error {
	_, s, err := t.seatOf(l.GetPlayer())
	switch {
	case err != nil:
		return err
	case l.GetEpoch() < s.epoch:
		return game.Errorf(wirepb.Code_SUPERSEDED, "epoch %d, the seat is at %d", l.GetEpoch(), s.epoch)
	case t.phase < tablepb.Phase_ENDED:
		return game.Errorf(wirepb.Code_NOT_OVER, "the round still runs")
	}
	s.left = true
	t.forgetIfLeft()
	return nil
}

// forgetIfLeft ends the retention early if all players have left.
func (t *Table) forgetIfLeft() {
	if t.phase != tablepb.Phase_RELEASED {
		return
	}
	for _, s := range t.seats {
		if !s.bot() && !s.left {
			return
		}
	}
	t.phase = tablepb.Phase_GONE
	t.timerDue = 0
}

// allAttached reports whether all players are attached; bots need not be.
func (t *Table) allAttached() bool {
	for _, s := range t.seats {
		if !s.bot() && !s.attached {
			return false
		}
	}
	return true
}

// view returns everything that a seat may know now.
func (t *Table) view(i int) *wirepb.TableView {
	s := t.seats[i]
	v := &wirepb.TableView{
		Opened: t.opened, Hand: t.hand, Dealer: uint32(t.dealer),
		RoundEnded: t.phase >= tablepb.Phase_ENDED, Released: t.phase >= tablepb.Phase_RELEASED,
		Voided: t.voided, Seat: uint32(i), NextNumber: s.number + 1, Committed: t.commitment(),
	}
	if v.RoundEnded {
		v.Revealed = t.revealed()
	} else if t.delayed {
		v.Delayed = delayedBody()
	}
	for j, s := range t.seats {
		v.Totals = append(v.Totals, s.total)
		v.AutoPlay = append(v.AutoPlay, j == i && s.auto || j != i && s.autoShown)
		if t.clock() != nil {
			v.Here = append(v.Here, s.here || s.bot())
			v.Ready = append(v.Ready, s.ready)
		}
	}
	if t.play == nil {
		return v
	}
	v.Game = t.play.View(i)
	if p := s.prompt; p.number != 0 {
		limit, reserve := t.left(p.opened, p.limit, p.reserve)
		v.Prompt = &wirepb.OpenPrompt{
			Number: p.number,
			Prompt: &wirepb.Prompt{LimitMs: limit, ReserveMs: reserve, Game: t.play.Prompt(i).Payload},
		}
	}
	v.Turn = t.turnMessage()
	return v
}
