package tablegame_test

import (
	"math/rand/v2"
	"testing"

	"google.golang.org/protobuf/proto"

	"teahouse/pkg/game"
	"teahouse/pkg/mahjong"
	"teahouse/pkg/mahjong/tablegame"
	"teahouse/pkg/mahjong/tablegame/mahjongpb"
)

// audited plays a hand and counts, in everything that seats are told, the tiles that they may not
// know. distort may change who is told what.
func audited(t *testing.T, n uint64, rules string, distort func(game.Event)) (hidden int) {
	var audit tablegame.Audit
	g := newGame(t, tablegame.Config{Observe: audit.Observe})
	h := play(t, g, deal(t, g, n, rules), rand.New(rand.NewPCG(n, 5)), func(h game.Hand, events []game.Event) game.Hand {
		for _, e := range events {
			distort(e)
			for seat, payload := range e.Seats {
				if payload != nil {
					hidden += audit.Hidden(seat, unmarshal(t, payload, &mahjongpb.Event{}))
				}
			}
		}
		for seat := range mahjong.Seats { // whoever only watches is told no more than any of them
			for _, e := range events {
				if e.Public != nil {
					hidden += audit.Hidden(seat, unmarshal(t, e.Public, &mahjongpb.Event{}))
				}
			}
			hidden += audit.Hidden(seat, unmarshal(t, h.View(game.Public), &mahjongpb.View{}))
			hidden += audit.Hidden(seat, unmarshal(t, h.View(seat), &mahjongpb.View{}))
			if p := h.Prompt(seat); p.Serial != 0 {
				hidden += audit.Hidden(seat, unmarshal(t, p.Payload, &mahjongpb.Prompt{}))
			}
		}
		return h
	})
	r, _ := h.Result()
	for seat := range mahjong.Seats {
		hidden += audit.Hidden(seat, unmarshal(t, r.Summary, &mahjongpb.Summary{}))
	}
	return hidden
}

// With -tags leak, TestNoHiddenTile demands instead that the leak is found.
func TestNoHiddenTile(t *testing.T) {
	for name, rules := range ruleSets {
		t.Run(name, func(t *testing.T) {
			for n := range uint64(4) {
				hidden := audited(t, n, rules, func(game.Event) {})
				if (hidden > 0) != tablegame.LeakDraws {
					t.Errorf("seed %d: seats saw %d tiles that they may not know; built with the leak: %v", n, hidden, tablegame.LeakDraws)
				}
			}
		})
	}
}

// TestAuditCatches tells seats what only another seat may know.
func TestAuditCatches(t *testing.T) {
	for name, mix := range map[string]func(a, b []byte) []byte{
		"everything of the next seat": func(_, b []byte) []byte { return b },
		"another's answer": func(a, b []byte) []byte {
			if a == nil {
				return b
			}
			return a
		},
	} {
		hidden := audited(t, 1, "", func(e game.Event) {
			first := e.Seats[0]
			for seat := range e.Seats {
				other := first
				if seat+1 < len(e.Seats) {
					other = e.Seats[seat+1]
				}
				e.Seats[seat] = mix(e.Seats[seat], other)
			}
		})
		if hidden == 0 {
			t.Errorf("%s: not seen", name)
		}
	}
}

// TestAuditKnows compares with what can be counted by hand.
func TestAuditKnows(t *testing.T) {
	count := func(a *tablegame.Audit, seat int) (n int) {
		for tile := range mahjong.Tile(mahjong.NumTiles) {
			if a.Knows(seat, tile) {
				n++
			}
		}
		return n
	}
	var audit tablegame.Audit
	g := newGame(t, tablegame.Config{Observe: audit.Observe})
	var wall uint32
	for n := range uint64(5) {
		moves, rng := 0, rand.New(rand.NewPCG(n, 6))
		play(t, g, deal(t, g, n, ""), rng, func(h game.Hand, events []game.Event) game.Hand {
			for seat := range mahjong.Seats {
				v := unmarshal(t, h.View(seat), &mahjongpb.View{})
				wall = v.Wall
				if got := count(&audit, seat); v.Phase == mahjongpb.View_SWAP && got != len(v.Hand) ||
					v.Phase == mahjongpb.View_VOID && got != len(v.Hand)+3 {
					t.Errorf("seed %d: in %v seat %d knows %d tiles", n, v.Phase, seat, got)
				}
			}
			moves++
			return h
		})
		for seat := range mahjong.Seats {
			if got := count(&audit, seat); got != mahjong.NumTiles-int(wall) {
				t.Errorf("seed %d: after the end, with %d tiles in the wall, seat %d knows %d", n, wall, seat, got)
			}
		}
	}
	if audit.Knows(0, mahjong.NoTile) {
		t.Error("an invalid tile is known")
	}
}

