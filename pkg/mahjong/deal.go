package mahjong

import (
	"fmt"
	"math/rand/v2"
)

// Deal is everything that chance decides in a hand.
type Deal struct {
	Dealer  int            // 0..3
	Wall    [NumTiles]Tile // in draw order; a permutation of all tiles
	SwapDir int            // 1 next, 2 across, 3 previous: tiles of seat s go to (s+SwapDir)%4
}

// DealFromSeed shuffles a wall. The 32 bytes of seed key a ChaCha8 stream; the wall is
// a Fisher-Yates shuffle of 0..107 with indexes drawn without bias from that stream,
// and the swap direction is drawn from the same stream after it.
//
// The mapping is part of the fairness promise (anybody may recompute a wall from a
// revealed seed), so it never changes: a test pins it.
func DealFromSeed(seed [32]byte, dealer int) Deal {
	stream := rand.NewChaCha8(seed)
	d := Deal{Dealer: dealer}
	for i := range d.Wall {
		d.Wall[i] = Tile(i)
	}
	for i := NumTiles - 1; i > 0; i-- {
		j := below(stream, uint64(i+1))
		d.Wall[i], d.Wall[j] = d.Wall[j], d.Wall[i]
	}
	d.SwapDir = 1 + int(below(stream, 3))
	return d
}

// below draws a uniform number in [0, n): draws at or above the largest multiple of n that fits are
// rejected. It is written out here so that other languages can follow it and a change in a library
// cannot change a wall.
func below(stream *rand.ChaCha8, n uint64) uint64 {
	limit := -n % n // 2^64 mod n: draws below it are the surplus
	for {
		if v := stream.Uint64(); v >= limit {
			return v % n
		}
	}
}

func (d *Deal) validate() error {
	if d.Dealer < 0 || d.Dealer >= Seats {
		return fmt.Errorf("mahjong: dealer %d is no seat", d.Dealer)
	}
	if d.SwapDir < 1 || d.SwapDir > 3 {
		return fmt.Errorf("mahjong: swap direction %d is not 1, 2 or 3", d.SwapDir)
	}
	var seen tileSet
	for _, t := range d.Wall {
		if !t.Valid() || seen.has(t) {
			return fmt.Errorf("mahjong: the wall is no permutation of the %d tiles", NumTiles)
		}
		seen.add(t)
	}
	return nil
}
