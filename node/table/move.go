package table

import (
	"encoding/binary"

	"github.com/cespare/xxhash/v2"

	"teahouse/node/table/tablepb"
	"teahouse/pkg/game"
	"teahouse/pkg/planted"
	"teahouse/pkg/wire/wirepb"
)

// move decides a player's command. The order of the checks is part of the
// protocol: a repeat gets its old answer whoever sends it, however the table
// went on. A refusal uses up no number.
func (t *Table) move(m *tablepb.Move) ([]byte, error) {
	i, s, err := t.seatOf(m.GetPlayer())
	if err != nil {
		return nil, err
	}
	hash := contentHash(m)
	switch n := m.GetNumber(); {
	case planted.Is(planted.RepeatBehindEpoch) && m.GetEpoch() < s.epoch:
		return nil, game.Errorf(wirepb.Code_SUPERSEDED, "epoch %d, the seat is at %d", m.GetEpoch(), s.epoch)
	case n == s.number && n > 0 && (hash == s.hash || planted.Is(planted.ReplyWithoutHash)):
		return moved(n), nil
	case n == s.number && n > 0:
		return nil, game.Errorf(wirepb.Code_NUMBER_REUSED, "number %d was another move", n)
	case n <= s.number:
		return nil, game.Errorf(wirepb.Code_ALREADY_DECIDED, "number %d, next is %d", n, s.number+1)
	case m.GetEpoch() < s.epoch:
		return nil, game.Errorf(wirepb.Code_SUPERSEDED, "epoch %d, the seat is at %d", m.GetEpoch(), s.epoch)
	case n > s.number+1:
		return nil, game.Errorf(wirepb.Code_NUMBER_GAP, "number %d, next is %d", n, s.number+1)
	}
	switch {
	case m.GetPrompt() != 0:
		err = t.answer(i, m)
	case len(m.GetNonce()) != 0:
		err = t.contribute(i, m)
	default:
		err = t.switchAuto(i, m)
	}
	if err != nil {
		if planted.Is(planted.RefusalUsesNumber) {
			s.number, s.hash = m.GetNumber(), hash
		}
		return nil, err
	}
	s.number, s.hash, s.timeouts = m.GetNumber(), hash, 0
	t.out.changed = true
	return moved(s.number), nil
}

// answer gives the game a move.
func (t *Table) answer(i int, m *tablepb.Move) error {
	s := t.seats[i]
	switch {
	case m.GetAutoPlay() != wirepb.AutoPlay_AUTO_UNCHANGED || len(m.GetNonce()) != 0:
		return game.Errorf(wirepb.Code_MOVE_MALFORMED, "auto-play and nonces go with prompt 0")
	case m.GetPrompt() > s.stream.last():
		return game.Errorf(wirepb.Code_PROMPT_UNKNOWN, "prompt %d, the stream ends at %d", m.GetPrompt(), s.stream.last())
	case m.GetPrompt() != s.prompt.number:
		return game.Errorf(wirepb.Code_PROMPT_GONE, "prompt %d is closed", m.GetPrompt())
	}
	secret := t.play.Prompt(i).Secret
	step, err := t.play.Move(i, m.GetMove())
	if err != nil {
		return err
	}
	t.showStep(step)
	t.setAuto(i, false)
	if !secret {
		t.showAuto(i, false)
	}
	t.ask()
	return nil
}

// maxSwitches is how often a seat may ask to switch auto-play in a hand.
const maxSwitches = 40

// switchAuto turns auto-play on or off.
func (t *Table) switchAuto(i int, m *tablepb.Move) error {
	on := m.GetAutoPlay() == wirepb.AutoPlay_AUTO_ON
	switch {
	case len(m.GetMove()) != 0, !on && m.GetAutoPlay() != wirepb.AutoPlay_AUTO_OFF:
		return game.Errorf(wirepb.Code_MOVE_MALFORMED, "prompt 0 only switches auto-play or brings a nonce")
	case t.phase >= tablepb.Phase_SETTLING:
		return game.Errorf(wirepb.Code_PROMPT_GONE, "the round is over")
	}
	// Every request is kept in the hand's record, even one that changes nothing;
	// there is no use in many.
	s := t.seats[i]
	if s.switches >= maxSwitches {
		return game.Errorf(wirepb.Code_NOT_OFFERED, "auto-play was switched %d times in this hand", s.switches)
	}
	s.switches++
	t.setAuto(i, on)
	t.showAuto(i, on)
	return nil
}

// bot decides the move of a player made of code.
func (t *Table) bot(b *tablepb.Bot) error {
	i := int(b.GetSeat())
	switch {
	case i >= len(t.seats) || !t.seats[i].bot():
		return game.Errorf(wirepb.Code_NOT_SEATED, "seat %d is no bot's", i)
	case b.GetPrompt() == 0 || b.GetPrompt() != t.seats[i].prompt.number:
		return game.Errorf(wirepb.Code_PROMPT_GONE, "prompt %d is closed", b.GetPrompt())
	}
	step, err := t.play.Move(i, b.GetMove())
	if err != nil {
		return err
	}
	t.out.changed = true
	t.showStep(step)
	t.ask()
	return nil
}

// contentHash covers what a re-send repeats: all but the number and the epoch.
func contentHash(m *tablepb.Move) uint64 {
	b := make([]byte, 0, 64)
	b = binary.BigEndian.AppendUint64(b, m.GetPrompt())
	b = append(b, byte(m.GetAutoPlay()))
	if len(m.GetNonce()) != 0 { // it goes with no move
		b = binary.BigEndian.AppendUint32(append(b, "nonce"...), m.GetHand())
		b = append(b, m.GetNonce()...)
	}
	return xxhash.Sum64(append(b, m.GetMove()...))
}

// moved is the reply to the accepted move of this number.
func moved(number uint64) []byte {
	return encode(&wirepb.MoveReply{NextNumber: number + 1})
}