// TestAuditFields demands that no field for tiles lacks its option: a message in which every number
// is a tile must be entirely hidden from a seat that knows none.
func TestAuditFields(t *testing.T) {
	one := proto.Uint32(1)
	some := []uint32{0, 1}
	meld := &mahjongpb.Meld{Kind: one}           // 1
	win := &mahjongpb.Win{Tile: one, Hand: some} // 3
	view := &mahjongpb.View{                     // 2+6 and a seat's 1+2+2+3 = 16
		Open: one, Drawn: one, Hand: some, Given: some, Received: some,
		Seats: []*mahjongpb.SeatView{{Melds: []*mahjongpb.Meld{meld}, River: some, Hand: some, Wins: []*mahjongpb.Win{win}}},
	}
	swap := &mahjongpb.Move{Answer: &mahjongpb.Move_Swap{Swap: &mahjongpb.Swap{Tiles: some}}}
	for _, c := range []struct {
		m    proto.Message
		want int
	}{
		{view, 16},
		{&mahjongpb.Prompt{AnGang: some, BuGang: some, Discard: some, Tile: one}, 7},
		{&mahjongpb.Summary{Wins: []*mahjongpb.Win{win}, Hands: []*mahjongpb.ShownHand{{Tiles: some}}, Melds: []*mahjongpb.SeatMelds{{Melds: []*mahjongpb.Meld{meld}}}}, 3 + 2 + 1},
		{&mahjongpb.Event{Body: &mahjongpb.Event_Deal{Deal: &mahjongpb.Deal{Hand: some}}}, 2},
		{&mahjongpb.Event{Body: &mahjongpb.Event_Answered{Answered: &mahjongpb.Answered{Move: swap}}}, 2},
		{&mahjongpb.Event{Body: &mahjongpb.Event_Swapped{Swapped: &mahjongpb.Swapped{Given: some, Received: some, Hand: some}}}, 6},
		{&mahjongpb.Event{Body: &mahjongpb.Event_Draw{Draw: &mahjongpb.Draw{Tile: proto.Uint32(0)}}}, 1},
		{&mahjongpb.Event{Body: &mahjongpb.Event_Discard{Discard: &mahjongpb.Discard{Tile: one}}}, 1},
		{&mahjongpb.Event{Body: &mahjongpb.Event_Peng{Peng: &mahjongpb.Peng{Tile: one, Meld: meld}}}, 2},
		{&mahjongpb.Event{Body: &mahjongpb.Event_BuGangDeclared{BuGangDeclared: &mahjongpb.BuGangDeclared{Tile: one}}}, 1},
		{&mahjongpb.Event{Body: &mahjongpb.Event_Gang{Gang: &mahjongpb.Gang{Meld: meld}}}, 1},
		{&mahjongpb.Event{Body: &mahjongpb.Event_Win{Win: win}}, 3},
		{&mahjongpb.Event{Body: &mahjongpb.Event_HandOver{HandOver: &mahjongpb.HandOver{
			Hands: []*mahjongpb.ShownHand{{Tiles: some}}, Melds: []*mahjongpb.SeatMelds{{Melds: []*mahjongpb.Meld{meld}}},
		}}}, 2 + 1},
		{&mahjongpb.Move{Answer: &mahjongpb.Move_Discard{}}, 1},
		{&mahjongpb.Move{Answer: &mahjongpb.Move_AnGang{}}, 1},
		{&mahjongpb.Move{Answer: &mahjongpb.Move_BuGang{BuGang: 99}}, 1},
		{&mahjongpb.Move{Answer: &mahjongpb.Move_Discard{Discard: 1 << 31}}, 1},
		{&mahjongpb.Move{Answer: &mahjongpb.Move_DiscardId{}}, 1},
		{&mahjongpb.Move{Answer: &mahjongpb.Move_Swap{Swap: &mahjongpb.Swap{Ids: some}}}, 2},
	} {
		var blind tablegame.Audit
		if got := blind.Hidden(0, c.m); got != c.want {
			t.Errorf("%T %v shows %d tiles, the audit sees %d", c.m, c.m, c.want, got)
		}
	}
}
