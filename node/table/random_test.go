package table_test

import (
	"bytes"
	"fmt"
	"math"
	"reflect"
	"testing"

	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	"teahouse/node/table"
	"teahouse/node/table/tablepb"
	"teahouse/node/table/tabletest"
	"teahouse/pkg/game"
	"teahouse/pkg/link/linkpb"
	"teahouse/pkg/wire/wirepb"
)

// randomCommand draws a command such as a log may contain: mostly sensible, often not.
func randomCommand(rt *rapid.T, r *rig) (c *tablepb.Command) {
	seat := rapid.IntRange(0, 3).Draw(rt, "seat")
	m := r.table.Message()
	s := m.GetSeats()[seat]
	prompt := s.GetPrompt().GetNumber()
	move := byte(rapid.IntRange(0, 10).Draw(rt, "move"))
	defer func() {
		if r.spec.GetTiming().GetClock() != nil {
			withLag(c, rapid.SampledFrom([]uint32{0, 0, 40, 500, 9999}).Draw(rt, "lag"))
		}
	}()
	switch rapid.IntRange(0, 16).Draw(rt, "kind") {
	case 15, 16:
		if m.GetPhase() == tablepb.Phase_BETWEEN {
			c := readyCommand(s.GetPlayer(), s.GetNumber()+1, m.GetHand()+rapid.Uint32Range(0, 2).Draw(rt, "ahead"))
			c.GetMove().Epoch = s.GetEpoch()
			return c
		}
	case 0:
		return attachCommand(s.GetPlayer(), rapid.Uint64Range(0, 3).Draw(rt, "epoch"), rapid.Uint64Range(0, 30).Draw(rt, "last"))
	case 1:
		return detachCommand(uint32(seat), s.GetAttachment())
	case 2:
		auto := rapid.SampledFrom([]wirepb.AutoPlay{wirepb.AutoPlay_AUTO_ON, wirepb.AutoPlay_AUTO_OFF}).Draw(rt, "auto")
		c := autoCommand(s.GetPlayer(), s.GetNumber()+1, auto)
		c.GetMove().Epoch = s.GetEpoch()
		return c
	case 3:
		return moveCommand(s.GetPlayer(), s.GetEpoch(), rapid.Uint64Range(0, 5).Draw(rt, "number"), rapid.Uint64Range(0, 30).Draw(rt, "prompt"), move)
	case 4:
		return tookOver
	case 5:
		return settledCommand(rapid.Uint32Range(0, 4).Draw(rt, "hand"))
	case 6:
		if rapid.IntRange(0, 3).Draw(rt, "rarely") == 0 {
			return freed
		}
		return &tablepb.Command{Body: &tablepb.Command_Bot{Bot: &tablepb.Bot{Seat: uint32(seat), Prompt: prompt, Move: []byte{move}}}}
	case 9:
		c := nonceCommand(s.GetPlayer(), s.GetNumber()+1, m.GetCommitted(), rapid.SliceOfN(rapid.Byte(), 1, 33).Draw(rt, "nonce")...)
		c.GetMove().Epoch = s.GetEpoch()
		return c
	case 7, 8:
		if due, ok := r.table.NextDeadline(); ok {
			r.now = max(r.now, due)
			if all := r.table.Due(r.now); len(all) > 0 {
				return &tablepb.Command{Body: &tablepb.Command_Deadline{Deadline: all[0]}}
			}
		}
	}
	if s.GetPlayer() == 0 {
		return &tablepb.Command{Body: &tablepb.Command_Bot{Bot: &tablepb.Bot{Seat: uint32(seat), Prompt: prompt, Move: []byte{move}}}}
	}
	return moveCommand(s.GetPlayer(), s.GetEpoch(), s.GetNumber()+1, prompt, move)
}

