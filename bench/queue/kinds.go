package queue

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"teahouse/pkg/wire/wirepb"
)

// kind is a kind of table: who waits for the same one meets.
type kind struct {
	mode  string
	stake uint32
}

// request asks for a seat.
func (k kind) request() *wirepb.JoinRequest {
	return &wirepb.JoinRequest{Queue: queueName, Mode: k.mode, Stake: k.stake, Hands: hands}
}

// listEvery is how old a list of queues may be.
const listEvery = time.Second

// offered asks the cluster which kinds of tables the run can have for itself. The list may still show those
// who waited in a run just before, so it asks again.
func (b *Bench) offered(ctx context.Context) error {
	var free []kind
	for range 3 {
		list := &wirepb.ListReply{}
		if err := b.players[0].client.Repeat(ctx, "queue.list", 0, &wirepb.ListRequest{}, list); err != nil {
			return fmt.Errorf("the list of queues: %w", err)
		}
		if free = freeKinds(list); len(free) >= b.cfg.Queues {
			break
		}
		sleep(ctx, listEvery)
	}
	if len(free) < b.cfg.Queues {
		return fmt.Errorf("the queue %q has %d kinds of tables for which nobody waits, %d are wanted: see --queues", queueName, len(free), b.cfg.Queues)
	}
	// At random, so that runs that begin at the same time seldom meet.
	rand.Shuffle(len(free), func(i, j int) { free[i], free[j] = free[j], free[i] })
	b.kinds = free[:b.cfg.Queues]
	return nil
}

// freeKinds are those for which nobody waits.
func freeKinds(list *wirepb.ListReply) (free []kind) {
	for _, q := range list.Queues {
		if q.Name != queueName || !slices.Contains(q.Hands, hands) {
			continue
		}
		for _, m := range q.Modes {
			if m.Seats != seats {
				continue
			}
			for _, stake := range q.Stakes {
				if !slices.ContainsFunc(m.Forming, func(f *wirepb.Forming) bool {
					return f.Stake == stake && f.Hands == hands && f.Waiting > 0
				}) {
					free = append(free, kind{m.Name, stake})
				}
			}
		}
	}
	return free
}
