package mahjong_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"teahouse/pkg/mahjong"
)

// deviations is how far a shuffle is from an even one, each in standard deviations of a χ² sum: of
// the tiles over the places, of the pairs of neighbours, and of the directions of the swap.
type deviations struct{ places, neighbours, directions float64 }

// most is the bound for an even shuffle: the chance of exceeding it is less than one in a million,
// and seeds are fixed, so the test always gives the same result.
const most = 5

func (d deviations) even() bool {
	return math.Abs(d.places) < most && math.Abs(d.neighbours) < most && d.directions < 3*most
}

// measure counts over many deals.
func measure(deals uint64, deal func(n uint64) mahjong.Deal) (d deviations) {
	const tiles = mahjong.NumTiles
	var at, next [tiles][tiles]int
	var directions [3]int
	for n := range deals {
		one := deal(n)
		for place, tile := range one.Wall {
			at[place][tile]++
			if place > 0 {
				next[one.Wall[place-1]][tile]++
			}
		}
		directions[one.SwapDir-1]++
	}
	// Each tile is at a place in one deal of 108, and each other tile is its neighbour as often.
	// Every place has a tile in every deal and every tile a place, which leaves 107*107 degrees of
	// freedom; there are 108*107 pairs of neighbours, and each adds 107/108 on average.
	expect := float64(deals) / tiles
	const free = (tiles - 1) * (tiles - 1)
	places, neighbours := 0.0, 0.0
	for i := range tiles {
		for j := range tiles {
			places += square(float64(at[i][j])-expect) / expect
			if i != j {
				neighbours += square(float64(next[i][j])-expect) / expect
			}
		}
	}
	d.places = (places*(tiles-1)/tiles - free) / math.Sqrt(2*free)
	d.neighbours = (neighbours - free) / math.Sqrt(2*free)
	for _, n := range directions {
		d.directions += square(float64(n)-float64(deals)/3) / (float64(deals) / 3)
	}
	d.directions = (d.directions - 2) / 2
	return d
}

func square(x float64) float64 { return x * x }

// TestDealIsEven looks at the walls and directions of many seeds.
func TestDealIsEven(t *testing.T) {
	deals := slowly(evenDeals, manyEvenDeals)
	d := measure(deals, func(n uint64) mahjong.Deal { return mahjong.DealFromSeed(seeded(n), 0) })
	if t.Logf("%d deals: %+v", deals, d); !d.even() {
		t.Errorf("%d deals: %+v", deals, d)
	}
}

// unfair lists common faulty shuffles.
var unfair = map[string]func(rng *rand.Rand) mahjong.Deal{
	"every place is exchanged with any": func(rng *rand.Rand) mahjong.Deal {
		return shuffled(func(int) int { return rng.IntN(mahjong.NumTiles) }, 1+rng.IntN(3))
	},
	"the remainder of a byte": func(rng *rand.Rand) mahjong.Deal {
		return shuffled(func(i int) int { return int(rng.Uint32()&255) % (i + 1) }, 1+rng.IntN(3))
	},
	"no tile stays in its place": func(rng *rand.Rand) mahjong.Deal {
		return shuffled(func(i int) int { return rng.IntN(max(i, 1)) }, 1+rng.IntN(3))
	},
	"the last exchanges are missing": func(rng *rand.Rand) mahjong.Deal {
		return shuffled(func(i int) int {
			if i < 12 {
				return i
			}
			return rng.IntN(i + 1)
		}, 1+rng.IntN(3))
	},
	"the deck is cut": func(rng *rand.Rand) (d mahjong.Deal) {
		cut := rng.IntN(mahjong.NumTiles)
		for i := range d.Wall {
			d.Wall[i] = mahjong.Tile((i + cut) % mahjong.NumTiles)
		}
		d.SwapDir = 1 + rng.IntN(3)
		return d
	},
	"two bits for three directions": func(rng *rand.Rand) mahjong.Deal {
		return shuffled(func(i int) int { return rng.IntN(i + 1) }, max(1, rng.IntN(4)))
	},
}

// shuffled goes from the end and swaps each place with the one that index returns.
func shuffled(index func(i int) int, direction int) mahjong.Deal {
	d := mahjong.Deal{SwapDir: direction}
	for i := range d.Wall {
		d.Wall[i] = mahjong.Tile(i)
	}
	for i := len(d.Wall) - 1; i > 0; i-- {
		j := index(i)
		d.Wall[i], d.Wall[j] = d.Wall[j], d.Wall[i]
	}
	return d
}

// TestUnevenDealsAreFound checks that each is found, and that an even one passes.
func TestUnevenDealsAreFound(t *testing.T) {
	const deals = 4_000
	measured := func(deal func(rng *rand.Rand) mahjong.Deal) deviations {
		rng := rand.New(rand.NewPCG(1, 41))
		return measure(deals, func(uint64) mahjong.Deal { return deal(rng) })
	}
	for name, deal := range unfair {
		if d := measured(deal); d.even() {
			t.Errorf("%s: passes with %+v", name, d)
		}
	}
	fine := func(rng *rand.Rand) mahjong.Deal {
		return shuffled(func(i int) int { return rng.IntN(i + 1) }, 1+rng.IntN(3))
	}
	if d := measured(fine); !d.even() {
		t.Errorf("an even shuffle: %+v", d)
	}
}
