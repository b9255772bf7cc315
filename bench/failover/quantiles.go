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

func (r *Result) summarize() {
	var detection, leader, all, gap, outage []float64
	for _, t := range r.Tries {
		gap, outage = append(gap, t.GapMS), append(outage, t.OutageMS)
		if t.DetectionMS != nil {
			detection = append(detection, *t.DetectionMS)
		}
		if t.LeaderMS != nil {
			leader = append(leader, *t.LeaderMS)
		}
		if t.AllMS != nil {
			all = append(all, *t.AllMS)
		}
	}
	r.Detection, r.Leader, r.All, r.Gap = quantiles(detection), quantiles(leader), quantiles(all), quantiles(gap)
	r.Longest = quantiles(outage)
}
