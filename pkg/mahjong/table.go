package mahjong

// The tiles of one suit, as nine counts of 0..4, are looked up in one table. The index is the
// counts read as a base-five number, the first rank being the lowest digit.
const tableSize = 5 * 5 * 5 * 5 * 5 * 5 * 5 * 5 * 5

var powers = [9]uint32{1, 5, 25, 125, 625, 3125, 15625, 78125, 390625}

// An entry holds three two-bit fields and one bit. A field is formSets if the tiles can be read as
// sets alone, formPair if as sets and one pair; the number of tiles rules out both. Multiplying a
// field over the three suits gives formPair exactly for a complete hand: sets everywhere and one
// pair.
const (
	formSets = 1
	formPair = 2
	formMask = 3

	plainShift   = 0 // any sets
	yaoShift     = 2 // every set and the pair hold a 1 or 9
	tripletShift = 4 // triplets only
	evenBit      = 1 << 6
)

// suitTable is computed once at start-up, in about a millisecond: only the few ten thousand
// non-zero entries are visited.
var suitTable = buildSuitTable()

func buildSuitTable() *[tableSize]uint8 {
	b := tableBuilder{table: new([tableSize]uint8)}
	b.addSets(0, 0, true, true)
	b.addPairs(0, 0, 0)
	return b.table
}

type tableBuilder struct {
	table  *[tableSize]uint8
	counts [9]uint8
	code   uint32
}

// add changes the count of a rank if it stays within four tiles.
func (b *tableBuilder) add(rank int, n uint8) bool {
	if b.counts[rank]+n > 4 {
		return false
	}
	b.counts[rank] += n
	b.code += uint32(n) * powers[rank]
	return true
}

func (b *tableBuilder) remove(rank int, n uint8) {
	b.counts[rank] -= n
	b.code -= uint32(n) * powers[rank]
}

// addSets marks the current tiles, without a pair and with each pair, and recurses with every set
// numbered from first up: 0-8 triplets, 9-15 runs.
func (b *tableBuilder) addSets(first, sets int, yao, triplets bool) {
	b.mark(formSets, yao, triplets)
	for rank := range 9 {
		if b.add(rank, 2) {
			b.mark(formPair, yao && (rank == 0 || rank == 8), triplets)
			b.remove(rank, 2)
		}
	}
	if sets == 4 {
		return
	}
	for set := first; set < 16; set++ {
		if set < 9 {
			if b.add(set, 3) {
				b.addSets(set, sets+1, yao && (set == 0 || set == 8), triplets)
				b.remove(set, 3)
			}
			continue
		}
		low := set - 9
		if b.addRun(low) {
			b.addSets(set, sets+1, yao && (low == 0 || low == 6), false)
			b.removeRun(low)
		}
	}
}

func (b *tableBuilder) addRun(low int) bool {
	for i := range 3 {
		if !b.add(low+i, 1) {
			for i--; i >= 0; i-- {
				b.remove(low+i, 1)
			}
			return false
		}
	}
	return true
}

func (b *tableBuilder) removeRun(low int) {
	for i := range 3 {
		b.remove(low+i, 1)
	}
}

func (b *tableBuilder) mark(form uint8, yao, triplets bool) {
	entry := form << plainShift
	if yao {
		entry |= form << yaoShift
	}
	if triplets {
		entry |= form << tripletShift
	}
	b.table[b.code] |= entry
}

// addPairs marks tiles that consist only of pairs, seven at most.
func (b *tableBuilder) addPairs(rank, pairs int, code uint32) {
	if rank == 9 {
		b.table[code] |= evenBit
		return
	}
	for n := 0; n <= 2 && pairs+n <= 7; n++ {
		b.addPairs(rank+1, pairs+n, code+uint32(2*n)*powers[rank])
	}
}
