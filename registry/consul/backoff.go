package consul

import (
	"context"
	"math/rand/v2"
	"time"
)

// backoff is the pause after a failure: it doubles from min to max, less a random part of up to a
// half, so that a hundred processes do not come back in step.
type backoff struct {
	min, max time.Duration
	next     time.Duration
}

func (b *backoff) pause() time.Duration {
	b.next = min(max(2*b.next, b.min), b.max)
	return b.next - rand.N(b.next/2+1)
}

func (b *backoff) reset() { b.next = 0 }

// sleep returns false if ctx ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
