package explain

import (
	"strings"

	"teahouse/pkg/mahjong"
	"teahouse/pkg/mahjong/notation"
)

// reading writes a winning hand as the sets and pair it was scored by.
func (e *explainer) reading(score *mahjong.Score) string {
	r := reader{counts: e.shape.Concealed}
	for _, item := range score.Items() {
		switch item.ID {
		case mahjong.QiDui:
			return pairs(r.counts)
		case mahjong.DuiDuiHu:
			r.triplets = true
		case mahjong.DaiYaoJiu:
			r.terminals = true
		}
	}
	r.read(0, 4-len(e.shape.Melds))
	groups := append(r.groups, r.pair)
	for _, m := range e.shape.Melds {
		groups = append(groups, notation.Meld(m))
	}
	return strings.Join(groups, " ")
}

func pairs(counts mahjong.Counts) string {
	var groups []string
	for k, n := range counts {
		for ; n > 0; n -= 2 {
			groups = append(groups, tiles(k, k))
		}
	}
	return strings.Join(groups, " ")
}

// tiles writes tiles of one suit.
func tiles(kinds ...int) string {
	var c mahjong.Counts
	for _, k := range kinds {
		c[k]++
	}
	return notation.Tiles(&c)
}

// reader splits a hand into groups.
type reader struct {
	counts              mahjong.Counts
	triplets, terminals bool // the only sets allowed, and what each group must contain
	groups              []string
	pair                string
}

// read splits the tiles from kind k on into so many sets and a pair. It reports whether that is
// possible; if so, the groups are filled in.
func (r *reader) read(k, sets int) bool {
	for k < mahjong.NumKinds && r.counts[k] == 0 {
		k++
	}
	if k == mahjong.NumKinds {
		return sets == 0 && r.pair != ""
	}
	rank := k % 9
	edge := !r.terminals || rank == 0 || rank == 8
	if r.counts[k] >= 3 && sets > 0 && edge && r.set(k, sets, k, k, k) {
		return true
	}
	if !r.triplets && sets > 0 && rank < 7 && r.counts[k+1] > 0 && r.counts[k+2] > 0 &&
		(!r.terminals || rank == 0 || rank == 6) && r.set(k, sets, k, k+1, k+2) {
		return true
	}
	if r.counts[k] >= 2 && r.pair == "" && edge {
		r.counts[k] -= 2
		r.pair = tiles(k, k)
		if r.read(k, sets) {
			return true
		}
		r.pair = ""
		r.counts[k] += 2
	}
	return false
}

func (r *reader) set(k, sets int, kinds ...int) bool {
	for _, t := range kinds {
		r.counts[t]--
	}
	r.groups = append(r.groups, tiles(kinds...))
	if r.read(k, sets-1) {
		return true
	}
	r.groups = r.groups[:len(r.groups)-1]
	for _, t := range kinds {
		r.counts[t]++
	}
	return false
}
