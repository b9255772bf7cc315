package ab

import (
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/quick"
)

func TestSpread(t *testing.T) {
	for _, c := range []struct {
		values []float64
		want   *Spread
	}{
		{nil, nil},
		{[]float64{3}, &Spread{3, 3, 3, 1}},
		{[]float64{4, 1}, &Spread{2.5, 1, 4, 2}},
		{[]float64{9, -1, 2}, &Spread{2, -1, 9, 3}},
		{[]float64{4, 3, 2, 1}, &Spread{2.5, 1, 4, 4}},
	} {
		given := slices.Clone(c.values)
		if got := spread(c.values); !reflect.DeepEqual(got, c.want) || !slices.Equal(given, c.values) {
			t.Errorf("%v: %+v, want %+v", given, got, c.want)
		}
	}
}

// Half of the values are not above the median and half not below it, whatever they are.
func TestSpreadHalves(t *testing.T) {
	half := func(values []float64) bool {
		s := spread(values)
		if s == nil {
			return len(values) == 0
		}
		above, below := 0, 0
		for _, v := range values {
			if v > s.Median {
				above++
			}
			if v < s.Median {
				below++
			}
		}
		return 2*above <= len(values) && 2*below <= len(values) && s.Min == slices.Min(values) && s.Max == slices.Max(values)
	}
	if err := quick.Check(func(small []int16) bool { // floats of any size would overflow in the mean of two
		var values []float64
		for _, v := range small {
			values = append(values, float64(v))
		}
		return half(values)
	}, nil); err != nil {
		t.Error(err)
	}
}

func run(side Side, players, pair int, f Figures) Run {
	return Run{Side: side, Players: players, Pair: pair, Figures: f}
}

// A ratio is of the two runs of one pair, in whatever order these were made; a figure that
// one side does not tell has none.
func TestCompare(t *testing.T) {
	tables := compare([]Run{
		run(A, 200, 1, Figures{"cpu_nodes": 100, "syncs": 0}),
		run(B, 200, 1, Figures{"cpu_nodes": 150, "syncs": 0, "append_rpcs": 2}),
		run(B, 200, 2, Figures{"cpu_nodes": 100, "syncs": 1}),
		run(A, 200, 2, Figures{"cpu_nodes": 200, "syncs": 1}),
		run(A, 200, 3, Figures{"cpu_nodes": 1000}), // its partner was never made
		run(A, 8, 1, Figures{"cpu_nodes": 7}),
		run(B, 8, 1, Figures{"cpu_nodes": 7}),
	})
	if len(tables) != 2 || tables[0].Players != 200 || tables[0].Pairs != 2 || tables[1].Players != 8 || tables[1].Pairs != 1 {
		t.Fatalf("%+v", tables)
	}
	rows := make(map[string]Row)
	for _, r := range tables[0].Rows {
		rows[r.Figure] = r
	}
	for _, want := range []Row{
		{"cpu_nodes", &Spread{200, 100, 1000, 3}, &Spread{125, 100, 150, 2}, &Spread{1, 0.5, 1.5, 2}, 1, 1},
		{"syncs", &Spread{0.5, 0, 1, 2}, &Spread{0.5, 0, 1, 2}, &Spread{1, 1, 1, 1}, 0, 0},
		{"append_rpcs", nil, &Spread{2, 2, 2, 1}, nil, 0, 0},
		{"moves_per_s", nil, nil, nil, 0, 0},
	} {
		if got := rows[want.Figure]; !reflect.DeepEqual(got, want) {
			t.Errorf("%+v, want %+v", got, want)
		}
	}
	if len(rows) != len(figures) {
		t.Errorf("%d rows of %d figures", len(rows), len(figures))
	}
}

