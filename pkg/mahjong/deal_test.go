package mahjong_test

import (
	"crypto/sha256"
	"encoding/hex"
	"testing"

	"teahouse/pkg/mahjong"
)

// TestDealIsPinned pins the mapping from seed to wall: it is what a revealed seed proves, so it
// must never change.
func TestDealIsPinned(t *testing.T) {
	var seed [32]byte
	for i := range seed {
		seed[i] = byte(i)
	}
	d := mahjong.DealFromSeed(seed, 2)
	bytes := make([]byte, 0, mahjong.NumTiles+1)
	for _, tile := range d.Wall {
		bytes = append(bytes, byte(tile))
	}
	sum := sha256.Sum256(append(bytes, byte(d.SwapDir)))
	const want = "696ca90ee912df44"
	if got := hex.EncodeToString(sum[:8]); got != want || d.Dealer != 2 {
		t.Errorf("the wall of seed 00..1f is %s, was %s", got, want)
	}
}
