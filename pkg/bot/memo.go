package bot

import "sync/atomic"

const memoBits = 14

// memo caches how suits can be grouped, since the same few come up again and again. Each suit has
// one place, determined by its code, where newer entries replace older ones. An entry is one word,
// the code above the packed blocks, so goroutines may share a memo: overwriting each other's
// entries costs time, never a wrong answer. The zero memo is empty.
type memo struct {
	places [1 << memoBits]atomic.Uint64
}

func (m *memo) weigh(counts [9]uint8) blocks {
	code := uint32(0)
	for _, n := range counts {
		code = code*5 + uint32(n)
	}
	if code == 0 {
		return noTiles()
	}
	place := &m.places[code*2654435769>>(32-memoBits)] // a multiplicative hash by the golden ratio
	if entry := place.Load(); uint32(entry>>packedBits) == code {
		return unpack(entry)
	}
	b := weigh(counts)
	place.Store(uint64(code)<<packedBits | b.pack())
	return b
}

// packedBits is three for each of the ten numbers of blocks, which range from none to 4.
const packedBits = 30

func (b *blocks) pack() (packed uint64) {
	for pair := range b {
		for _, parts := range b[pair] {
			packed = packed<<3 | uint64(parts-none)
		}
	}
	return packed
}

func unpack(packed uint64) (b blocks) {
	for pair := len(b) - 1; pair >= 0; pair-- {
		for sets := len(b[pair]) - 1; sets >= 0; sets-- {
			b[pair][sets] = int8(packed&7) + none
			packed >>= 3
		}
	}
	return b
}
