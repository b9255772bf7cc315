package table

import (
	"teahouse/node/table/tablepb"
	"teahouse/pkg/game"
	"teahouse/pkg/planted"
	"teahouse/pkg/wire/wirepb"
)

// timeoutsToAuto is how many time-outs in a row start auto-play.
const timeoutsToAuto = 2

// NextDeadline returns the log time (milliseconds) at which the table needs its next Deadline command.
func (t *Table) NextDeadline() (ms uint64, ok bool) {
	ms = t.timerDue
	for _, s := range t.seats {
		if d := s.prompt.due; s.prompt.number != 0 && (ms == 0 || d < ms) {
			ms = d
		}
	}
	return ms, ms != 0
}

// Due returns the Deadline commands that are due at nowMS.
func (t *Table) Due(nowMS uint64) []*tablepb.Deadline {
	var due []*tablepb.Deadline
	for i, s := range t.seats {
		if s.prompt.number != 0 && s.prompt.due <= nowMS {
			due = append(due, &tablepb.Deadline{Seat: uint32(i), Prompt: s.prompt.number})
		}
	}
	if t.timerDue != 0 && t.timerDue <= nowMS {
		due = append(due, &tablepb.Deadline{Timer: t.timer})
	}
	return due
}

// arm starts the table's timer; 0 ms stops it.
func (t *Table) arm(ms uint32) {
	t.timerDue = 0
	if ms > 0 {
		t.timer++
		t.timerDue = t.now + uint64(ms)
	}
}

// deadline has an effect only if it names the prompt or timer that is open now, and if that is due:
// meanwhile a move may have closed the prompt, or TookOver given it more time.
func (t *Table) deadline(d *tablepb.Deadline) {
	if d.GetTimer() != 0 {
		if d.GetTimer() == t.timer && t.timerDue != 0 && t.timerDue <= t.now {
			t.timerDue = 0
			t.out.changed = true
			t.fireTimer()
		}
		return
	}
	i := int(d.GetSeat())
	if i >= len(t.seats) || d.GetPrompt() == 0 {
		return
	}
	if p := t.seats[i].prompt; p.number == d.GetPrompt() && p.due <= t.now {
		t.out.changed = true
		t.answerByClock(i)
	}
}

// fireTimer does what the table's timer was set for. If that is to deal, nextHand does it.
func (t *Table) fireTimer() {
	switch t.phase {
	case tablepb.Phase_PLAYING:
		step, err := t.play.Release()
		if err != nil {
			broken("release: %v", err)
		}
		t.emitStep(step)
		t.updatePrompts()
	case tablepb.Phase_RELEASED:
		t.phase = tablepb.Phase_GONE
	}
}

// answerByClock answers a prompt that has timed out.
func (t *Table) answerByClock(i int) {
	s := t.seats[i]
	secret := t.play.Prompt(i).Secret
	var step game.Step
	var err error
	if s.auto {
		step, err = t.play.Auto(i)
	} else {
		if !s.bot() { // auto-play would replace the bot's own play
			s.timeouts++
		}
		step, err = t.play.Timeout(i)
	}
	if err != nil {
		broken("time-out of seat %d: %v", i, err)
	}
	t.emitStep(step)
	if s.timeouts >= timeoutsToAuto {
		t.setAuto(i, true, wirepb.AutoPlayChanged_TIMEOUTS)
	}
	if !secret && !s.bot() {
		s.unattended++
		if s.unattended >= timeoutsToAuto {
			t.broadcastAuto(i, true, wirepb.AutoPlayChanged_TIMEOUTS)
		}
	}
	t.updatePrompts()
}

// tookOver begins a leader's term.
func (t *Table) tookOver() {
	t.out.changed = true
	if !planted.Is(planted.TimeCarriedOver) {
		t.prolong()
	}
}

// setAuto switches a seat's auto-play and tells only the seat. broadcastAuto tells the others, but not
// about every switch: one caused by a time-out or an answer of a secret prompt would show them that
// the seat was asked.
func (t *Table) setAuto(i int, on bool, why wirepb.AutoPlayChanged_Reason) {
	s := t.seats[i]
	if s.auto == on {
		return
	}
	s.auto, s.timeouts = on, 0
	t.emit(i, t.autoPlay(i, on, why))
	if s.prompt.number != 0 {
		t.setDue(i)
	}
}

// broadcastAuto tells the others about a seat's auto-play, if it was switched for a reason that they can
// see.
func (t *Table) broadcastAuto(i int, on bool, why wirepb.AutoPlayChanged_Reason) {
	s := t.seats[i]
	s.unattended = 0
	if s.autoShown == on {
		return
	}
	s.autoShown = on
	payload := t.autoPlay(i, on, why)
	for j := range t.seats {
		if j != i {
			t.emit(j, payload)
		}
	}
}

func (t *Table) autoPlay(i int, on bool, why wirepb.AutoPlayChanged_Reason) []byte {
	if t.clock() == nil {
		why = wirepb.AutoPlayChanged_REASON_UNSPECIFIED
	}
	return encode(&wirepb.TableEvent{Body: &wirepb.TableEvent_AutoPlay{
		AutoPlay: &wirepb.AutoPlayChanged{Seat: uint32(i), On: on, Reason: why},
	}})
}
