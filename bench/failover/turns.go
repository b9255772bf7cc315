package failover

import (
	"errors"
	"fmt"
	"strings"
)

// ParseFaults reads one fault, or several with commas between them, which take turns.
func ParseFaults(s string) (faults []Fault, err error) {
	for _, one := range strings.Split(s, ",") {
		fault, err := ParseFault(strings.TrimSpace(one))
		if err != nil {
			return nil, err
		}
		faults = append(faults, fault)
	}
	return faults, nil
}

// turn chooses the fault of the next try, the n-th that counts.
func (f *Failover) turn(n int) {
	if len(f.cfg.Turns) > 0 {
		f.cfg.Fault = f.cfg.Turns[n%len(f.cfg.Turns)]
	}
}

// turnsWithDefaults looks at each of the faults that take turns.
func (c Config) turnsWithDefaults() (Config, error) {
	turns := c.Turns
	for _, fault := range turns {
		one := c
		one.Turns, one.Fault = nil, fault
		if _, err := one.withDefaults(); err != nil {
			return c, err
		}
		if fault.Wipe || fault.Disk != "" {
			return c, errors.New("failover: a fault that takes turns leaves the disk alone")
		}
	}
	c.Turns = nil
	c.Fault = turns[0]
	c, err := c.withDefaults()
	c.Turns, c.Tries = turns, c.Tries*len(turns)
	return c, err
}

// faultNames is what Result.Fault says.
func (c Config) faultNames() string {
	if len(c.Turns) == 0 {
		return c.Fault.String()
	}
	var names []string
	for _, f := range c.Turns {
		names = append(names, f.String())
	}
	return strings.Join(names, ",")
}

// Turn is what one of the faults that took turns came to. The ratios compare its medians
// with those of the last fault: below 1 = it cost less.
type Turn struct {
	Fault    string    `json:"fault"`
	Tries    int       `json:"tries"`
	Leader   Quantiles `json:"leader_ms"`
	All      Quantiles `json:"all_leaders_ms"`
	FaultGap Quantiles `json:"fault_gap_ms"`
	HealGap  Quantiles `json:"heal_gap_ms"`
	FaultOut Quantiles `json:"fault_longest_outage_ms"`
	Ratio    float64   `json:"fault_gap_ratio"`
	OutRatio float64   `json:"fault_longest_outage_ratio"`
}

// String is a line of the summary.
func (t Turn) String() string {
	return fmt.Sprintf("%-10s  %d tries  at the fault: gap %v (%.2f of the last fault's), outage %v (%.2f)  until healed: gap %v  all leaders %v",
		t.Fault, t.Tries, t.FaultGap, t.Ratio, t.FaultOut, t.OutRatio, t.HealGap, t.All)
}

func (r *Result) summarizeTurns(turns []Fault) {
	for _, f := range turns {
		turn := Turn{Fault: f.String()}
		var tries []Try
		for _, t := range r.Tries {
			if t.Fault == turn.Fault {
				tries = append(tries, t)
			}
		}
		turn.Tries, turn.Leader, turn.All = len(tries), overTries(tries, leaderMS), overTries(tries, allMS)
		turn.FaultGap = overTries(tries, func(t Try) *float64 { return &t.FaultGapMS })
		turn.HealGap = overTries(tries, func(t Try) *float64 { return &t.HealGapMS })
		turn.FaultOut = overTries(tries, func(t Try) *float64 { return &t.FaultOutMS })
		r.Turns = append(r.Turns, turn)
	}
	if len(r.Turns) == 0 {
		return
	}
	last := r.Turns[len(r.Turns)-1]
	ratio := func(a, b Quantiles) float64 {
		if b.Median == 0 {
			return 0
		}
		return a.Median / b.Median
	}
	for i := range r.Turns {
		r.Turns[i].Ratio = ratio(r.Turns[i].FaultGap, last.FaultGap)
		r.Turns[i].OutRatio = ratio(r.Turns[i].FaultOut, last.FaultOut)
	}
}
