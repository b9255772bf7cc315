package shard

import (
	"context"
	"time"

	"teahouse/node/table"
	"teahouse/node/table/tablepb"
	"teahouse/pkg/game"
)

// poolRetry is the pause before a full pool is asked again.
const poolRetry = 50 * time.Millisecond

// thought is one prompt that a bot is to answer.
type thought struct {
	table game.TableID
	game  game.Game
	table.BotPrompt
	strength game.Strength
	pause    time.Duration
}

// look finds what touched tables want of the leader: bots to think, hands to
// settle, bindings to free.
func (l *leader) look(ctx context.Context) {
	if !l.tookOver {
		return
	}
	var thoughts []thought
	l.s.mu.Lock()
	for _, id := range l.s.touched {
		t := l.s.state.tables[id]
		if t == nil {
			delete(l.thinking, id)
			continue
		}
		l.jobs.find(l.s.cfg.Cluster, t)
		if !t.HasBots() {
			continue
		}
		busy := l.thinking[id]
		if busy == nil {
			busy = new([table.MaxSeats]uint64)
			l.thinking[id] = busy
		}
		for _, p := range t.BotPrompts() {
			if busy[p.Seat] != p.Number {
				busy[p.Seat] = p.Number
				q := l.s.cfg.queue(t.Queue())
				thoughts = append(thoughts, thought{id, t.Game(), p, q.Bots, q.Pace.pause(id, p, l.s.state.now)})
			}
		}
	}
	l.s.touched = l.s.touched[:0]
	l.s.mu.Unlock()
	for _, th := range thoughts {
		if th.pause > 0 {
			l.after(th.pause, func() { l.think(th) })
		} else {
			l.think(th)
		}
	}
	l.startJobs(ctx)
}

// think lets a bot answer. One that cannot is answered for by the deadline.
func (l *leader) think(th thought) {
	err := l.pooled(func() {
		move, err := th.game.Think(th.Payload, th.strength)
		if err != nil {
			l.s.cfg.Logger.Error("bot has no answer", "table", th.table.String(), "seat", th.Seat, "error", err)
			return
		}
		l.s.inbox.post(func() {
			l.command(&tablepb.Command{Table: uint64(th.table), Body: &tablepb.Command_Bot{
				Bot: &tablepb.Bot{Seat: uint32(th.Seat), Prompt: th.Number, Move: move},
			}}, nil)
		})
	})
	if err != nil {
		l.after(poolRetry, func() { l.think(th) })
	}
}

// pooled runs f in the pool; Run does not end before it has.
func (l *leader) pooled(f func()) error {
	l.work.Add(1)
	err := l.s.cfg.Pool.Go(func() {
		defer l.work.Done()
		f()
	})
	if err != nil {
		l.work.Done()
	}
	return err
}
