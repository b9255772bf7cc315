package bot

// blocks says what tiles can be grouped into: with a pair set aside (second row) or without, for
// each number of complete sets, the most partial sets (two tiles each) besides; none where that
// many sets are impossible.
type blocks [2][5]int8

const none int8 = -1

// noTiles is the blocks of no tiles.
func noTiles() blocks {
	return blocks{{0, none, none, none, none}, {none, none, none, none, none}}
}

// weigh finds the groupings of one suit. Tiles three ranks apart cannot be combined, so the
// stretches between such gaps are grouped separately: the work grows steeply with the number of
// tiles.
func weigh(counts [9]uint8) blocks {
	all := noTiles()
	first := true
	for low := 0; low < 9; low++ {
		if counts[low] == 0 {
			continue
		}
		var w weigher
		high := low
		for ; high < 9 && (counts[high] > 0 || high+1 < 9 && counts[high+1] > 0); high++ {
			w.counts[high] = counts[high]
		}
		w.best = blocks{{none, none, none, none, none}, {none, none, none, none, none}}
		w.group(low, 0, 0, 0)
		if first {
			all, first = w.best, false
		} else {
			all = all.join(&w.best)
		}
		low = high
	}
	return all
}

type weigher struct {
	counts [9]uint8
	best   blocks
}

// group tries every use of the lowest unused tile.
func (w *weigher) group(rank, pair, sets, parts int) {
	for rank < 9 && w.counts[rank] == 0 {
		rank++
	}
	c := &w.counts
	if rank == 9 || sets+parts == 4 {
		// A hand has room for four sets; besides them only a pair is useful.
		w.note(pair, sets, parts)
		for ; pair == 0 && rank < 9; rank++ {
			if c[rank] >= 2 {
				w.note(1, sets, parts)
				return
			}
		}
		return
	}
	if c[rank] >= 3 {
		c[rank] -= 3
		w.group(rank, pair, sets+1, parts)
		c[rank] += 3
	}
	if rank < 7 && c[rank+1] > 0 && c[rank+2] > 0 {
		c[rank]--
		c[rank+1]--
		c[rank+2]--
		w.group(rank, pair, sets+1, parts)
		c[rank]++
		c[rank+1]++
		c[rank+2]++
	}
	if c[rank] >= 2 {
		c[rank] -= 2
		if pair == 0 {
			w.group(rank, 1, sets, parts)
		}
		w.group(rank, pair, sets, parts+1)
		c[rank] += 2
	}
	for d := 1; d <= 2; d++ {
		if rank+d < 9 && c[rank+d] > 0 {
			c[rank]--
			c[rank+d]--
			w.group(rank, pair, sets, parts+1)
			c[rank]++
			c[rank+d]++
		}
	}
	// The lowest tile may stay alone, and then so do its equals. Three equal tiles never do: making
	// them a triplet takes nothing from the others.
	if c[rank] < 3 {
		held := c[rank]
		c[rank] = 0
		w.group(rank+1, pair, sets, parts)
		c[rank] = held
	}
}

func (w *weigher) note(pair, sets, parts int) {
	if int8(parts) > w.best[pair][sets] {
		w.best[pair][sets] = int8(parts)
	}
}

// join groups two suits together.
func (b blocks) join(o *blocks) blocks {
	sum := blocks{{none, none, none, none, none}, {none, none, none, none, none}}
	for pair := range 2 {
		for mine := 0; mine <= pair; mine++ {
			for s, parts := range b[mine] {
				if parts == none {
					continue
				}
				for t, more := range o[pair-mine] {
					if more != none && s+t < 5 && parts+more > sum[pair][s+t] {
						sum[pair][s+t] = parts + more
					}
				}
			}
		}
	}
	return sum
}

// shanten is that of a whole hand that still needs this many sets.
func (b *blocks) shanten(need int) int {
	best := 2 * need
	for pair := range 2 {
		for sets, parts := range b[pair] {
			if parts == none {
				continue
			}
			sets := min(sets, need)
			best = min(best, 2*need-2*sets-min(int(parts), need-sets)-pair)
		}
	}
	return best
}
