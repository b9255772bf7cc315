package shard

import (
	"bytes"
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	"teahouse/node/table"
	"teahouse/node/table/tablepb"
	"teahouse/node/table/tabletest"
	"teahouse/pkg/game"
	"teahouse/pkg/link/linkpb"
	"teahouse/pkg/raftgroup"
)

// replica is a shard that the test gives entries directly.
type replica struct {
	*Shard
	entries uint64
}

func newReplica() *replica {
	c := &cluster{t: &testing.T{}, results: &fakeResults{}}
	return &replica{Shard: c.newShard(0, nil)}
}

func (r *replica) apply(t *rapid.T, ms uint64, commands ...*tablepb.Command) {
	b := &tablepb.Batch{AdvanceMs: ms}
	for _, c := range commands {
		raw, err := proto.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		b.Commands = append(b.Commands, raw)
	}
	data, err := proto.Marshal(b)
	if err != nil {
		t.Fatal(err)
	}
	r.entries++
	r.Apply(raftgroup.Entry{Index: r.entries, Term: 1, Data: data})
}

func createCommand(seq uint64, refuse string) *tablepb.Command {
	spec := createTable(seq, "bench", fmt.Sprintf(`{"turns":%d}`, 1+seq%3), 3, 0, seq*10, 0, 0)
	if seq%7 == 0 {
		spec.Game = "unheard of"
	}
	return &tablepb.Command{Table: uint64(tableID(seq)), Body: &tablepb.Command_Create{Create: &tablepb.Create{
		Spec: spec, Timing: &tablepb.Timing{AttachMs: 5, AutoMs: 10, RetentionMs: 300, RecheckMs: 50, IntermissionMs: uint32(seq%2) * 20}, Refuse: refuse,
	}}}
}

// randomCommands returns commands such as a leader may put into a batch.
func randomCommands(t *rapid.T, r *replica) []*tablepb.Command {
	st := &r.state
	if rapid.IntRange(0, 9).Draw(t, "kind") == 0 {
		return []*tablepb.Command{{Body: &tablepb.Command_TookOver{TookOver: &tablepb.TookOver{UnsettledBound: rapid.Uint32Range(1, 4).Draw(t, "bound")}}}}
	}
	ids := slices.Sorted(maps.Keys(st.tables))
	if len(ids) == 0 || len(ids) < 6 && rapid.IntRange(0, 9).Draw(t, "new") < 3 {
		return []*tablepb.Command{createCommand(st.created+rapid.Uint64Range(0, 2).Draw(t, "gap"), rapid.SampledFrom([]string{"", "", "", "full"}).Draw(t, "refuse"))}
	}
	tb := st.tables[rapid.SampledFrom(ids).Draw(t, "table")]
	var all []*tablepb.Command
	for _, d := range tb.Due(st.now) {
		all = append(all, &tablepb.Command{Body: &tablepb.Command_Deadline{Deadline: d}})
	}
	for _, p := range tb.BotPrompts() {
		all = append(all, &tablepb.Command{Body: &tablepb.Command_Bot{Bot: &tablepb.Bot{Seat: uint32(p.Seat), Prompt: p.Number, Move: []byte{2}}}})
	}
	if hands := tb.PendingHands(); len(hands) > 0 && rapid.Bool().Draw(t, "settle") {
		all = append(all, &tablepb.Command{Body: &tablepb.Command_Settled{Settled: &tablepb.Settled{Hand: rapid.SampledFrom(hands).Draw(t, "hand")}}})
	}
	if tb.Ended() != nil {
		all = append(all, &tablepb.Command{Body: &tablepb.Command_Freed{Freed: &tablepb.Freed{}}})
	}
	for _, c := range all {
		c.Table = uint64(tb.ID())
	}
	return all
}

// derived is the state outside of the snapshot that a replica derives; it must depend on the snapshot alone.
func derived(st *state) []any {
	var due []game.TableID
	for _, t := range st.deadlines.due(math.MaxUint64, 1000) {
		due = append(due, t.ID())
		if st.tables[t.ID()] != t {
			due = append(due, 0) // the table does not exist any more
		}
	}
	slices.Sort(due)
	next, ok := st.deadlines.next()
	return []any{st.unsettled, st.bound, st.now, st.created, fmt.Sprint(st.refused), next, ok, fmt.Sprint(due)}
}

// walked returns the same as derived, computed without any index.
func walked(st *state) []any {
	var due []game.TableID
	unsettled, first := 0, uint64(0)
	for id, t := range st.tables {
		unsettled += t.Unsettled()
		if at, ok := t.NextDeadline(); ok {
			if len(due) == 0 || at < first {
				first = at
			}
			due = append(due, id)
		}
	}
	slices.Sort(due)
	return []any{unsettled, st.bound, st.now, st.created, fmt.Sprint(st.refused), first, len(due) > 0, fmt.Sprint(due)}
}

