package fair_test

import (
	"bytes"
	"testing"

	"teahouse/pkg/fair"
	"teahouse/pkg/mahjong"
	"teahouse/pkg/wire/vectors"
)

// What the tests of clients in other languages read is what this package and the game compute.
func TestVectors(t *testing.T) {
	all, err := vectors.ReadFair("../wire/vectors/fair.json")
	if err != nil {
		t.Fatal(err)
	}
	if len(all.Hands) == 0 {
		t.Fatal("no hands")
	}
	for _, h := range all.Hands {
		seed := [fair.SeedLen]byte(h.Seed)
		var nonces [][]byte
		for _, n := range h.Nonces {
			nonces = append(nonces, n)
		}
		mixed := fair.Mix(seed, nonces)
		if !fair.Check(h.Commitment, seed, h.Table, h.Hand) || !bytes.Equal(mixed[:], h.Mixed) {
			t.Errorf("hand %d: its commitment or mix differs", h.Hand)
		}
		deal := mahjong.DealFromSeed(mixed, 0)
		for i, tile := range deal.Wall {
			if len(h.Wall) != len(deal.Wall) || int(tile) != h.Wall[i] {
				t.Fatalf("hand %d: the wall differs at %d", h.Hand, i)
			}
		}
		if deal.SwapDir != h.Direction {
			t.Errorf("hand %d: the direction differs", h.Hand)
		}
	}
}
