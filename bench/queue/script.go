package queue

import (
	"context"
	"sync"
	"time"

	"teahouse/bench/history"
	"teahouse/pkg/wire/wirepb"
)

// What players do besides joining and cancelling, by chance.
const (
	impatient  = 0.1 // a command is given up at once; a later one tells what came of it
	joinsTwice = 0.2
	readsThen  = 0.2
	cancelsOld = 0.3 // with a ticket from before
	cancelsTwo = 0.3
	bothAtOnce = 0.1 // cancels and joins at the same moment
	joinsAgain = 0.7 // after a cancel

	cancelAfter = 50 * time.Millisecond // mean; about as long as a match takes
	patience    = 2 * time.Millisecond  // at most, of the impatient
)

// run joins and cancels until the player is matched, or open ends: then nobody joins or waits
// any more, and ctx bounds what is under way.
func (p *player) run(ctx, open context.Context) {
	if p.b.rate == nil {
		sleep(open, time.Duration(p.rand.Float64()*float64(p.b.cfg.Duration)))
	}
	var old uint64 // a ticket that was cancelled
	for again := true; again && open.Err() == nil; again = again && p.chance(joinsAgain) {
		queue := p.rand.IntN(p.b.cfg.Queues)
		due, ok := p.turn(open)
		if !ok {
			return
		}
		ticket := p.take(ctx, queue)
		p.b.joined(due)
		if ticket == 0 {
			return // at a table, or without an answer
		}
		if p.chance(joinsTwice) {
			p.join(ctx, queue)
		}
		if p.chance(readsThen) {
			p.read(ctx)
		}
		if !p.chance(p.b.cfg.Cancel) {
			p.client.WaitMatched(open) // why it returns does not matter: the binding is read at the end
			return
		}
		if !p.chance(0.2) { // who does cancels before any match
			p.wait(open, time.Duration(p.rand.ExpFloat64()*float64(cancelAfter)))
		}
		if old != 0 && p.chance(cancelsOld) {
			p.cancel(ctx, old)
		}
		again = p.giveBack(ctx, queue, ticket)
		old = ticket
	}
}

// take gets a ticket; 0 = there is none, because the player sits at a table.
func (p *player) take(ctx context.Context, queue int) uint64 {
	if p.chance(impatient) {
		p.hurried(ctx, func(ctx context.Context) { p.join(ctx, queue) })
	}
	return p.join(ctx, queue).Got
}

// giveBack cancels the ticket; false = it had matched.
func (p *player) giveBack(ctx context.Context, queue int, ticket uint64) bool {
	if p.chance(impatient) {
		p.hurried(ctx, func(ctx context.Context) { p.cancel(ctx, ticket) })
	}
	var o history.Op
	if p.chance(bothAtOnce) {
		var wg sync.WaitGroup
		wg.Go(func() { p.join(ctx, queue) })
		o = p.cancel(ctx, ticket)
		wg.Wait()
	} else {
		o = p.cancel(ctx, ticket)
	}
	if p.chance(cancelsTwo) {
		p.cancel(ctx, ticket)
	}
	return o.Code != wirepb.Code_AT_TABLE
}

// hurried calls something with little time. Its effect may come later than the player asks
// for the next thing, but no later than that is answered: numbers only grow.
func (p *player) hurried(ctx context.Context, do func(context.Context)) {
	ctx, cancel := context.WithTimeout(ctx, time.Duration(p.rand.Int64N(int64(patience))))
	defer cancel()
	do(ctx)
}

// wait returns when the player has a table, or after d.
func (p *player) wait(ctx context.Context, d time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	p.client.WaitMatched(ctx) // the next answer tells which
}

func (p *player) chance(c float64) bool { return p.rand.Float64() < c }
