package swarm

import (
	"bytes"
	"context"
	"fmt"
	"sync"

	"teahouse/bench/audit"
	"teahouse/bench/report"
	"teahouse/pkg/game"
)

// book holds what the seats lived through until it is audited: after the play, or
// the oldest tables at once when more than its bound waits.
type book struct {
	ledger records
	bound  int // bytes

	mu      sync.Mutex
	cond    sync.Cond // on mu: queue, size or finishing has changed
	open    map[game.TableID]*chapter
	queue   []*chapter // all of ours have left; oldest first
	size    int        // bytes in open and queue
	ending  bool
	result  audit.Result
	err     error
	samples map[game.TableID]sample
}

// records tells what the database has of a table at which player sat.
type records interface {
	take(ctx context.Context, table game.TableID, player game.PlayerID) (map[uint32]audit.Hand, error)
}

// chapter is a table.
type chapter struct {
	id    game.TableID
	seats []*audit.Seat
	size  int
}

// sample is an archive that a player was given.
type sample struct {
	hand    uint32
	archive []byte
}

func newBook(l records, bound int) *book {
	b := &book{ledger: l, bound: bound, open: make(map[game.TableID]*chapter), samples: make(map[game.TableID]sample)}
	b.cond.L = &b.mu
	return b
}

// start runs the auditors. They end after finish, or soon after ctx.
func (b *book) start(ctx context.Context, auditors int) *sync.WaitGroup {
	var wg sync.WaitGroup
	stop := context.AfterFunc(ctx, func() {
		b.mu.Lock() // nobody is between looking at ctx and waiting
		defer b.mu.Unlock()
		b.cond.Broadcast()
	})
	for range auditors {
		wg.Go(func() {
			defer stop()
			for c := b.next(ctx); c != nil; c = b.next(ctx) {
				b.audit(ctx, c)
			}
		})
	}
	return &wg
}

// next waits for a table to audit; nil = there will be none.
func (b *book) next(ctx context.Context) *chapter {
	b.mu.Lock()
	defer b.mu.Unlock()
	for {
		switch {
		case ctx.Err() != nil:
			return nil
		case len(b.queue) > 0 && (b.ending || b.size > b.bound):
			c := b.queue[0]
			b.queue[0] = nil
			b.queue = b.queue[1:]
			return c
		case b.ending:
			return nil
		}
		b.cond.Wait()
	}
}

func (b *book) audit(ctx context.Context, c *chapter) {
	hands, err := b.ledger.take(ctx, c.id, c.seats[0].Player)
	_, unscored := b.ledger.(asked)
	var r audit.Result
	if err == nil {
		r, err = audit.Check(audit.Table{ID: c.id, Seats: c.seats, Hands: hands, Unscored: unscored})
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if s, ok := b.samples[c.id]; ok && err == nil && !bytes.Equal(s.archive, hands[s.hand].Archive) {
		r.EventsWrong++
		r.Notes = append(r.Notes, fmt.Sprintf("table %v hand %d: archive.hand gave another archive than the database", c.id, s.hand))
	}
	delete(b.samples, c.id)
	b.result.Add(r)
	b.size -= c.size
	if b.err == nil {
		b.err = err
	}
}

// left takes a seat in when its player has left. companions is how many of ours sit
// there; 0 = unknown.
func (b *book) left(id game.TableID, s *audit.Seat, companions int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	c := b.open[id]
	if c == nil {
		c = &chapter{id: id}
		b.open[id] = c
	}
	c.seats = append(c.seats, s)
	c.size += s.Stream.Size()
	b.size += s.Stream.Size()
	if len(c.seats) == companions {
		delete(b.open, id)
		b.queue = append(b.queue, c)
	}
	b.cond.Broadcast()
}

// stray counts something that was said to a player whom it does not concern.
func (b *book) stray(format string, args ...any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.result.Add(audit.Result{Audit: report.Audit{EventsWrong: 1}, Notes: []string{fmt.Sprintf(format, args...)}})
}

// full says that no new table should be begun: the auditors do not keep up.
func (b *book) full() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.size > 2*b.bound
}

// sample keeps an archive that a player was given, for comparison.
func (b *book) sample(id game.TableID, hand uint32, archive []byte) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.samples[id] = sample{hand, archive}
}

// finish lets the auditors audit the rest and end. It may be called again.
func (b *book) finish() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.ending = true
	for id, c := range b.open {
		b.queue = append(b.queue, c)
		delete(b.open, id)
	}
	b.cond.Broadcast()
}
