package ab

import "slices"

// Spread is what some values have in common.
type Spread struct {
	Median float64 `json:"median"`
	Min    float64 `json:"min"`
	Max    float64 `json:"max"`
	N      int     `json:"n"`
}

// spread is nil for no values.
func spread(values []float64) *Spread {
	n := len(values)
	if n == 0 {
		return nil
	}
	sorted := slices.Sorted(slices.Values(values))
	return &Spread{Median: (sorted[(n-1)/2] + sorted[n/2]) / 2, Min: sorted[0], Max: sorted[n-1], N: n}
}

// Row compares one figure.
type Row struct {
	Figure string  `json:"figure"`
	A      *Spread `json:"a"` // null: this revision does not tell it
	B      *Spread `json:"b"`
	// Ratio is of B to A, of the runs of one pair each; null where no pair has both, or A's is 0.
	Ratio *Spread `json:"ratio"`
	// Lower and Higher count the pairs in which B's figure was below and above A's.
	Lower  int `json:"lower"`
	Higher int `json:"higher"`
}

// Table compares the runs with one number of players.
type Table struct {
	Players int   `json:"players"`
	Pairs   int   `json:"pairs"` // that are complete
	Rows    []Row `json:"rows"`
}

// compare makes a table for each number of players, in the order in which they come.
func compare(runs []Run) (tables []Table) {
	var players []int
	for _, r := range runs {
		if !slices.Contains(players, r.Players) {
			players = append(players, r.Players)
		}
	}
	for _, n := range players {
		sides := map[Side]map[int]Figures{A: {}, B: {}} // by pair
		for _, r := range runs {
			if r.Players == n {
				sides[r.Side][r.Pair] = r.Figures
			}
		}
		t := Table{Players: n}
		for pair := range sides[A] {
			if sides[B][pair] != nil {
				t.Pairs++
			}
		}
		for _, f := range figures {
			t.Rows = append(t.Rows, compareFigure(f.name, sides[A], sides[B]))
		}
		tables = append(tables, t)
	}
	return tables
}

// compareFigure takes the figures of both sides by pair.
func compareFigure(name string, a, b map[int]Figures) Row {
	values := func(side map[int]Figures) (vs []float64) {
		for _, f := range side {
			if v, ok := f[name]; ok {
				vs = append(vs, v)
			}
		}
		return vs
	}
	row := Row{Figure: name, A: spread(values(a)), B: spread(values(b))}
	var ratios []float64
	for pair, of := range a {
		va, toldA := of[name]
		vb, toldB := b[pair][name]
		if !toldA || !toldB {
			continue
		}
		switch {
		case vb < va:
			row.Lower++
		case vb > va:
			row.Higher++
		}
		if va != 0 {
			ratios = append(ratios, vb/va)
		}
	}
	row.Ratio = spread(ratios)
	return row
}
