package ring

import (
	"encoding/binary"

	"github.com/cespare/xxhash/v2"
)

// Load is what Place needs to know about a shard.
type Load struct {
	// Shard is the shard's id; each occurs once in a list.
	Shard uint32
	// Tables is the number of tables that the shard has or is about to get.
	Tables uint32
	// Refuses excludes the shard: it takes no new tables.
	Refuses bool
}

// Place chooses the shard of a new table by consistent hashing with bounded loads: the shard that
// the key prefers among those that would have, with the new table, at most
//
//	ceil((1+ε) · (tables of all shards that take some + 1) / (number of these shards))
//
// tables. Here ε is slackPercent/100; it is a whole number because replicas on different processors
// must agree to the last bit. A key's preferences depend on the shards' ids alone (rendezvous
// hashing), so adding or removing a shard affects only keys that prefer it. The order of loads does
// not matter. ok is false if every shard refuses or there is none; otherwise there is always room,
// even with no slack.
func Place(key uint64, loads []Load, slackPercent uint32) (shard uint32, ok bool) {
	var tables, shards uint64
	for _, l := range loads {
		if !l.Refuses {
			tables += uint64(l.Tables)
			shards++
		}
	}
	if shards == 0 {
		return 0, false
	}
	bound := divideUp((100+uint64(slackPercent))*(tables+1), 100*shards)

	var best uint64
	for _, l := range loads {
		if l.Refuses || uint64(l.Tables)+1 > bound {
			continue
		}
		score := preference(key, l.Shard)
		if !ok || score > best || score == best && l.Shard < shard {
			shard, best, ok = l.Shard, score, true
		}
	}
	return shard, ok
}

// preference is how strongly the key prefers the shard.
func preference(key uint64, shard uint32) uint64 {
	var buf [12]byte
	binary.BigEndian.PutUint64(buf[:8], key)
	binary.BigEndian.PutUint32(buf[8:], shard)
	return xxhash.Sum64(buf[:])
}

func divideUp(a, b uint64) uint64 { return (a + b - 1) / b }
