package table

import (
	"teahouse/node/table/tablepb"
	"teahouse/pkg/game"
	"teahouse/pkg/planted"
	"teahouse/pkg/wire/wirepb"
)

// timeoutsToAuto is how many time-outs in a row start auto-play.
const timeoutsToAuto = 2

// NextDeadline is the log time (milliseconds) at which the table wants its
// next Deadline command.
func (t *Table) NextDeadline() (ms uint64, ok bool) {
	ms = t.timerDue
	for _, s := range t.seats {
		if d := s.prompt.due; s.prompt.number != 0 && (ms == 0 || d < ms) {
			ms = d
		}
	}
	return ms, ms != 0
}

// Due are the Deadline commands that are due at nowMS.
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

// deadline acts only if it names what is open now, and if that is due: a
// deadline that a move or a take-over has overtaken does nothing.
func (t *Table) deadline(d *tablepb.Deadline) {
	if d.GetTimer() != 0 {
		if d.GetTimer() == t.timer && t.timerDue != 0 && t.timerDue <= t.now {
			t.timerDue = 0
			t.out.changed = true
			t.ring()
		}
		return
	}
	i := int(d.GetSeat())
	if i >= len(t.seats) || d.GetPrompt() == 0 {
		return
	}
	if p := t.seats[i].prompt; p.number == d.GetPrompt() && p.due <= t.now {
		t.out.changed = true
		t.answerFor(i)
	}
}

// ring does what the table's timer was for. A deal follows in nextHand.
func (t *Table) ring() {
	switch t.phase {
	case tablepb.Phase_PLAYING:
		step, err := t.play.Release()
		if err != nil {
			broken("release: %v", err)
		}
		t.showStep(step)
		t.ask()
	case tablepb.Phase_RELEASED:
		t.phase = tablepb.Phase_GONE
	}
}

// answerFor answers a prompt whose time is over.
func (t *Table) answerFor(i int) {
	s := t.seats[i]
	secret := t.play.Prompt(i).Secret
	var step game.Step
	var err error
	if s.auto {
		step, err = t.play.Auto(i)
	} else {
		if !s.bot() { // it has its own way to play, at its own pace
			s.timeouts++
		}
		step, err = t.play.Timeout(i)
	}
	if err != nil {
		broken("time-out of seat %d: %v", i, err)
	}
	t.showStep(step)
	if s.timeouts >= timeoutsToAuto {
		t.setAuto(i, true)
	}
	if !secret && !s.bot() {
		s.unattended++
		if s.unattended >= timeoutsToAuto {
			t.showAuto(i, true)
		}
	}
	t.ask()
}

// tookOver gives open prompts their full time again: log time stood still
// while there was no leader, the players' time did not.
func (t *Table) tookOver() {
	t.out.changed = true
	for _, s := range t.seats {
		if s.prompt.number != 0 && !planted.Is(planted.TimeCarriedOver) {
			s.prompt.opened = t.now
			t.setDue(s)
		}
	}
}

// setAuto switches a seat's auto-play and tells the seat. The others are told by
// showAuto, which is not for every switch: a time-out or an answer at a secret prompt
// switches auto-play, too, and would tell that the seat was asked.
func (t *Table) setAuto(i int, on bool) {
	s := t.seats[i]
	if s.auto == on {
		return
	}
	s.auto, s.timeouts = on, 0
	t.show(i, t.autoPlay(i, on))
	if s.prompt.number != 0 {
		t.setDue(s)
	}
}

// showAuto tells the others of a seat's auto-play, for a reason that they see.
func (t *Table) showAuto(i int, on bool) {
	s := t.seats[i]
	s.unattended = 0
	if s.autoShown == on {
		return
	}
	s.autoShown = on
	payload := t.autoPlay(i, on)
	for j := range t.seats {
		if j != i {
			t.show(j, payload)
		}
	}
}

func (t *Table) autoPlay(i int, on bool) []byte {
	return encode(&wirepb.TableEvent{Body: &wirepb.TableEvent_AutoPlay{
		AutoPlay: &wirepb.AutoPlayChanged{Seat: uint32(i), On: on},
	}})
}

// setDue says when an open prompt's time is over. Leaving auto-play gives back
// what is left of the time, never more, so that switching delays nobody.
func (t *Table) setDue(s *seat) {
	s.prompt.due = s.prompt.opened + uint64(s.prompt.limit)
	if s.auto {
		s.prompt.due = min(s.prompt.due, t.now+uint64(t.timing.GetAutoMs()))
	}
}
