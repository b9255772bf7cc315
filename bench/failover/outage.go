package failover

import (
	"context"
	"fmt"
	"time"
)

// Outage is what the time without the database did.
type Outage struct {
	Moves     int     `json:"moves"`     // acknowledged meanwhile
	Unsettled int     `json:"unsettled"` // finished hands that waited when it came back
	Delayed   int     `json:"delayed"`   // shards that dealt no more, because so many waited
	DrainMS   float64 `json:"drain_ms"`  // from its return until none waited
}

// outage looks at the backlog.
func (f *Failover) outage(ctx context.Context, moves int) (*Outage, error) {
	state, err := f.client.State(ctx)
	if err != nil {
		return nil, err
	}
	o := &Outage{Moves: moves}
	for _, status := range state.Statuses(ctx) {
		for _, g := range status.Replicas {
			if !g.Serving {
				continue
			}
			o.Unsettled += g.Unsettled
			if g.Delayed {
				o.Delayed++
			}
		}
	}
	return o, nil
}

// drain waits until a moment has no backlog beyond what play itself makes: every
// shard that was seen has been at zero once. It returns the time that took.
func (f *Failover) drain(ctx context.Context) (ms float64, err error) {
	ctx, cancel := context.WithTimeout(ctx, f.cfg.Heal)
	defer cancel()
	began := time.Now()
	drained := make(map[uint32]bool)
	for {
		state, err := f.client.State(ctx)
		if err != nil {
			return 0, err
		}
		for _, status := range state.Statuses(ctx) {
			for _, g := range status.Replicas {
				if g.Serving {
					drained[g.Group] = drained[g.Group] || g.Unsettled == 0
				}
			}
		}
		left := 0
		for _, done := range drained {
			if !done {
				left++
			}
		}
		if left == 0 && len(drained) > 0 {
			return float64(time.Since(began).Microseconds()) / 1000, nil
		}
		if err := sleep(ctx, pollEvery); err != nil {
			return 0, fmt.Errorf("%d shards have hands that are not in the database: %w", left, err)
		}
	}
}
