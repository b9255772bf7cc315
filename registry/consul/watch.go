package consul

import (
	"context"
	"slices"
	"time"

	"github.com/hashicorp/consul/api"

	"teahouse/registry"
)

// Watch implements registry.Registry.
func (r *Registry) Watch(ctx context.Context, role string) (<-chan registry.Snapshot, error) {
	if !registry.ValidRole(role) {
		return nil, registry.ErrInvalidRole
	}
	w := &watch{
		registry: r,
		role:     role,
		out:      make(chan registry.Snapshot, 1),
		outage:   outage{log: r.log, addr: r.cfg.Addr, what: "watch of role " + role},
	}
	if err := r.spawn(ctx, w.run); err != nil {
		return nil, err
	}
	return w.out, nil
}

// watch is owned by its goroutine.
type watch struct {
	registry *Registry
	role     string
	out      chan registry.Snapshot // holds the newest snapshot until it is read
	outage   outage

	sent bool                // there was a snapshot already
	last []registry.Instance // of the newest snapshot
}

// run chains blocking queries until ctx ends.
func (w *watch) run(ctx context.Context) {
	defer close(w.out)
	cfg := &w.registry.cfg
	retry := backoff{min: cfg.BackoffMin, max: cfg.BackoffMax}
	var index uint64
	for {
		began := time.Now()
		entries, newIndex, err := w.query(ctx, index)
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			w.outage.failed(err)
			// The failure may be due to a restart, after which the index may have any value, even
			// the old one by chance: ask for the whole list.
			index = 0
			if !sleep(ctx, retry.pause()) {
				return
			}
			continue
		}
		w.outage.recovered()
		w.deliver(newIndex, entries)

		// Nothing new, and not because the wait was over: a registry that does not block must not
		// be asked in a tight loop.
		if newIndex == index && time.Since(began) < cfg.BackoffMin {
			if !sleep(ctx, retry.pause()) {
				return
			}
		} else {
			retry.reset()
		}
		if newIndex < index {
			newIndex = 0 // went backwards: the registry was restarted or restored
		}
		index = newIndex
	}
}

// query blocks until the registry's index differs from index; 0 does not block.
func (w *watch) query(ctx context.Context, index uint64) ([]*api.ServiceEntry, uint64, error) {
	cfg := &w.registry.cfg
	// A registry adds up to a sixteenth to the wait, to spread its answers.
	ctx, cancel := context.WithTimeout(ctx, cfg.Wait+cfg.Wait/16+cfg.Timeout)
	defer cancel()
	opts := (&api.QueryOptions{WaitIndex: index, WaitTime: cfg.Wait}).WithContext(ctx)
	entries, meta, err := w.registry.client.Health().Service(w.registry.service(w.role), "", true, opts)
	if err != nil {
		return nil, 0, err
	}
	// With an index of 0 the next query would return at once, forever.
	return entries, max(meta.LastIndex, 1), nil
}

// deliver puts a snapshot into the channel if it differs from the last one. A registry's index also
// moves for reasons that the list does not show, such as a check's output.
func (w *watch) deliver(index uint64, entries []*api.ServiceEntry) {
	instances, bad := w.registry.instancesOf(w.role, entries)
	if w.sent && slices.EqualFunc(w.last, instances, registry.Instance.Equal) {
		return
	}
	for _, err := range bad {
		w.registry.log.Warn("registry lists a service that is no instance", "role", w.role, "err", err)
	}
	w.sent, w.last = true, instances
	select {
	case <-w.out: // not read in time: superseded
	default:
	}
	w.out <- registry.Snapshot{Index: index, Instances: instances} // has room: this is the only sender
}