// Whatever the log contains: a replica restored from a snapshot before any entry continues exactly as
// the others, and so does one that is restored repeatedly compared with one that never was. Streams
// have no gaps, archives replay to the events that were pushed, and points are only transferred.
func TestRandomLogs(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		rules := rapid.SampledFrom([]string{``, `{"hold_ms":700}`, `{"turns":1}`}).Draw(rt, "rules")
		players := [][]uint64{{11, 12, 13, 14}, {11, 0, 13, 0}}[rapid.IntRange(0, 1).Draw(rt, "bots")]
		r := newRig(t, rules, 3, players...).withClock(rapid.SampledFrom(clocks).Draw(rt, "clock"))
		if rapid.Bool().Draw(rt, "no pause") {
			r.spec.Timing.IntermissionMs = 0
		}
		for _, p := range players {
			if p != 0 {
				r.attach(p, 1, 0)
			}
		}
		told := make([]map[uint64][]byte, 4)
		for i := range told {
			told[i] = make(map[uint64][]byte)
		}
		keep := func() {
			for i := range told {
				for _, e := range r.table.Events(i, 0) {
					if old, ok := told[i][e.Number]; ok && !bytes.Equal(old, e.Payload) {
						rt.Fatalf("seat %d: event %d was told twice, differently", i, e.Number)
					}
					told[i][e.Number] = e.Payload
				}
			}
		}
		first, err := table.Restore(state(t, r.table), games) // first is never restored: it stays the original table
		if err != nil {
			rt.Fatal(err)
		}
		r.table, first = first, r.table
		steps := rapid.IntRange(1, 150).Draw(rt, "steps")
		for range steps {
			keep()
			r.now += rapid.Uint64Range(0, 50).Draw(rt, "ms")
			c := randomCommand(rt, r)
			c.Table = uint64(tableID)
			before := state(t, r.table)
			twin, err := table.Restore(before, games)
			if err != nil {
				rt.Fatal(err)
			}
			if !bytes.Equal(before, state(t, twin)) {
				rt.Fatal("restore is not exact")
			}
			e := table.Entry{NowMS: r.now, Term: 1, Room: rapid.IntRange(0, 2).Draw(rt, "room"), Command: c}
			shared := r.table.Message() // must not change with the table
			a, b := r.table.Apply(e), twin.Apply(e)
			if !bytes.Equal(state(t, r.table), state(t, twin)) || !equalOutputs(a, b) {
				rt.Fatalf("the restored replica goes another way after %v", c)
			}
			if o := first.Apply(e); !bytes.Equal(state(t, first), state(t, r.table)) || !equalOutputs(a, o) {
				rt.Fatalf("%v: a replica that never was restored answers %+v, another %+v", c, o, a)
			}
			if a, b := shown(r.table, r.now), shown(first, r.now); !reflect.DeepEqual(a, b) {
				rt.Fatalf("%v: a restored replica shows its shard\n%v\nand one that never was\n%v", c, a, b)
			}
			if late, err := (proto.MarshalOptions{Deterministic: true}).Marshal(shared); err != nil || !bytes.Equal(late, before) {
				rt.Fatal("an older snapshot changed")
			}
			if a.Void != "" {
				rt.Fatalf("void: %s", a.Void)
			}
			if rapid.Bool().Draw(rt, "go on with the twin") {
				r.table = twin
			}
		}
		keep()
		total := int64(0)
		for i, s := range r.table.Message().GetSeats() {
			total += s.GetTotal()
			if got := s.GetDropped() + uint64(len(s.GetEvents())); got != uint64(len(told[i])) && s.GetDropped() == 0 {
				rt.Fatalf("seat %d: stream ends at %d, %d events were told", i, got, len(told[i]))
			}
		}
		if total != 0 {
			rt.Fatalf("totals sum to %d", total)
		}
		for _, hand := range r.table.PendingHands() {
			res, _ := r.table.Result(hand)
			streams, err := table.Replay(res.Archive, tabletest.Game{}, nil)
			if err != nil {
				rt.Fatalf("hand %d: %v", hand, err)
			}
			for i, stream := range streams {
				for _, e := range stream {
					if live, ok := told[i][e.Number]; ok && !bytes.Equal(live, e.Payload) {
						rt.Fatalf("hand %d, seat %d: event %d replays differently", hand, i, e.Number)
					}
				}
			}
		}
	})
}

// equalOutputs compares everything that leaves the table.
func equalOutputs(a, b table.Output) bool {
	return reflect.DeepEqual(a.Reply, b.Reply) && reflect.DeepEqual(a.Pushes, b.Pushes) && a.Void == b.Void
}

// shown returns everything that a shard reads from a table between two commands.
func shown(tb *table.Table, now uint64) []any {
	ms, ok := tb.NextDeadline()
	if ok && (len(tb.Due(ms)) == 0 || len(tb.Due(ms-1)) != 0) || !ok && len(tb.Due(math.MaxUint64)) != 0 {
		panic(fmt.Sprintf("next deadline %d, and due are %v, just before %v", ms, tb.Due(ms), tb.Due(ms-1)))
	}
	all := []any{
		ms, ok, fmt.Sprint(tb.Due(now + 500)), tb.PendingHands(), tb.Unsettled(), tb.Attachments(), tb.BotPrompts(), tb.HasBots(),
		fmt.Sprint(tb.Ended()), tb.Voided(), tb.Phase(), tb.ID(), tb.Players(), tb.Queue(), tb.Game().Name(),
	}
	for _, hand := range tb.PendingHands() {
		res, ok := tb.Result(hand)
		all = append(all, res, ok, table.Hash(res))
	}
	for i := range tb.Players() {
		all = append(all, tb.Events(i, 0))
	}
	return all
}

func TestRestoreRefusesDamage(t *testing.T) {
	r := newRig(t, ``, 1)
	r.attachAll()
	good := state(t, r.table)
	if _, err := table.Restore(good, func(string) (game.Game, bool) { return nil, false }); err == nil {
		t.Error("a table of an unknown game was restored")
	}
	refused := 0
	for n := range good {
		if _, err := table.Restore(good[:n], games); err != nil {
			refused++
		}
	}
	if refused < len(good)/2 {
		t.Errorf("only %d of %d cut snapshots were refused", refused, len(good))
	}
}

