package table

import (
	"encoding/binary"

	"github.com/cespare/xxhash/v2"

	"teahouse/node/table/tablepb"
	"teahouse/pkg/game"
	"teahouse/pkg/planted"
	"teahouse/pkg/wire/wirepb"
)

// move decides a player's command. The order of the checks is part of the protocol: a repetition of the
// last accepted move gets the same answer from whatever session it comes, whatever has happened at the
// table since. A refused move does not use up its number.
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
		return moveReply(n), nil
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
	case m.GetReady() != 0:
		err = t.beReady(i, m)
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
	t.hear(s, m.GetLagMs())
	t.out.changed = true
	return moveReply(s.number), nil
}

// answer passes the move that answers a prompt to the game.
func (t *Table) answer(i int, m *tablepb.Move) error {
	s := t.seats[i]
	switch {
	case m.GetAutoPlay() != wirepb.AutoPlay_AUTO_UNCHANGED || len(m.GetNonce()) != 0 || m.GetReady() != 0:
		return game.Errorf(wirepb.Code_MOVE_MALFORMED, "auto-play, nonces and ready go with prompt 0")
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
	t.emitStep(step)
	t.setAuto(i, false, wirepb.AutoPlayChanged_ANSWERED)
	if !secret {
		t.broadcastAuto(i, false, wirepb.AutoPlayChanged_ANSWERED)
	}
	t.updatePrompts()
	return nil
}

// maxSwitches bounds a seat's requests to switch auto-play in one hand.
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
	// Every request goes into the hand's record, even one without effect, so their number is bounded.
	s := t.seats[i]
	if s.switches >= maxSwitches {
		return game.Errorf(wirepb.Code_NOT_OFFERED, "auto-play was switched %d times in this hand", s.switches)
	}
	s.switches++
	t.setAuto(i, on, wirepb.AutoPlayChanged_ASKED)
	t.broadcastAuto(i, on, wirepb.AutoPlayChanged_ASKED)
	return nil
}

// bot applies a bot's move.
func (t *Table) bot(b *tablepb.Bot) error {
	i := int(b.GetSeat())
	switch {
	case i >= len(t.seats) || !t.seats[i].bot():
		return game.Errorf(wirepb.Code_NOT_SEATED, "seat %d is not a bot's", i)
	case b.GetPrompt() == 0 || b.GetPrompt() != t.seats[i].prompt.number:
		return game.Errorf(wirepb.Code_PROMPT_GONE, "prompt %d is closed", b.GetPrompt())
	}
	step, err := t.play.Move(i, b.GetMove())
	if err != nil {
		return err
	}
	t.out.changed = true
	t.emitStep(step)
	t.updatePrompts()
	return nil
}

// contentHash hashes everything that must be equal in a resend: all but the number and the epoch.
func contentHash(m *tablepb.Move) uint64 {
	b := make([]byte, 0, 64)
	b = binary.BigEndian.AppendUint64(b, m.GetPrompt())
	b = append(b, byte(m.GetAutoPlay()))
	if len(m.GetNonce()) != 0 { // a nonce never comes together with a move
		b = binary.BigEndian.AppendUint32(append(b, "nonce"...), m.GetHand())
		b = append(b, m.GetNonce()...)
	}
	if m.GetReady() != 0 { // nor does this
		b = binary.BigEndian.AppendUint32(append(b, "ready"...), m.GetReady())
	}
	return xxhash.Sum64(append(b, m.GetMove()...))
}

// moveReply is the reply to an accepted move of this number.
func moveReply(number uint64) []byte {
	return encode(&wirepb.MoveReply{NextNumber: number + 1})
}
