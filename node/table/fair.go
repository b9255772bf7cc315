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

// HandSeed returns the seed that a table commits to: HMAC-SHA256 of the hand's number (four bytes,
// big-endian) with the table's secret as key.
func HandSeed(secret []byte, hand uint32) [32]byte {
	mac := hmac.New(sha256.New, secret)
	mac.Write(binary.BigEndian.AppendUint32(nil, hand))
	return [32]byte(mac.Sum(nil))
}

// commit commits the table to the seed of the next hand, if it has not done so yet.
func (t *Table) commit() {
	if t.committed > t.hand || t.secret == nil { // no secret: a replay, which deals no further hand
		return
	}
	t.committed = t.hand + 1
	t.broadcast(&wirepb.TableEvent{Body: &wirepb.TableEvent_Committed{Committed: t.commitment()}})
}

// commitment returns the last commitment; nil in a replay, and in a hand that was dealt by a version
// without commitments.
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

// contribute accepts a seat's nonce for the hand that was committed to. The nonce names the hand,
// because one that was delayed must not count for a later hand without its sender knowing.
func (t *Table) contribute(i int, m *tablepb.Move) error {
	s := t.seats[i]
	switch {
	case len(m.GetNonce()) > fair.MaxNonce || len(m.GetMove()) != 0 || m.GetAutoPlay() != wirepb.AutoPlay_AUTO_UNCHANGED:
		return game.Errorf(wirepb.Code_MOVE_MALFORMED, "a nonce of %d bytes, or it comes with a move or a switch of auto-play", len(m.GetNonce()))
	case t.phase > tablepb.Phase_BETWEEN || t.phase == tablepb.Phase_PLAYING || t.committed != t.hand+1 || m.GetHand() != t.committed:
		return game.Errorf(wirepb.Code_NOT_OFFERED, "hand %d does not wait for a nonce", m.GetHand())
	case s.nonce != nil:
		return game.Errorf(wirepb.Code_NOT_OFFERED, "the seat has already sent a nonce for hand %d", t.committed)
	}
	s.nonce = slices.Clone(m.GetNonce())
	return nil
}

// allContributed reports whether all attached seats have sent a nonce.
func (t *Table) allContributed() bool {
	for _, s := range t.seats {
		if s.attached && s.nonce == nil {
			return false
		}
	}
	return true
}

// nextSeed returns the seed of the next deal, mixed from the table's seed and the seats' nonces.
func (t *Table) nextSeed() [32]byte {
	var nonces [][]byte
	for _, s := range t.seats {
		nonces = append(nonces, s.nonce)
	}
	return fair.Mix(HandSeed(t.secret, t.hand+1), nonces)
}

// recordMix keeps the nonces of the next deal for the reveal, and removes them from the seats.
func (t *Table) recordMix() {
	r := &wirepb.Revealed{Hand: t.hand + 1, Dealer: uint32(t.next)}
	for _, s := range t.seats {
		r.Nonces = append(r.Nonces, s.nonce)
		s.nonce = nil
	}
	t.mixes = append(t.mixes[:len(t.mixes):len(t.mixes)], r) // snapshots share the old one
}

// revealed returns the seeds of the dealt hands. Only for a round that is over: seeds tell the walls.
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
