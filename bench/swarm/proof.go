package swarm

import (
	"context"
	"crypto/rand"

	"teahouse/pkg/client"
	"teahouse/pkg/wire/wirepb"
)

// nonceLen is how much chance a player adds to a deal, in bytes.
const nonceLen = 16

// witnessed notes an event for the proofs, and answers a commitment with a nonce
// if the deal waits for one.
func (s *sitting) witnessed(ctx context.Context, e client.Event) {
	if s.witness == nil {
		return
	}
	if e.View != nil {
		s.witness.Missed(e.View)
		return
	}
	s.witness.Told(e.Event)
	if b, ok := e.Event.Body.(*wirepb.TableEvent_Committed); ok && b.Committed.GetWaitMs() > 0 {
		nonce := make([]byte, nonceLen)
		rand.Read(nonce) // never fails
		// A refusal means that the hand is dealt already.
		if _, err := s.table.Contribute(ctx, b.Committed.GetHand(), nonce); err == nil {
			s.witness.Contributed(b.Committed.GetHand(), nonce)
		}
	}
}

// testify hands the proofs over.
func (s *sitting) testify() {
	for _, r := range s.witness.Records() {
		s.s.cfg.Proof(r)
	}
}
