package coordinator

import (
	"bytes"
	"testing"

	"teahouse/node/coordinator/coordpb"
	"teahouse/pkg/game"
	"teahouse/pkg/link/linkpb"
	"teahouse/pkg/versions"
	"teahouse/pkg/wire/wirepb"
)

// world is a state with helper methods for tests.
type world struct {
	t interface {
		Helper()
		Fatalf(string, ...any)
	}
	*state
	log []*coordpb.Batch
}

func members(names ...string) []*linkpb.Member {
	var list []*linkpb.Member
	for _, n := range names {
		list = append(list, &linkpb.Member{Name: n, Server: n + ".disk"})
	}
	return list
}

// newest is the level at which most tests run.
var newest = versions.Levels().Max

func birthOf(names ...string) *coordpb.Command { return birthAt(newest, names...) }

func birthAt(level uint32, names ...string) *coordpb.Command {
	return &coordpb.Command{Body: &coordpb.Command_Birth{Birth: &coordpb.Birth{
		Cluster: "c1", Members: members(names...), LedShards: 2, Replicas: 3, Level: level,
	}}}
}

func tookOver(edit func(*coordpb.Settings)) *coordpb.Command { return tookOverAt(newest, edit) }

func tookOverAt(level uint32, edit func(*coordpb.Settings)) *coordpb.Command {
	s := Config{}
	s.Queues = s.completeQueues()
	s.Limits = Limits{Tickets: 100, Queues: 10, Idle: 100, Pending: 10, PassOver: 5e9, Stuck: 1e9, SlackPercent: 25}
	settings := s.settings(level)
	if edit != nil {
		edit(settings)
	}
	return &coordpb.Command{Body: &coordpb.Command_TookOver{TookOver: &coordpb.TookOver{Node: "node-1", Settings: settings}}}
}

// newWorld makes a cluster of three nodes that has started.
func newWorld(t testing.TB, edit func(*coordpb.Settings)) *world { return newWorldAt(t, newest, edit) }

func newWorldAt(t testing.TB, level uint32, edit func(*coordpb.Settings)) *world {
	w := &world{t: t, state: newState()}
	w.do(0, birthAt(level, "node-1", "node-2", "node-3"), tookOverAt(level, edit))
	return w
}

func (w *world) do(advanceMs uint32, commands ...*coordpb.Command) *effects {
	w.t.Helper()
	b := &coordpb.Batch{AdvanceMs: advanceMs, Commands: commands}
	w.log = append(w.log, b)
	e := w.apply(b)
	if len(e.results) != len(commands) {
		w.t.Fatalf("%d results for %d commands", len(e.results), len(commands))
	}
	return e
}

func (w *world) one(c *coordpb.Command) result {
	w.t.Helper()
	return w.do(0, c).results[0]
}

func guest(name string) *coordpb.Command {
	return &coordpb.Command{Body: &coordpb.Command_Guest{Guest: &coordpb.Guest{
		Name: name, Place: &coordpb.Place{Gateway: "gw-1", Session: 7},
	}}}
}

func resume(p game.PlayerID) *coordpb.Command {
	return &coordpb.Command{Body: &coordpb.Command_Resume{Resume: &coordpb.Resume{
		Player: uint64(p), Place: &coordpb.Place{Gateway: "gw-2", Session: 8},
	}}}
}

func join(p result, number uint64, queue string) *coordpb.Command {
	return &coordpb.Command{Body: &coordpb.Command_Join{Join: &coordpb.Join{
		Player: uint64(p.player), Epoch: p.epoch, Number: number, Queue: queue,
	}}}
}

func joinFor(p result, number uint64, queue string, stake, hands uint32) *coordpb.Command {
	c := join(p, number, queue)
	c.GetJoin().Stake, c.GetJoin().Hands = stake, hands
	return c
}

func cancel(p result, number, ticket uint64) *coordpb.Command {
	return &coordpb.Command{Body: &coordpb.Command_Cancel{Cancel: &coordpb.Cancel{
		Player: uint64(p.player), Epoch: p.epoch, Number: number, Ticket: ticket,
	}}}
}

func binding(p result) *coordpb.Command {
	return &coordpb.Command{Body: &coordpb.Command_Binding{Binding: &coordpb.Binding{
		Player: uint64(p.player), Epoch: p.epoch,
	}}}
}

func matchWith(b byte) *coordpb.Command {
	return &coordpb.Command{Body: &coordpb.Command_Match{Match: &coordpb.Match{Seed: bytes.Repeat([]byte{b}, seedLen)}}}
}

func created(table game.TableID, refused bool) *coordpb.Command {
	return &coordpb.Command{Body: &coordpb.Command_Created{Created: &coordpb.Created{Table: uint64(table), Refused: refused}}}
}

func ended(table game.TableID, players ...game.PlayerID) *coordpb.Command {
	e := &coordpb.Ended{Table: uint64(table)}
	for _, p := range players {
		e.Players = append(e.Players, uint64(p))
	}
	return &coordpb.Command{Body: &coordpb.Command_Ended{Ended: e}}
}

// queued logs n guests in and queues them; the results have player, epoch and ticket.
func (w *world) queued(n int, queue string) []result {
	w.t.Helper()
	var all []result
	for range n {
		p := w.one(guest(""))
		j := w.one(join(p, 1, queue))
		if j.code != wirepb.Code_OK || j.ticket == 0 {
			w.t.Fatalf("join: %+v", j)
		}
		p.ticket = j.ticket
		all = append(all, p)
	}
	return all
}

// unconfirmed lists all outboxes.
func (w *world) unconfirmed() []*pending {
	var all []*pending
	for _, sh := range w.shards {
		all = append(all, sh.outbox...)
	}
	return all
}

func (s *state) bytes() []byte {
	var buf bytes.Buffer
	if _, err := s.snapshot().WriteTo(&buf); err != nil {
		panic(err)
	}
	return buf.Bytes()
}
