package table_test

import (
	"bytes"
	"testing"

	"google.golang.org/protobuf/proto"

	"teahouse/node/table"
	"teahouse/node/table/tablepb"
	"teahouse/pkg/game"
	"teahouse/pkg/link/linkpb"
	"teahouse/pkg/mahjong/tablegame"
	"teahouse/pkg/mahjong/tablegame/mahjongpb"
	"teahouse/pkg/wire/wirepb"
)

// newMahjong makes a table as in the standard queue, with one person and three bots.
func newMahjong(t testing.TB, secret byte) *rig {
	t.Helper()
	g, err := tablegame.New(tablegame.Config{})
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{t: t, now: 1000, term: 1, room: 100, spec: &tablepb.Create{
		Spec: &linkpb.CreateTable{
			Table: uint64(tableID), Secret: bytes.Repeat([]byte{secret}, 32), Game: g.Name(), Rules: []byte(`{"min_claim_ms":700}`),
			Hands: 4, Stake: 1, Queue: "standard",
			Seats: []*linkpb.Seat{{Name: "bot-1"}, {Player: 12, Name: "p12"}, {Name: "bot-2"}, {Name: "bot-3"}},
		},
		Timing: &tablepb.Timing{AttachMs: 10_000, IntermissionMs: 3000, AutoMs: 500, RetentionMs: 120_000, RecheckMs: 500},
	}}
	if r.table, err = table.New(g, r.spec, r.now); err != nil {
		t.Fatal(err)
	}
	r.want(r.attach(12, 1, 0), wirepb.Code_OK)
	return r
}

// think lets the bots answer, and the person too if human is set. If there is nothing to answer, log
// time passes.
func (r *rig) think(human bool) {
	r.t.Helper()
	thought := func(seat int, payload []byte) []byte {
		move, err := r.table.Game().Think(r.table.Rules(), r.table.Hand().View(seat), payload, game.Middle)
		if err != nil {
			r.t.Fatal(err)
		}
		return move
	}
	if prompt, next := r.open(1); human && prompt != 0 {
		for _, p := range r.pushed[1] {
			if p.Number == prompt {
				r.want(r.apply(moveCommand(12, 1, next, prompt, thought(1, event(r.t, p.Payload).GetPrompt().GetGame())...)), wirepb.Code_OK)
				return
			}
		}
		r.t.Fatalf("prompt %d was not pushed", prompt)
	}
	if bots := r.table.BotPrompts(); len(bots) > 0 {
		r.want(r.apply(&tablepb.Command{Body: &tablepb.Command_Bot{Bot: &tablepb.Bot{
			Seat: uint32(bots[0].Seat), Prompt: bots[0].Number, Move: thought(bots[0].Seat, bots[0].Payload),
		}}}), wirepb.Code_OK)
		return
	}
	r.pass()
}

// A whole round as in the standard queue, with a restored replica alongside, comes to its end, and every
// window stays open for its minimum time.
func TestRoundOfMahjong(t *testing.T) {
	for secret := range byte(6) {
		r := newMahjong(t, secret)
		human := secret%2 == 0 // otherwise the person ends up in auto-play
		byName := func(string) (game.Game, bool) { return r.table.Game(), true }
		discarded, seen := uint64(0), 0
		for step := 0; r.table.Phase() < tablepb.Phase_SETTLING; step++ {
			if step > 5000 {
				t.Fatal("the round does not end")
			}
			if step%25 == 0 {
				twin, err := table.Restore(state(t, r.table), byName)
				if err != nil {
					t.Fatal(err)
				}
				r.table = twin
			}
			r.think(human)
			for ; seen < len(r.pushed[1]); seen++ {
				var e mahjongpb.Event
				if err := proto.Unmarshal(event(t, r.pushed[1][seen].Payload).GetGame(), &e); err != nil {
					t.Fatal(err)
				}
				switch e.GetBody().(type) {
				case *mahjongpb.Event_Discard, *mahjongpb.Event_BuGangDeclared:
					discarded = r.now
				case *mahjongpb.Event_Draw, *mahjongpb.Event_Peng, *mahjongpb.Event_Gang, *mahjongpb.Event_Win:
					if discarded != 0 && r.now < discarded+700 {
						t.Fatalf("a window was open for %d ms", r.now-discarded)
					}
					discarded = 0
				}
			}
		}
		hands := r.table.PendingHands()
		if len(hands) != 4 {
			t.Fatalf("%d hands", len(hands))
		}
		for _, hand := range hands {
			result, _ := r.table.Result(hand)
			streams, err := table.Replay(result.Archive, r.table.Game(), nil)
			if err != nil {
				t.Fatal(err)
			}
			live := make(map[uint64][]byte)
			for _, p := range r.pushed[1] {
				live[p.Number] = p.Payload
			}
			for _, e := range streams[1] {
				if !bytes.Equal(live[e.Number], e.Payload) {
					t.Fatalf("hand %d: event %d replays differently", hand, e.Number)
				}
			}
			r.apply(settledCommand(hand))
		}
		r.apply(freed)
		if r.table.Phase() != tablepb.Phase_RELEASED || has[*wirepb.TableEvent_Released](r, 1) != 1 {
			t.Fatalf("phase %v", r.table.Phase())
		}
	}
}

// BenchmarkMessage measures the part of a shard's snapshot that holds the lock that Apply needs, for one
// table.
func BenchmarkMessage(b *testing.B) {
	r := newMahjong(b, 1)
	for range 150 {
		r.think(true)
	}
	b.ReportAllocs()
	for b.Loop() {
		if r.table.Message().GetPlay() == nil {
			b.Fatal("no hand")
		}
	}
}
