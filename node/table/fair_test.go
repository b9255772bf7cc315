package table_test

import (
	"bytes"
	"fmt"
	"testing"

	"google.golang.org/protobuf/proto"

	"teahouse/node/table"
	"teahouse/node/table/tablepb"
	"teahouse/node/table/tabletest"
	"teahouse/pkg/fair"
	"teahouse/pkg/game"
	"teahouse/pkg/wire/wirepb"
)

// lastOf returns the newest push to a seat with an event of type B.
func lastOf[B any](r *rig, seat int) table.Push {
	r.t.Helper()
	for i := len(r.pushed[seat]) - 1; i >= 0; i-- {
		p := r.pushed[seat][i]
		if p.Kind != wirepb.Push_EVENT {
			continue
		}
		if _, is := any(event(r.t, p.Payload).GetBody()).(B); is {
			return p
		}
	}
	r.t.Fatalf("seat %d was told no such event", seat)
	return table.Push{}
}

func committed(r *rig, seat int) *wirepb.Committed {
	r.t.Helper()
	return event(r.t, lastOf[*wirepb.TableEvent_Committed](r, seat).Payload).GetCommitted()
}

// fairRig makes a table that waits for nonces before the first deal.
func fairRig(t *testing.T, hands uint32) *rig {
	t.Helper()
	r := newRig(t, ``, hands)
	r.spec.Timing.NonceMs = 1000
	var err error
	if r.table, err = table.New(tabletest.Game{}, r.spec, r.now); err != nil {
		t.Fatal(err)
	}
	r.attachAll()
	return r
}

func TestDealIsCommittedMixedAndRevealed(t *testing.T) {
	r := fairRig(t, 2)
	secret := r.spec.Spec.Secret
	nonces := make(map[uint32][][]byte) // by hand
	var commitments [][]byte
	for hand := uint32(1); hand <= 2; hand++ {
		nonces[hand] = make([][]byte, 4)
		for seat := range 4 {
			c := committed(r, seat)
			if wait := map[uint32]uint32{1: 1000, 2: 3000}[hand]; c.GetHand() != hand || c.GetWaitMs() != wait || r.table.Message().GetHand() != hand-1 {
				t.Fatalf("seat %d: %v before hand %d", seat, c, hand)
			}
			if seat == 0 {
				commitments = append(commitments, c.GetCommitment())
			} else if !bytes.Equal(c.GetCommitment(), commitments[hand-1]) {
				t.Error("the seats were told different commitments")
			}
			if hand == 2 && seat == 3 {
				continue // this seat sends none
			}
			_, next := r.open(seat)
			nonces[hand][seat] = fmt.Appendf(nil, "nonce %d of seat %d", hand, seat)
			r.want(r.apply(nonceCommand(11+uint64(seat), next, hand, nonces[hand][seat]...)), wirepb.Code_OK)
			// A repetition gets the same answer and changes nothing.
			r.want(r.apply(nonceCommand(11+uint64(seat), next, hand, nonces[hand][seat]...)), wirepb.Code_OK)
		}
		if hand == 2 {
			r.pass() // the intermission lasts its full time
		}
		seed := table.HandSeed(secret, hand)
		deal := fair.Mix(seed, nonces[hand])
		if got := r.table.Message().GetSeed(); !bytes.Equal(got, deal[:]) {
			t.Fatalf("hand %d was dealt from %x, want %x", hand, got, deal)
		}
		if !fair.Check(commitments[hand-1], seed, uint64(tableID), hand) {
			t.Errorf("hand %d: the commitment is to another seed", hand)
		}
		r.finishHand()
	}

	// Up to here nobody was told a seed in any form.
	hidden := [][]byte{secret}
	for hand := uint32(1); hand <= 2; hand++ {
		seed := table.HandSeed(secret, hand)
		deal := fair.Mix(seed, nonces[hand])
		hidden = append(hidden, seed[:], deal[:])
	}
	for seat := range 4 {
		r.want(r.attach(11+uint64(seat), 1, 999), wirepb.Code_RESUME_INVALID) // one more snapshot
		for _, p := range r.pushed[seat] {
			for _, h := range hidden {
				if bytes.Contains(p.Payload, h) {
					t.Fatalf("seat %d was told a seed before the round was over", seat)
				}
			}
		}
	}

	r.apply(settledCommand(1))
	r.apply(settledCommand(2))
	for seat := range 4 {
		revealed := event(t, lastOf[*wirepb.TableEvent_RoundEnded](r, seat).Payload).GetRoundEnded().GetRevealed()
		r.want(r.attach(11+uint64(seat), 1, 999), wirepb.Code_RESUME_INVALID)
		var view wirepb.TableView
		if err := proto.Unmarshal(r.out.Pushes[0].Payload, &view); err != nil {
			t.Fatal(err)
		}
		for _, told := range [][]*wirepb.Revealed{revealed, view.GetRevealed()} {
			if len(told) != 2 {
				t.Fatalf("%d hands are revealed", len(told))
			}
			for i, h := range told {
				if !fair.Check(commitments[i], [32]byte(h.GetSeed()), uint64(tableID), h.GetHand()) {
					t.Errorf("hand %d: the revealed seed does not fit the commitment", h.GetHand())
				}
				for s, n := range h.GetNonces() {
					if !bytes.Equal(n, nonces[h.GetHand()][s]) {
						t.Errorf("hand %d: nonce of seat %d is %q", h.GetHand(), s, n)
					}
				}
			}
		}
	}
}

