package table

import (
	"crypto/sha256"
	"encoding/binary"
	"slices"

	"teahouse/node/table/tablepb"
	"teahouse/pkg/game"
	"teahouse/pkg/wire/wirepb"
)

// PendingHands returns the hands whose results are to be settled, oldest first.
func (t *Table) PendingHands() []uint32 {
	hands := make([]uint32, 0, len(t.pending))
	for _, p := range t.pending {
		hands = append(hands, p.GetHand())
	}
	return hands
}

// Result returns the result of a pending hand. The caller fills in what the table does not know or
// need: cluster id, hash (see Hash) and time.
func (t *Table) Result(hand uint32) (r game.HandResult, ok bool) {
	at := slices.IndexFunc(t.pending, func(p *tablepb.Pending) bool { return p.GetHand() == hand })
	if at < 0 {
		return r, false
	}
	r = game.HandResult{
		Key:     game.HandKey{Table: t.id, Hand: hand},
		Game:    t.game.Name(),
		Queue:   t.queue,
		Stake:   t.stake,
		Scores:  t.pending[at].GetScores(),
		Archive: t.pending[at].GetArchive(),
		Last:    hand == t.hands,

		Practice: t.clock().GetUntimed(), // without time limits nobody can be compared
	}
	for _, s := range t.seats {
		r.Players = append(r.Players, s.player)
		r.Names = append(r.Names, s.name)
	}
	return r, true
}

// settled records that a hand is in the database.
func (t *Table) settled(hand uint32) {
	at := slices.IndexFunc(t.pending, func(p *tablepb.Pending) bool { return p.GetHand() == hand })
	if at < 0 {
		return
	}
	t.pending = slices.Delete(slices.Clone(t.pending), at, at+1) // snapshots share the old one
	t.out.changed = true
	t.broadcast(&wirepb.TableEvent{Body: &wirepb.TableEvent_HandSettled{HandSettled: &wirepb.HandSettled{Hand: hand}}})
	t.endRound()
}

// endRound ends the round once every hand is settled.
func (t *Table) endRound() {
	if t.phase != tablepb.Phase_SETTLING || len(t.pending) > 0 {
		return
	}
	t.phase = tablepb.Phase_ENDED
	var totals []int64
	for _, s := range t.seats {
		totals = append(totals, s.total)
	}
	t.broadcast(&wirepb.TableEvent{Body: &wirepb.TableEvent_RoundEnded{RoundEnded: &wirepb.RoundEnded{
		Totals: totals, Voided: t.voided, Revealed: t.revealed(),
	}}})
}

// freed records that the coordinator has freed the players, who may queue again.
func (t *Table) freed() {
	if t.phase != tablepb.Phase_ENDED {
		return
	}
	t.phase = tablepb.Phase_RELEASED
	t.broadcast(&wirepb.TableEvent{Body: &wirepb.TableEvent_Released{Released: &wirepb.Released{}}})
	t.arm(max(t.timing.GetRetentionMs(), 1))
	t.forgetIfLeft()
}

// Hash hashes everything in a result except its key and its time. The length of every field of
// variable size is hashed before the field, so that different results cannot give the same input.
func Hash(r game.HandResult) [32]byte {
	h := sha256.New()
	num := func(n uint64) { h.Write(binary.BigEndian.AppendUint64(nil, n)) }
	text := func(b []byte) { num(uint64(len(b))); h.Write(b) }
	text([]byte(r.Game))
	text([]byte(r.Queue))
	num(uint64(r.Stake))
	num(uint64(len(r.Players)))
	for i := range r.Players {
		num(uint64(r.Players[i]))
		text([]byte(r.Names[i]))
		num(uint64(r.Scores[i]))
	}
	text(r.Archive)
	if r.Last {
		num(1)
	}
	if r.Practice {
		num(2)
	}
	return [32]byte(h.Sum(nil))
}
