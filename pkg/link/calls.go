package link

import (
	"sync"

	"teahouse/pkg/link/linkpb"
)

// calls are the open calls of one link, by id.
type calls struct {
	max int // immutable

	mu     sync.Mutex
	closed bool
	last   uint64
	open   map[uint64]func(*linkpb.Response, error)
}

func newCalls(limit int) *calls {
	return &calls{max: limit, open: make(map[uint64]func(*linkpb.Response, error))}
}

// add assigns the next id, never 0 and never one used before.
func (c *calls) add(done func(*linkpb.Response, error)) (uint64, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return 0, ErrClosed
	}
	if len(c.open) >= c.max {
		return 0, ErrBusy
	}
	c.last++
	c.open[c.last] = done
	return c.last, nil
}

// remove removes a call; nil means that it was no longer open.
func (c *calls) remove(id uint64) func(*linkpb.Response, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	done := c.open[id]
	delete(c.open, id)
	return done
}

// fail ends all open calls and refuses new ones.
func (c *calls) fail(err error) {
	c.mu.Lock()
	open := c.open
	c.closed, c.open = true, nil
	c.mu.Unlock()
	for _, done := range open {
		done(nil, err)
	}
}