func TestReplayRefusesDamage(t *testing.T) {
	r := newRig(t, ``, 1)
	r.attachAll()
	r.finishHand()
	res, _ := r.table.Result(1)
	var a wirepb.HandArchive
	if err := proto.Unmarshal(res.Archive, &a); err != nil {
		t.Fatal(err)
	}
	damage := map[string]func(a *wirepb.HandArchive){
		"no end":       func(a *wirepb.HandArchive) { a.Entries = a.Entries[:len(a.Entries)-1] },
		"no deal":      func(a *wirepb.HandArchive) { a.Entries = a.Entries[1:] },
		"a move twice": func(a *wirepb.HandArchive) { a.Entries = append(a.Entries, a.Entries[1]) },
		"a move less":  func(a *wirepb.HandArchive) { a.Entries = append(a.Entries[:2:2], a.Entries[3:]...) },
		"other table":  func(a *wirepb.HandArchive) { a.Table++ },
		"version":      func(a *wirepb.HandArchive) { a.Version = 9 },
		"seed":         func(a *wirepb.HandArchive) { a.Seed = a.Seed[1:] },
	}
	for name, f := range damage {
		bad := proto.Clone(&a).(*wirepb.HandArchive)
		f(bad)
		b, err := proto.Marshal(bad)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := table.Replay(b, tabletest.Game{}, nil); err == nil {
			t.Errorf("%s: replayed", name)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	for name, f := range map[string]func(s *linkpb.CreateTable){
		"rules":        func(s *linkpb.CreateTable) { s.Rules = []byte(`{"turns":0}`) },
		"seats":        func(s *linkpb.CreateTable) { s.Seats = s.Seats[1:] },
		"twice":        func(s *linkpb.CreateTable) { s.Seats[0].Player = s.Seats[1].Player },
		"no hands":     func(s *linkpb.CreateTable) { s.Hands = 0 },
		"many hands":   func(s *linkpb.CreateTable) { s.Hands = table.MaxHands + 1 },
		"short secret": func(s *linkpb.CreateTable) { s.Secret = s.Secret[1:] },
		"dealer":       func(s *linkpb.CreateTable) { s.Dealer = 4 },
	} {
		r := newRig(t, ``, 1)
		f(r.spec.GetSpec())
		if _, err := table.New(tabletest.Game{}, r.spec, 0); err == nil {
			t.Errorf("%s: made", name)
		}
	}
}

// FuzzApply: no command makes a table panic or brings it into a state that a snapshot cannot restore.
func FuzzApply(f *testing.F) {
	r := newRig(f, `{"bomb":true}`, 2)
	r.attachAll()
	base := state(f, r.table)
	for _, c := range []*tablepb.Command{
		attachCommand(11, 1, 3), moveCommand(11, 1, 1, 3, 1), moveCommand(11, 1, 1, 3, tabletest.Bomb), tookOver, freed,
		settledCommand(1), detachCommand(0, 1), autoCommand(11, 1, wirepb.AutoPlay_AUTO_ON),
	} {
		raw, err := proto.Marshal(c)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw, uint64(100))
	}
	f.Fuzz(func(t *testing.T, raw []byte, ms uint64) {
		var c tablepb.Command
		if proto.Unmarshal(raw, &c) != nil {
			return
		}
		tb, err := table.Restore(base, games)
		if err != nil {
			t.Fatal(err)
		}
		tb.Apply(table.Entry{NowMS: 1000 + ms%100_000, Term: 1, Room: 1, Command: &c, Raw: raw})
		again, err := table.Restore(state(t, tb), games)
		if err != nil || !bytes.Equal(state(t, tb), state(t, again)) {
			t.Fatalf("after %v: %v", &c, err)
		}
	})
}

func BenchmarkApplyMove(b *testing.B) {
	r := newRig(b, `{"turns":1000000000}`, 1)
	r.attachAll()
	for seat := range 4 {
		r.answer(seat, 2)
	}
	var numbers [4]uint64
	for i := range numbers {
		numbers[i] = 2
	}
	prompt := r.pushed[1][len(r.pushed[1])-1].Number
	seat := 1
	b.ReportAllocs()
	for b.Loop() {
		c := moveCommand(11+uint64(seat), 1, numbers[seat], prompt, 2)
		c.Table = uint64(tableID)
		raw, _ := proto.Marshal(c)
		var d tablepb.Command
		if err := proto.Unmarshal(raw, &d); err != nil {
			b.Fatal(err)
		}
		out := r.table.Apply(table.Entry{NowMS: 2000, Term: 1, Room: 1, Command: &d, Raw: raw})
		if out.Reply.Code != wirepb.Code_OK {
			b.Fatal(out.Reply)
		}
		numbers[seat]++
		seat = (seat + 1) % 4
		prompt = out.Pushes[len(out.Pushes)-1].Number
	}
}
