package embedded

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/consul/api"
)

// book is the catalog with its clock and its readers: it serializes the calls, wakes the blocking
// queries, and applies the passing of time.
type book struct {
	cfg Config
	log *slog.Logger

	watches          atomic.Int64 // waiting blocking queries
	refusedInstances atomic.Uint64
	refusedWatches   atomic.Uint64
	refusedBodies    atomic.Uint64

	// sooner tells expire that there may be a deadline before the one it sleeps for. Heartbeats
	// only postpone deadlines, so they do not need it.
	sooner chan struct{}

	mu      sync.Mutex
	catalog *catalog      // guarded by mu
	changed chan struct{} // guarded by mu; closed and replaced when the catalog's index moves
}

func newBook(cfg Config) *book {
	return &book{
		cfg: cfg, log: cfg.Logger,
		sooner:  make(chan struct{}, 1),
		catalog: newCatalog(cfg.MaxInstances),
		changed: make(chan struct{}),
	}
}

// do runs f on the catalog and wakes the readers if it changed anything.
func (b *book) do(f func(c *catalog, now time.Time)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	before := b.catalog.index
	f(b.catalog, time.Now())
	if b.catalog.index != before {
		close(b.changed)
		b.changed = make(chan struct{})
	}
}

func (b *book) register(service api.AgentService, chk check) (err error) {
	b.do(func(c *catalog, now time.Time) { err = c.register(now, service, chk) })
	if err != nil {
		b.refusedInstances.Add(1)
		b.log.Warn("instance refused", "service", service.ID, "err", err)
		return err
	}
	b.wakeExpiry()
	b.log.Info("instance registered", "service", service.ID, "name", service.Service)
	return nil
}

func (b *book) deregister(serviceID string) (err error) {
	b.do(func(c *catalog, _ time.Time) { err = c.deregister(serviceID) })
	if err == nil {
		b.log.Info("instance deregistered", "service", serviceID)
	}
	return err
}

func (b *book) update(checkID, status string) (err error) {
	b.do(func(c *catalog, now time.Time) { err = c.update(now, checkID, status) })
	if err == nil && status == api.HealthCritical {
		b.wakeExpiry()
	}
	return err
}

// read returns the list and its index.
func (b *book) read(name string, passingOnly bool) (list []entry, index uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.catalog.list(name, passingOnly), b.catalog.index
}

// wait blocks until the index differs from index, the time is over, or ctx ends. If too many are
// waiting already, it returns false at once.
func (b *book) wait(ctx context.Context, index uint64, d time.Duration) bool {
	if b.watches.Add(1) > int64(b.cfg.MaxWatches) {
		b.watches.Add(-1)
		b.refusedWatches.Add(1)
		return false
	}
	defer b.watches.Add(-1)
	timer := time.NewTimer(d)
	defer timer.Stop()
	for {
		b.mu.Lock()
		current, changed := b.catalog.index, b.changed
		b.mu.Unlock()
		// An index from the future was issued before a restart of the registry.
		if current != index {
			return true
		}
		select {
		case <-changed:
		case <-timer.C:
			return true
		case <-ctx.Done():
			return true
		}
	}
}

// expire applies the passing of time until ctx ends.
func (b *book) expire(ctx context.Context) {
	for {
		var events []event
		var next time.Time
		b.do(func(c *catalog, now time.Time) { events, next = c.advance(now) })
		for _, e := range events {
			if e.removed {
				b.log.Info("instance removed, silent for too long", "service", e.serviceID)
			} else {
				b.log.Info("instance is silent", "service", e.serviceID)
			}
		}
		var due <-chan time.Time
		var timer *time.Timer
		if !next.IsZero() {
			timer = time.NewTimer(time.Until(next))
			due = timer.C
		}
		select {
		case <-due:
		case <-b.sooner:
		case <-ctx.Done():
		}
		if timer != nil {
			timer.Stop()
		}
		if ctx.Err() != nil {
			return
		}
	}
}

func (b *book) wakeExpiry() {
	select {
	case b.sooner <- struct{}{}:
	default: // a wake-up is already pending
	}
}

func (b *book) stats() Stats {
	b.mu.Lock()
	instances := len(b.catalog.entries)
	b.mu.Unlock()
	return Stats{
		Instances:        instances,
		Watches:          int(b.watches.Load()),
		RefusedInstances: b.refusedInstances.Load(),
		RefusedWatches:   b.refusedWatches.Load(),
		RefusedBodies:    b.refusedBodies.Load(),
	}
}
