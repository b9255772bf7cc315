package bots

import (
	"fmt"
	"io"
	"math"
	"text/tabwriter"
	"time"

	"teahouse/pkg/mahjong"
)

// Report is the result of a run.
type Report struct {
	A     string        `json:"a"`
	B     string        `json:"b"`
	Rules mahjong.Rules `json:"rules"`
	Seed  uint64        `json:"seed"`
	Deals int           `json:"deals"` // six hands each
	Hands int           `json:"hands"`

	// Difference is how many points per hand a seat of A scores more than a seat of B; Low and High
	// bound it with 95 % confidence.
	Difference float64 `json:"difference"`
	Low        float64 `json:"low"`
	High       float64 `json:"high"`

	Sides    [2]Side `json:"sides"` // of A and of B
	Seconds  float64 `json:"seconds"`
	HandsPer float64 `json:"hands_per_s"` // by all workers together
}

// Side is what was counted for one player. Rates are per seat and hand: in Xueliu, where a seat can
// win repeatedly, they can exceed 1.
type Side struct {
	Player     string  `json:"player"`
	WinRate    float64 `json:"win_rate"`
	DealInRate float64 `json:"deal_in_rate"` // others won by a tile of this seat
	Decisions  int     `json:"decisions"`
	// Decision times in microseconds.
	P50 float64 `json:"decision_us_p50"`
	P99 float64 `json:"decision_us_p99"`
	Max float64 `json:"decision_us_max"`
}

// Clear reports whether the interval excludes zero, in favour of A.
func (r *Report) Clear() bool { return r.Low > 0 }

// Print writes the report for people.
func (r *Report) Print(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	fmt.Fprintf(w, "%s against %s\t%s, %d hands: %d deals in six seatings\n", r.A, r.B, r.Rules.Mode, r.Hands, r.Deals)
	fmt.Fprintf(w, "difference\t%+.3f points a hand and seat, 95 %% between %+.3f and %+.3f\n", r.Difference, r.Low, r.High)
	for _, s := range r.Sides {
		fmt.Fprintf(w, "%s\twins %.1f %%, deals in %.1f %%, decides in %.0f µs (median), %.0f µs (99 %%), %.0f µs (max)\n",
			s.Player, 100*s.WinRate, 100*s.DealInRate, s.P50, s.P99, s.Max)
	}
	fmt.Fprintf(w, "speed\t%.0f hands/s in %.1f s\n", r.HandsPer, r.Seconds)
	return w.Flush()
}

// tally sums up. Of the differences it keeps the sums for mean and deviation; they are whole
// numbers, so the order in which workers finish does not matter.
type tally struct {
	deals       int
	sum, square int
	sides       [2]sideTally
}

type sideTally struct {
	wins, dealIns int
	decisions     latency
}

func (t *tally) deal(difference int) {
	t.deals++
	t.sum += difference
	t.square += difference * difference
}

func (t *tally) add(o *tally) {
	t.deals += o.deals
	t.sum += o.sum
	t.square += o.square
	for i := range t.sides {
		t.sides[i].wins += o.sides[i].wins
		t.sides[i].dealIns += o.sides[i].dealIns
		t.sides[i].decisions.merge(&o.sides[i].decisions)
	}
}

// z95 is the 97.5 % quantile of the normal distribution, that of a mean over many deals.
const z95 = 1.959964

func (t *tally) report(cfg Config, took time.Duration) *Report {
	r := &Report{
		A: cfg.A, B: cfg.B, Rules: cfg.Rules, Seed: cfg.Seed,
		Deals: t.deals, Hands: t.deals * len(seatings), Seconds: took.Seconds(),
	}
	n := float64(t.deals)
	mean := float64(t.sum) / n
	half := z95 * math.Sqrt((float64(t.square)-n*mean*mean)/(n-1)/n)
	scale := float64(2 * len(seatings)) // two seats of each side, six hands
	r.Difference, r.Low, r.High = mean/scale, (mean-half)/scale, (mean+half)/scale
	r.HandsPer = float64(r.Hands) / took.Seconds()
	for i, name := range []string{cfg.A, cfg.B} {
		s := &t.sides[i]
		seats := float64(2 * r.Hands)
		r.Sides[i] = Side{
			Player: name, WinRate: float64(s.wins) / seats, DealInRate: float64(s.dealIns) / seats,
		}
		s.decisions.describe(&r.Sides[i])
	}
	return r
}