func TestPrint(t *testing.T) {
	var out strings.Builder
	r := Result{A: Checkout{Dir: "/a", Revision: "abc"}, B: Checkout{Dir: "/b"}, Tables: compare([]Run{
		run(A, 200, 1, Figures{"cpu_nodes": 1234.5}), run(B, 200, 1, Figures{"cpu_nodes": 617.25, "syncs": 0.0123}),
	})}
	if err := r.Print(&out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"A /a (abc)", "200 players, 1 pairs", "1234 (1234–1234)", "617 (617–617)", "0.500 (0.500–0.500)", "lower in 1 of 1", "0.0123 (0.0123–0.0123)", "–"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
}

func TestNumber(t *testing.T) {
	for v, want := range map[float64]string{0: "0", 1: "1.00", 12.345: "12.3", 999.9: "1000", 123456: "123456", 0.5: "0.500", 0.001234: "0.00123", -2: "-2.00", math.Inf(1): "+Inf"} {
		if got := number(v); got != want {
			t.Errorf("%v: %q, want %q", v, got, want)
		}
	}
}

// What all processes of a role tell is summed up; what one of them lacks is not told at all.
func TestCount(t *testing.T) {
	n := func(v float64) *float64 { return &v }
	var one, two, gateway page
	one.role, two.role, gateway.role = "node", "node", "gateway"
	one.Process.Mallocs, two.Process.Mallocs, gateway.Process.Mallocs = n(1), n(2), n(4)
	one.Raft.Syncs, two.Raft.Syncs = n(10), nil
	one.Replicas = append(one.Replicas, one.Replicas...)
	entry := func(p *page, group uint32, applied uint64) {
		p.Replicas = append(p.Replicas, struct {
			Group     uint32 `json:"group"`
			Serving   bool   `json:"serving"`
			Preferred bool   `json:"preferred"`
			Applied   uint64 `json:"applied"`
		}{Group: group, Applied: applied})
	}
	entry(&one, 0, 5)
	entry(&two, 0, 6)
	entry(&two, 1, 10)
	if got, want := count([]page{one, two, gateway}), (counters{"allocs_nodes": 3, "allocs_gateway": 4, "raft_entries": 16}); !reflect.DeepEqual(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestCompute(t *testing.T) {
	n := func(v float64) *float64 { return &v }
	s := summary{MovesAcked: n(10), CPU: map[string]*float64{"nodes": n(5), "swarm": nil}}
	f := compute(s, counters{"syncs": 1, "raft_bytes": 50, "append_rpcs": 9}, counters{"syncs": 6, "raft_bytes": 20, "log_bytes": 3, "append_rpcs": 9})
	// A process that has begun anew, or that told nothing before, tells nothing; zero is a figure.
	if want := (Figures{"cpu_nodes": 5, "syncs": 0.5, "append_rpcs": 0}); !reflect.DeepEqual(f, want) {
		t.Errorf("%v, want %v", f, want)
	}
	if f := compute(summary{MovesAcked: n(0)}, counters{"syncs": 1}, counters{"syncs": 6}); len(f) != 0 {
		t.Errorf("%v of no moves", f)
	}
}

func TestUnready(t *testing.T) {
	good := func() []page {
		var node, gateway page
		node.role, gateway.role = "node", "gateway"
		node.Groups = 2
		for group := range uint32(2) {
			node.Replicas = append(node.Replicas, struct {
				Group     uint32 `json:"group"`
				Serving   bool   `json:"serving"`
				Preferred bool   `json:"preferred"`
				Applied   uint64 `json:"applied"`
			}{group, true, group > 0, 1})
		}
		return []page{node, gateway}
	}
	if missing := unready(good()); missing != "" {
		t.Error(missing)
	}
	for name, spoil := range map[string]func([]page) []page{
		"no gateway":      func(p []page) []page { return p[:1] },
		"no node":         func(p []page) []page { return p[1:] },
		"no groups":       func(p []page) []page { p[0].Groups = 0; return p },
		"a group missing": func(p []page) []page { p[0].Groups = 3; return p },
		"not serving":     func(p []page) []page { p[0].Replicas[0].Serving = false; return p },
		"elsewhere":       func(p []page) []page { p[0].Replicas[1].Serving = false; return p },
	} {
		if unready(spoil(good())) == "" {
			t.Errorf("%s: ready", name)
		}
	}
}
