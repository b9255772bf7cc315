package simulate

import (
	"context"
	"io"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Summary is the result of many runs.
type Summary struct {
	Runs            uint64
	Steps           uint64
	Time            time.Duration
	Moves           int
	Hands           int
	Waits, Departed int      // as in Result
	Failed          []Result // by seed; at most maxFailed
}

// maxFailed failures end the search for more.
const maxFailed = 10

// RunMany runs seeds from first on, workers at a time, until ctx ends or maxFailed have failed.
func RunMany(ctx context.Context, first, seeds uint64, workers int, trace io.Writer) (Summary, error) {
	var sum Summary
	var mu sync.Mutex
	var next atomic.Uint64
	var running sync.WaitGroup
	for range max(workers, 1) {
		running.Go(func() {
			for ctx.Err() == nil {
				n := next.Add(1) - 1
				if n >= seeds {
					return
				}
				r := Run(first+n, trace)
				mu.Lock()
				sum.Runs++
				sum.Steps += r.Steps
				sum.Time += r.Time
				sum.Moves += r.Moves
				sum.Hands += r.Hands
				sum.Waits += r.Waits
				sum.Departed += r.Departed
				if r.Violation != "" {
					sum.Failed = append(sum.Failed, r)
				}
				enough := len(sum.Failed) >= maxFailed
				mu.Unlock()
				if enough {
					return
				}
			}
		})
	}
	running.Wait()
	slices.SortFunc(sum.Failed, func(a, b Result) int { return int(a.Seed) - int(b.Seed) })
	return sum, ctx.Err()
}
