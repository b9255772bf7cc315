package raftgroup

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// BenchmarkPropose runs six groups on three hosts in this process, with eight
// proposers each that propose one 64-byte entry at a time.
func BenchmarkPropose(b *testing.B) {
	for _, sync := range []bool{true, false} {
		b.Run(fmt.Sprintf("sync=%v", sync), func(b *testing.B) { benchmarkPropose(b, sync) })
	}
}

func benchmarkPropose(b *testing.B, syncLog bool) {
	const groups, proposers = 6, 8
	c := newCluster(b, 3, syncLog, nil)
	leaders := make([]*Group, groups)
	for i := range leaders {
		id := GroupID(i + 1)
		for _, nd := range c.nodes {
			if _, err := nd.host.Start(GroupConfig{ID: id, Machine: discard{newTally()}, Bootstrap: c.members()}); err != nil {
				b.Fatal(err)
			}
		}
		c.nodes[i%3].group(id).campaign()
		c.leader(id)
		if err := c.leader(id).group(id).Transfer(b.Context(), c.nodes[i%3].id); err != nil {
			b.Fatal(err)
		}
		leaders[i] = c.nodes[i%3].group(id)
	}
	var left, nanos atomic.Int64
	left.Store(int64(b.N))
	b.ResetTimer()
	var wg sync.WaitGroup
	for _, g := range leaders {
		for range proposers {
			wg.Go(func() {
				for left.Add(-1) >= 0 {
					start := time.Now()
					if _, err := g.Propose(make([]byte, 64)).Wait(context.Background()); err != nil {
						b.Error(err)
						return
					}
					nanos.Add(int64(time.Since(start)))
				}
			})
		}
	}
	wg.Wait()
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "entries/s")
	b.ReportMetric(float64(nanos.Load())/float64(b.N)/1e6, "mean-ms")
}

// discard is a Machine without state.
type discard struct{ *tally }

func (discard) Apply(Entry) any { return nil }
