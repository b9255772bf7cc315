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

// answer is the outcome of one call of Config.Create.
type answer struct {
	leadership uint64 // in which it was sent
	table      game.TableID
	refused    bool
	err        error
}

// stream sends one shard's outbox to the shard's leader, in order and several at a time. After an
// error it waits until none is open and then starts over with the lowest number without an answer,
// because the shard accepts a number only after the one below it.
type stream struct {
	next     uint64                    // lowest number that was not sent since the last start
	open     int                       // sent, no answer yet
	answered map[game.TableID]struct{} // answered, but the answer is not applied yet
	failed   bool
	again    time.Time // when to start over
}

// creations sends the outboxes of all shards during one leadership. Only the loop uses it. Answers that
// come after the leadership are ignored: the next leader sends the creations again, and the shards
// recognize the numbers.
type creations struct {
	c          *Coordinator
	leadership uint64
	streams    map[game.GroupID]*stream
}

// watch makes sure that the shards' outboxes have a stream.
func (cr *creations) watch(shards []game.GroupID) {
	for _, id := range shards {
		if cr.streams[id] == nil {
			cr.streams[id] = &stream{answered: make(map[game.TableID]struct{})}
		}
	}
}

// send sends what can be sent now. It returns the time of the next retry, zero if there is none.
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

// due lists what the stream may send now; empty reports whether the shard's outbox is empty.
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
	leadership, in := cr.leadership, cr.c.in
	var once sync.Once // a second answer would make the count of open creations wrong
	cr.c.cfg.Create(ctx, item, func(reply *linkpb.CreateTableReply, err error) {
		once.Do(func() {
			cancel()
			in.answer(answer{leadership: leadership, table: game.TableID(item.Table), refused: reply.GetRefused(), err: err})
		})
	})
}

// settle handles answers and returns the commands that put them into the log.
func (cr *creations) settle(answers []answer, now time.Time) []*coordpb.Command {
	var commands []*coordpb.Command
	for _, a := range answers {
		st := cr.streams[a.table.Shard()]
		if a.leadership != cr.leadership || st == nil {
			continue
		}
		st.open--
		if a.err != nil {
			st.failed, st.again = true, now.Add(cr.c.cfg.RetryEvery)
			cr.c.cfg.Logger.Debug("table creation failed, will retry", "table", a.table, "error", a.err)
			continue
		}
		st.answered[a.table] = struct{}{}
		commands = append(commands, &coordpb.Command{Body: &coordpb.Command_Created{
			Created: &coordpb.Created{Table: uint64(a.table), Refused: a.refused},
		}})
	}
	return commands
}

// logged forgets an answer that has been applied: its item has left the outbox.
func (cr *creations) logged(table game.TableID) {
	if st := cr.streams[table.Shard()]; st != nil {
		delete(st.answered, table)
	}
}
