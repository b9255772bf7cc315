package coordinator

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"teahouse/node/coordinator/coordpb"
	"teahouse/pkg/game"
	"teahouse/pkg/link/linkpb"
)

// answer is how one sending of a creation ended.
type answer struct {
	reign   uint64 // of the loop that sent it
	table   game.TableID
	refused bool
	err     error
}

// stream carries one shard's outbox to its leader, in order and several at a
// time. After an error it waits until nothing is open any more and begins
// again with the lowest number that has no answer: the shard takes no number
// before the one below it.
type stream struct {
	next     uint64                    // lowest number that was not sent since the beginning
	open     int                       // sent, no answer yet
	answered map[game.TableID]struct{} // the answer is not in the log yet
	failed   bool
	again    time.Time // when to begin again
}

// creations is the leader's side of all outboxes during one reign. It belongs
// to the loop. What is still open when the reign ends is answered to nobody;
// the next leader asks again, and the shard knows the number.
type creations struct {
	c       *Coordinator
	reign   uint64
	streams map[game.GroupID]*stream
}

// watch makes sure that the shards' outboxes are carried.
func (cr *creations) watch(shards []game.GroupID) {
	for _, id := range shards {
		if cr.streams[id] == nil {
			cr.streams[id] = &stream{answered: make(map[game.TableID]struct{})}
		}
	}
}

// send sends what can be sent and returns when it wants to be called again at
// the latest (zero = not by itself).
func (cr *creations) send(ctx context.Context, now time.Time) (wake time.Time) {
	for _, id := range slices.Sorted(maps.Keys(cr.streams)) { // the same order in every run
		st := cr.streams[id]
		if st.failed && st.open == 0 && !now.Before(st.again) {
			st.failed, st.next = false, 0
		}
		if st.failed {
			if st.open == 0 && (wake.IsZero() || st.again.Before(wake)) {
				wake = st.again
			}
			continue
		}
		items, empty := cr.due(id, st)
		for _, item := range items {
			st.open++
			st.next = game.TableID(item.Table).Seq() + 1
			cr.create(ctx, item)
		}
		if empty && st.open == 0 {
			delete(cr.streams, id)
		}
	}
	return wake
}

// due lists what the stream may send now; empty says that nothing of the
// shard's outbox is left at all.
func (cr *creations) due(id game.GroupID, st *stream) (items []*linkpb.CreateTable, empty bool) {
	cr.c.mu.Lock()
	defer cr.c.mu.Unlock()
	sh := cr.c.state.shard(id)
	if sh == nil {
		return nil, true
	}
	for _, item := range sh.outbox {
		if st.open+len(items) >= cr.c.cfg.MaxCreations {
			break
		}
		_, answered := st.answered[item.table()]
		if item.table().Seq() >= st.next && !answered {
			items = append(items, item.create)
		}
	}
	return items, len(sh.outbox) == 0
}

func (cr *creations) create(ctx context.Context, item *linkpb.CreateTable) {
	ctx, cancel := context.WithTimeout(ctx, cr.c.cfg.CreateWithin)
	reign, in := cr.reign, cr.c.in
	var once sync.Once // a second answer would upset the count of open ones
	cr.c.cfg.Create(ctx, item, func(reply *linkpb.CreateTableReply, err error) {
		once.Do(func() {
			cancel()
			in.answer(answer{reign: reign, table: game.TableID(item.Table), refused: reply.GetRefused(), err: err})
		})
	})
}

// settle takes answers in and returns the commands that put them into the log.
func (cr *creations) settle(answers []answer, now time.Time) []*coordpb.Command {
	var commands []*coordpb.Command
	for _, a := range answers {
		st := cr.streams[a.table.Shard()]
		if a.reign != cr.reign || st == nil {
			continue
		}
		st.open--
		if a.err != nil {
			st.failed, st.again = true, now.Add(cr.c.cfg.RetryEvery)
			cr.c.cfg.Logger.Debug("table creation goes again", "table", a.table, "error", a.err)
			continue
		}
		st.answered[a.table] = struct{}{}
		commands = append(commands, &coordpb.Command{Body: &coordpb.Command_Created{
			Created: &coordpb.Created{Table: uint64(a.table), Refused: a.refused},
		}})
	}
	return commands
}

// logged forgets an answer that is in the log: its item has left the outbox.
func (cr *creations) logged(table game.TableID) {
	if st := cr.streams[table.Shard()]; st != nil {
		delete(st.answered, table)
	}
}
