package mahjong_test

import (
	"crypto/sha256"
	"encoding/hex"
	"math"
	"testing"

	"teahouse/pkg/mahjong"
)

// TestDealIsPinned holds the mapping from seed to wall: it is what a revealed seed
// proves, so it may never change.
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

// TestDealIsEven looks at how often each tile comes to each place and each direction
// is drawn: a χ² beyond the bound has a chance below one in a million.
func TestDealIsEven(t *testing.T) {
	const deals = evenDeals
	var at [mahjong.NumTiles][mahjong.NumTiles]int
	var dirs [4]int
	for n := range uint64(deals) {
		d := mahjong.DealFromSeed(seeded(n), 0)
		for place, tile := range d.Wall {
			at[place][tile]++
		}
		dirs[d.SwapDir]++
	}
	chi := 0.0
	expect := float64(deals) / mahjong.NumTiles
	for place := range at {
		for _, n := range at[place] {
			chi += (float64(n) - expect) * (float64(n) - expect) / expect
		}
	}
	// 107*107 degrees of freedom: mean 11449, standard deviation 151.
	if chi < 11449-5*151 || chi > 11449+5*151 {
		t.Errorf("χ² is %.0f", chi)
	}
	// One direction: 2/9 of the number of deals is its variance; six deviations.
	slack := int(6 * math.Sqrt(2.0/9*deals))
	for dir := 1; dir <= 3; dir++ {
		if n := dirs[dir]; n < deals/3-slack || n > deals/3+slack {
			t.Errorf("direction %d was drawn %d times of %d", dir, n, deals)
		}
	}
}
