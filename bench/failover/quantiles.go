package failover

import (
	"fmt"
	"slices"
)

// Quantiles are over the tries that count, in milliseconds.
type Quantiles struct {
	Median float64 `json:"median"`
	P99    float64 `json:"p99"`
	Max    float64 `json:"max"`
}

// String lists them, or "-" when nothing was measured.
func (q Quantiles) String() string {
	if q == (Quantiles{}) {
		return "-"
	}
	return fmt.Sprintf("median %.0f ms, 99 %% %.0f, max %.0f", q.Median, q.P99, q.Max)
}

// quantiles takes the nearest ranks; all zero without values.
func quantiles(values []float64) Quantiles {
	if len(values) == 0 {
		return Quantiles{}
	}
	slices.Sort(values)
	rank := func(percent int) float64 { return values[(len(values)*percent+99)/100-1] }
	return Quantiles{Median: rank(50), P99: rank(99), Max: rank(100)}
}

// overTries are the quantiles of a figure over the tries that have it (not nil).
func overTries(tries []Try, figure func(Try) *float64) Quantiles {
	var values []float64
	for _, t := range tries {
		if v := figure(t); v != nil {
			values = append(values, *v)
		}
	}
	return quantiles(values)
}

func leaderMS(t Try) *float64 { return t.LeaderMS }
func allMS(t Try) *float64    { return t.AllMS }

func (r *Result) summarize() {
	r.Detection = overTries(r.Tries, func(t Try) *float64 { return t.DetectionMS })
	r.Leader, r.All = overTries(r.Tries, leaderMS), overTries(r.Tries, allMS)
	r.Gap = overTries(r.Tries, func(t Try) *float64 { return &t.GapMS })
	r.Longest = overTries(r.Tries, func(t Try) *float64 { return &t.OutageMS })
}
