package ring

import (
	"math/big"
	"testing"

	"pgregory.net/rapid"
)

// drawLoads draws up to 12 different shards.
func drawLoads(t *rapid.T) []Load {
	ids := rapid.SliceOfNDistinct(rapid.Uint32Range(0, 50), 0, 12, rapid.ID).Draw(t, "shards")
	loads := make([]Load, len(ids))
	for i, id := range ids {
		loads[i] = Load{
			Shard:   id,
			Tables:  rapid.Uint32Range(0, 100).Draw(t, "tables"),
			Refuses: rapid.IntRange(0, 3).Draw(t, "refuses") == 0,
		}
	}
	return loads
}

// withinBound computes, in exact arithmetic and straight from the definition, whether the shard may
// have that many tables.
func withinBound(loads []Load, slackPercent uint32, tables uint32) bool {
	total, shards := int64(1), int64(0)
	for _, l := range loads {
		if !l.Refuses {
			total += int64(l.Tables)
			shards++
		}
	}
	limit := big.NewRat(total*(100+int64(slackPercent)), 100*shards)
	// tables <= ceil(limit)  ⇔  tables - 1 < limit
	return big.NewRat(int64(tables)-1, 1).Cmp(limit) < 0
}

func TestPlaceKeepsTheBound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		loads := drawLoads(t)
		slack := rapid.Uint32Range(0, 200).Draw(t, "slack")
		takers := map[uint32]Load{}
		for _, l := range loads {
			if !l.Refuses {
				takers[l.Shard] = l
			}
		}
		shard, ok := Place(rapid.Uint64().Draw(t, "key"), loads, slack)
		if ok != (len(takers) > 0) {
			t.Fatalf("ok is %v with %d shards that take tables", ok, len(takers))
		}
		if !ok {
			return
		}
		l, known := takers[shard]
		if !known {
			t.Fatalf("shard %d refuses or does not exist", shard)
		}
		if !withinBound(loads, slack, l.Tables+1) {
			t.Fatalf("shard %d would have %d tables", shard, l.Tables+1)
		}
	})
}

func TestPlaceIgnoresOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		loads := drawLoads(t)
		shuffled := rapid.Permutation(loads).Draw(t, "order")
		key := rapid.Uint64().Draw(t, "key")
		a, okA := Place(key, loads, 25)
		b, okB := Place(key, shuffled, 25)
		if a != b || okA != okB {
			t.Fatalf("%d %v and %d %v", a, okA, b, okB)
		}
	})
}

// When shards are filled one table at a time, no shard is ever above its share.
func TestPlaceFillsEvenly(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		shards := rapid.IntRange(1, 10).Draw(t, "shards")
		slack := rapid.Uint32Range(0, 100).Draw(t, "slack")
		loads := make([]Load, shards)
		for i := range loads {
			loads[i].Shard = uint32(i)
		}
		key := rapid.Uint64().Draw(t, "first key")
		for range 300 {
			key++
			shard, ok := Place(key, loads, slack)
			if !ok || !withinBound(loads, slack, loads[shard].Tables+1) {
				t.Fatalf("placed on %d, %v, with loads %v", shard, ok, loads)
			}
			loads[shard].Tables++
		}
	})
}

// As long as no shard is full, removing one moves its own keys and no others.
func TestPlaceMinimalMovement(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		shards := rapid.IntRange(2, 10).Draw(t, "shards")
		loads := make([]Load, shards)
		for i := range loads {
			loads[i].Shard = uint32(i)
		}
		const roomy = 10_000 // percent: the bound is above 1 table everywhere
		gone := rapid.IntRange(0, shards-1).Draw(t, "gone")
		key := rapid.Uint64().Draw(t, "key")
		before, _ := Place(key, loads, roomy)
		loads[gone].Refuses = true
		after, _ := Place(key, loads, roomy)
		if before != uint32(gone) && after != before {
			t.Fatalf("key %d moved from %d to %d, though %d left", key, before, after, gone)
		}
	})
}

func TestPlaceSpreads(t *testing.T) {
	loads := []Load{{Shard: 1}, {Shard: 2}, {Shard: 3}, {Shard: 4}}
	count := map[uint32]int{}
	for key := range uint64(40_000) {
		shard, _ := Place(key, loads, 10_000)
		count[shard]++
	}
	for _, l := range loads {
		if n := count[l.Shard]; n < 9_500 || n > 10_500 {
			t.Errorf("shard %d got %d of 40000, want about 10000", l.Shard, n)
		}
	}
}

func TestPlaceNowhere(t *testing.T) {
	for name, loads := range map[string][]Load{
		"no shards":   nil,
		"all refuse":  {{Shard: 1, Refuses: true}, {Shard: 2, Refuses: true}},
		"one refuses": {{Shard: 1, Refuses: true}},
	} {
		if shard, ok := Place(1, loads, 25); ok {
			t.Errorf("%s: placed on %d", name, shard)
		}
	}
}

func BenchmarkPlace(b *testing.B) {
	loads := make([]Load, 24)
	for i := range loads {
		loads[i].Shard = uint32(i)
	}
	b.ReportAllocs()
	var key uint64
	for b.Loop() {
		key++
		if _, ok := Place(key, loads, 25); !ok {
			b.Fatal("no shard")
		}
	}
}
