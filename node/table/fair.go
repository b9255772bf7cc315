package table

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"slices"

	"teahouse/node/table/tablepb"
	"teahouse/pkg/fair"
	"teahouse/pkg/game"
	"teahouse/pkg/wire/wirepb"
)

// HandSeed is the seed that a table commits to: HMAC-SHA256 over the hand's number
// (four bytes, big-endian) with the table's secret as key.
func HandSeed(secret []byte, hand uint32) [32]byte {
	mac := hmac.New(sha256.New, secret)
	mac.Write(binary.BigEndian.AppendUint32(nil, hand))
	return [32]byte(mac.Sum(nil))
}

// commit binds the table to the seed of the hand that comes next, once.
func (t *Table) commit() {
	if t.committed > t.hand || t.secret == nil { // a replay deals nothing more
		return
	}
	t.committed = t.hand + 1
	t.tell(&wirepb.TableEvent{Body: &wirepb.TableEvent_Committed{Committed: t.commitment()}})
}

// commitment is what was last committed to; nil in a replay, and in a hand that
// was dealt by a version without commitments.
func (t *Table) commitment() *wirepb.Committed {
	if t.secret == nil || t.committed == 0 {
		return nil
	}
	hash := fair.Commitment(HandSeed(t.secret, t.committed), uint64(t.id), t.committed)
	c := &wirepb.Committed{Hand: t.committed, Commitment: hash[:], WaitMs: t.timing.GetIntermissionMs()}
	if t.committed == 1 {
		c.WaitMs = t.timing.GetNonceMs()
	}
	return c
}

// contribute takes a seat's nonce for the hand that was committed to. The nonce
// names the hand: one that was long on its way must not count for a later one, of
// which its sender would not know.
func (t *Table) contribute(i int, m *tablepb.Move) error {
	s := t.seats[i]
	switch {
	case len(m.GetNonce()) > fair.MaxNonce || len(m.GetMove()) != 0 || m.GetAutoPlay() != wirepb.AutoPlay_AUTO_UNCHANGED:
		return game.Errorf(wirepb.Code_MOVE_MALFORMED, "a nonce of %d bytes, or more than a nonce", len(m.GetNonce()))
	case t.phase > tablepb.Phase_BETWEEN || t.phase == tablepb.Phase_PLAYING || t.committed != t.hand+1 || m.GetHand() != t.committed:
		return game.Errorf(wirepb.Code_NOT_OFFERED, "no deal of hand %d waits for a nonce", m.GetHand())
	case s.nonce != nil:
		return game.Errorf(wirepb.Code_NOT_OFFERED, "a nonce for hand %d is here already", t.committed)
	}
	s.nonce = slices.Clone(m.GetNonce())
	return nil
}

// allContributed tells that there is no nonce left to wait for.
func (t *Table) allContributed() bool {
	for _, s := range t.seats {
		if s.attached && s.nonce == nil {
			return false
		}
	}
	return true
}

// mixed is the seed of the next deal.
func (t *Table) mixed() [32]byte {
	var nonces [][]byte
	for _, s := range t.seats {
		nonces = append(nonces, s.nonce)
	}
	return fair.Mix(HandSeed(t.secret, t.hand+1), nonces)
}

// mix notes for the reveal what the next deal is mixed from, and uses the nonces up.
func (t *Table) mix() {
	r := &wirepb.Revealed{Hand: t.hand + 1, Dealer: uint32(t.next)}
	for _, s := range t.seats {
		r.Nonces = append(r.Nonces, s.nonce)
		s.nonce = nil
	}
	t.mixes = append(t.mixes[:len(t.mixes):len(t.mixes)], r) // snapshots share the old one
}

// revealed shows the seeds of the dealt hands; the round must be over.
func (t *Table) revealed() []*wirepb.Revealed {
	if t.secret == nil {
		return nil
	}
	var all []*wirepb.Revealed
	for _, m := range t.mixes {
		seed := HandSeed(t.secret, m.GetHand())
		all = append(all, &wirepb.Revealed{Hand: m.GetHand(), Seed: seed[:], Nonces: m.GetNonces(), Dealer: m.GetDealer()})
	}
	return all
}
