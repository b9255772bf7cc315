package queue

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"teahouse/bench/history"
	"teahouse/pkg/game"
	"teahouse/pkg/wire/wirepb"
)

// binding is a player's end.
type binding struct {
	ticket uint64
	table  game.TableID
}

// settle reads everybody's binding from the coordinator until nothing changes any more and
// nobody waits who has company for a table. It returns how many still did when ctx ended.
func (b *Bench) settle(ctx context.Context) (stuck int, err error) {
	var before []binding
	for {
		now := make([]binding, len(b.players))
		if err := b.each(func(p *player) error {
			o := p.read(ctx)
			now[p.index] = binding{o.Got, o.Table}
			if o.Code != wirepb.Code_OK || o.Return == history.Open {
				return fmt.Errorf("the binding of player %d: %v", p.id, o)
			}
			return nil
		}); err != nil {
			return 0, errors.Join(err, ctx.Err())
		}
		stuck = b.stuck(now)
		if stuck == 0 && slices.Equal(before, now) {
			return 0, nil
		}
		before = now
		sleep(ctx, settleEvery)
		if ctx.Err() != nil {
			return stuck, nil
		}
	}
}

// settleEvery is the pause between two looks at all bindings.
const settleEvery = 100 * time.Millisecond

// stuck are the tickets of queues in which enough wait for a table.
func (b *Bench) stuck(now []binding) (n int) {
	waiting := make(map[string]int)
	for i, p := range b.players {
		if now[i].ticket != 0 {
			waiting[p.queueOf(now[i].ticket)]++
		}
	}
	for _, k := range waiting {
		if k >= seats {
			n += k
		}
	}
	return n
}

// queueOf is the queue of a ticket: that of the newest join at the time that it was told.
func (p *player) queueOf(ticket uint64) (queue string) {
	for _, o := range p.history() {
		if o.Kind == history.Join {
			queue = o.Queue
			if o.Got == ticket && o.Code == wirepb.Code_OK {
				break
			}
		}
	}
	return queue
}

// over asks for the settled hands of who sits nowhere: their tables may be over. A round
// has one hand here (hands).
func (b *Bench) over(ctx context.Context) (map[game.PlayerID][]game.TableID, error) {
	lists := make([][]game.TableID, len(b.players))
	err := b.each(func(p *player) error {
		ops := p.history()
		if ops[len(ops)-1].Table != 0 {
			return nil // bound: to a first table, or one more is a finding
		}
		reply := &wirepb.HandsReply{}
		if err := p.client.Repeat(ctx, "account.hands", 0, &wirepb.HandsRequest{Limit: 100}, reply); err != nil {
			return fmt.Errorf("the hands of player %d: %w", p.id, err)
		}
		for _, line := range reply.Hands {
			lists[p.index] = append(lists[p.index], game.TableID(line.Table))
		}
		return nil
	})
	over := make(map[game.PlayerID][]game.TableID)
	for i, p := range b.players {
		if len(lists[i]) > 0 {
			over[p.id] = lists[i]
		}
	}
	return over, err
}

// leave gives back the tickets that are left, so that none of them stays behind.
func (b *Bench) leave(ctx context.Context) {
	b.each(func(p *player) error {
		if o := p.read(ctx); o.Got != 0 {
			p.cancel(ctx, o.Got)
		}
		return nil
	})
}