// A restored replica has the same state as one that applied all entries, including what is not in
// snapshots, and goes on alike. At the settlement bound nothing is dealt and no table is made; below
// it, both happen.
func TestRestoredReplicaKnowsAll(t *testing.T) {
	dealtAtBound, madeAtBound := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		a, b := newReplica(), newReplica()
		first := &tablepb.Command{Body: &tablepb.Command_TookOver{TookOver: &tablepb.TookOver{UnsettledBound: 2}}}
		a.apply(t, 0, first)
		b.apply(t, 0, first)
		for range rapid.IntRange(5, 60).Draw(t, "steps") {
			commands := randomCommands(t, a)
			st := &a.state
			hands := make(map[game.TableID]uint32)
			for id, tb := range st.tables {
				hands[id] = tb.Message().GetHand()
			}
			ms := rapid.Uint64Range(0, 1200).Draw(t, "ms")
			before, bound := *st, st.bound
			a.apply(t, ms, commands...)
			b.apply(t, ms, commands...)
			if got, want := derived(st), walked(st); !reflect.DeepEqual(got, want) {
				t.Fatalf("after %v the state says %v, its tables %v", commands, got, want)
			}
			if got, want := derived(&b.state), derived(st); !reflect.DeepEqual(got, want) {
				t.Fatalf("after %v one replica knows %v, the other %v", commands, got, want)
			}
			if !bytes.Equal(dump(&testing.T{}, a.Shard), dump(&testing.T{}, b.Shard)) {
				t.Fatalf("after %v the replicas differ", commands)
			}
			if len(commands) == 1 && commands[0].GetCreate() != nil {
				made := len(st.tables) > len(hands)
				if before.unsettled >= bound {
					madeAtBound++
				}
				isNew := st.created > before.created
				if want := isNew && before.unsettled < bound && commands[0].GetCreate().GetRefuse() == "" && st.created%7 != 0; made != want {
					t.Fatalf("%v with %d of %d unsettled: made %t", commands, before.unsettled, bound, made)
				}
				if n := len(st.refused); isNew && !made && (n == 0 || st.refused[n-1] != st.created) {
					t.Fatalf("refusal %d is not kept: %v", st.created, st.refused)
				}
				continue
			}
			for id, tb := range st.tables {
				dealt := tb.Message().GetHand() > hands[id]
				if full := st.unsettled >= st.bound; dealt && full && len(commands) == 1 {
					t.Fatalf("after %v: hand dealt with %d of %d unsettled", commands, st.unsettled, st.bound)
				} else if full {
					dealtAtBound++
				}
			}
			if rapid.IntRange(0, 3).Draw(t, "restore") == 0 {
				snapshot := dump(&testing.T{}, b.Shard)
				b = &replica{Shard: newReplica().Shard, entries: b.entries}
				if err := b.Restore(bytes.NewReader(snapshot)); err != nil {
					t.Fatal(err)
				}
				if got, want := derived(&b.state), derived(st); !reflect.DeepEqual(got, want) {
					t.Fatalf("restored, it knows %v, want %v", got, want)
				}
				if n := b.Status().Tables; n != len(st.tables) || int(b.tables.Load()) != n {
					t.Fatalf("restored, it counts %d tables of %d", n, len(st.tables))
				}
			}
		}
	})
	if dealtAtBound == 0 || madeAtBound == 0 {
		t.Errorf("the bound was looked at %d times at a table and %d times at a creation", dealtAtBound, madeAtBound)
	}
}

// A bounded number of the newest refusals is kept to answer repetitions; a restored replica gives the
// same answers.
func TestRefusalsAreKeptAndBounded(t *testing.T) {
	r := newReplica()
	ask := func(st *state, seq uint64) (refused bool) {
		t.Helper()
		_, out := st.create(&r.cfg, tableID(seq), createCommand(seq, "full").GetCreate())
		var reply linkpb.CreateTableReply
		if err := proto.Unmarshal(out.Reply.Payload, &reply); err != nil || out.Reply.Code != 0 || (reply.GetWhy() != "") != reply.GetRefused() {
			t.Fatalf("creation %d: %v %v", seq, out.Reply, err)
		}
		return reply.GetRefused()
	}
	const all = keptRefusals + 5
	for seq := uint64(1); seq <= all; seq++ {
		if !ask(&r.state, seq) {
			t.Fatalf("creation %d was not refused", seq)
		}
		if n := len(r.state.refused); n > keptRefusals {
			t.Fatalf("%d refusals are kept", n)
		}
	}
	again := newReplica()
	if err := again.Restore(bytes.NewReader(dump(t, r.Shard))); err != nil {
		t.Fatal(err)
	}
	for _, st := range []*state{&r.state, &again.state} {
		for seq := uint64(1); seq <= all; seq++ {
			if got, want := ask(st, seq), seq > all-keptRefusals; got != want {
				t.Fatalf("repeat of creation %d: refused %t", seq, got)
			}
		}
	}
	if r.Status().Refused != all {
		t.Errorf("%d refusals are counted", r.Status().Refused)
	}
}

type panickyGame struct{ tabletest.Game }

func (panickyGame) Rules([]byte) ([]byte, error) { panic("secret") }

// If the game panics while a table is made, every replica refuses the table in the same way. The panic's
// text, which may contain the seed, is shown nowhere.
func TestGamePanicsOverANewTable(t *testing.T) {
	r := newReplica()
	r.cfg.Games = map[string]game.Game{"tiny": panickyGame{}}
	r.state.bound = 5
	var reply linkpb.CreateTableReply
	r.state.apply(&r.cfg, 1, createCommand(1, ""), nil, func(tb *table.Table, out table.Output) {
		if err := proto.Unmarshal(out.Reply.Payload, &reply); tb != nil || err != nil {
			t.Fatalf("table %v, %v", tb, err)
		}
	})
	if !reply.GetRefused() || reply.GetWhy() == "" || strings.Contains(reply.GetWhy(), "secret") || len(r.state.tables) != 0 {
		t.Errorf("reply %v, %d tables", &reply, len(r.state.tables))
	}
}
