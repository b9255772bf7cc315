package coordinator

import (
	"slices"
	"sync"
)

// How long tickets have waited is known to each replica that has applied the entries by which they got their
// tables. It is not part of the state: nothing is decided by it, and a replica that starts with a snapshot
// begins without.
const (
	maxWaits     = 16               // remembered waits of one kind of table
	maxWaitKinds = 1024             // kinds of tables; the one without news for longest makes room
	keepWaits    = 10 * 60_000      // log time in ms after which a wait tells nothing about the next one
	longestWait  = 24 * 60 * 60_000 // in ms; what is longer counts as this
)

// waits are the latest waits by kind of table.
type waits struct {
	mu    sync.Mutex
	kinds map[queueKey]*recent
}

// recent are the latest waits of one kind, in a ring.
type recent struct {
	list [maxWaits]struct{ at, ms uint64 }
	n    int // of all that were noted
}

func (r *recent) newest() uint64 { return r.list[(r.n-1)%maxWaits].at }

// note remembers waits that have ended at log time now.
func (w *waits) note(ended []wait, now uint64) {
	if len(ended) == 0 {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.kinds == nil {
		w.kinds = make(map[queueKey]*recent)
	}
	for _, e := range ended {
		r := w.kinds[e.key]
		if r == nil {
			if len(w.kinds) >= maxWaitKinds {
				w.drop()
			}
			r = &recent{}
			w.kinds[e.key] = r
		}
		at := &r.list[r.n%maxWaits]
		at.at, at.ms = now, min(e.ms, longestWait)
		r.n++
	}
}

// drop forgets the kind without news for longest.
func (w *waits) drop() {
	var oldest queueKey
	var at uint64
	found := false
	for key, r := range w.kinds {
		if n := r.newest(); !found || n < at || n == at && key.compare(oldest) < 0 {
			oldest, at, found = key, n, true
		}
	}
	delete(w.kinds, oldest)
}

// typical returns the median of the waits of each kind that are not too old, in ms and at least 1, and forgets the
// others.
func (w *waits) typical(now uint64) map[queueKey]uint32 {
	w.mu.Lock()
	defer w.mu.Unlock()
	all := make(map[queueKey]uint32, len(w.kinds))
	for key, r := range w.kinds {
		var young []uint64
		for _, one := range r.list[:min(r.n, maxWaits)] {
			if now-min(now, one.at) <= keepWaits {
				young = append(young, one.ms)
			}
		}
		if len(young) == 0 {
			delete(w.kinds, key)
			continue
		}
		slices.Sort(young)
		all[key] = uint32(max(1, young[len(young)/2]))
	}
	return all
}