func TestFirstDealWaitsForNoncesInVain(t *testing.T) {
	r := fairRig(t, 1)
	r.want(r.apply(nonceCommand(12, 1, 1, 1, 2, 3)), wirepb.Code_OK)
	if r.table.Phase() != tablepb.Phase_BETWEEN {
		t.Fatalf("phase %v", r.table.Phase())
	}
	before := r.now
	r.pass()
	if r.table.Phase() != tablepb.Phase_PLAYING || r.now-before != 1000 {
		t.Errorf("phase %v after %d ms", r.table.Phase(), r.now-before)
	}
}

func TestNonceRefusals(t *testing.T) {
	r := fairRig(t, 2)
	r.want(r.apply(nonceCommand(11, 1, 1, make([]byte, fair.MaxNonce+1)...)), wirepb.Code_MOVE_MALFORMED)
	both := nonceCommand(11, 1, 1, 5)
	both.GetMove().AutoPlay = wirepb.AutoPlay_AUTO_ON
	r.want(r.apply(both), wirepb.Code_MOVE_MALFORMED)
	both = nonceCommand(11, 1, 1, 5)
	both.GetMove().Move = []byte{1}
	r.want(r.apply(both), wirepb.Code_MOVE_MALFORMED)
	r.want(r.apply(nonceCommand(11, 1, 1, 5)), wirepb.Code_OK)
	r.want(r.apply(nonceCommand(11, 1, 1, 6)), wirepb.Code_NUMBER_REUSED)
	r.want(r.apply(nonceCommand(11, 2, 1, 6)), wirepb.Code_NOT_OFFERED) // only one per hand
	r.pass()
	r.want(r.apply(nonceCommand(12, 1, 1, 6)), wirepb.Code_NOT_OFFERED) // already dealt
	prompt, next := r.open(1)
	with := nonceCommand(12, next, 1, 6)
	with.GetMove().Prompt = prompt
	r.want(r.apply(with), wirepb.Code_MOVE_MALFORMED)
	r.finishHand()
	_, next = r.open(1)
	// A nonce that was sent before the first deal and arrives late.
	r.want(r.apply(nonceCommand(12, next, 1, 6)), wirepb.Code_NOT_OFFERED)
	r.want(r.apply(nonceCommand(12, next, 2, 6)), wirepb.Code_OK)
	r.want(r.apply(nonceCommand(12, next, 1, 6)), wirepb.Code_NUMBER_REUSED)
}

// A snapshot of a version without commitments: the hand that it has dealt has no proof, later hands
// have.
func TestTableFromBeforeCommitments(t *testing.T) {
	r := newRig(t, ``, 2)
	r.attachAll()
	old := r.table.Message()
	old.Committed, old.Mixes = 0, nil
	snapshot, err := proto.Marshal(old)
	if err != nil {
		t.Fatal(err)
	}
	r.table, err = table.Restore(snapshot, func(string) (game.Game, bool) { return tabletest.Game{}, true })
	if err != nil {
		t.Fatal(err)
	}
	r.want(r.attach(11, 1, 999), wirepb.Code_RESUME_INVALID)
	var view wirepb.TableView
	if err := proto.Unmarshal(r.out.Pushes[0].Payload, &view); err != nil || view.GetCommitted() != nil {
		t.Errorf("%v: shows %v, which nobody was told", err, view.GetCommitted())
	}
	r.finishHand()
	if c := committed(r, 0); c.GetHand() != 2 {
		t.Errorf("committed to hand %d", c.GetHand())
	}
	r.pass()
	r.finishHand()
	r.apply(settledCommand(1))
	r.apply(settledCommand(2))
	revealed := event(t, lastOf[*wirepb.TableEvent_RoundEnded](r, 0).Payload).GetRoundEnded().GetRevealed()
	if len(revealed) != 1 || revealed[0].GetHand() != 2 {
		t.Errorf("revealed %v", revealed)
	}
}
