package tablegame_test

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"google.golang.org/protobuf/proto"

	"teahouse/pkg/game"
	"teahouse/pkg/mahjong"
	"teahouse/pkg/mahjong/tablegame"
	"teahouse/pkg/mahjong/tablegame/mahjongpb"
	"teahouse/pkg/wire/wirepb"
)

func bytesOf(t testing.TB, m proto.Message) []byte {
	t.Helper()
	data, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func swap(tiles ...uint32) *mahjongpb.Move {
	return &mahjongpb.Move{Answer: &mahjongpb.Move_Swap{Swap: &mahjongpb.Swap{Tiles: tiles}}}
}

func swapIDs(ids ...uint32) *mahjongpb.Move {
	return &mahjongpb.Move{Answer: &mahjongpb.Move_Swap{Swap: &mahjongpb.Swap{Ids: ids}}}
}

func void(suit uint32) *mahjongpb.Move {
	return &mahjongpb.Move{Answer: &mahjongpb.Move_Void{Void: suit}}
}

func discard(tile uint32) *mahjongpb.Move {
	return &mahjongpb.Move{Answer: &mahjongpb.Move_Discard{Discard: tile}}
}

func call(c mahjongpb.Call) *mahjongpb.Move {
	return &mahjongpb.Move{Answer: &mahjongpb.Move_Call{Call: c}}
}

// refuse demands a refusal with a code that changes nothing.
func refuse(t *testing.T, h game.Hand, seat int, move []byte, want wirepb.Code) {
	t.Helper()
	before := h.Snapshot()
	_, err := h.Move(seat, move)
	if got := game.CodeOf(err, wirepb.Code_OK); err == nil || got != want {
		t.Errorf("move %x of seat %d: %v, want %v", move, seat, err, want)
	}
	if !bytes.Equal(h.Snapshot(), before) {
		t.Errorf("move %x of seat %d was refused and changed the hand", move, seat)
	}
}

func view(t testing.TB, h game.Hand, seat int) *mahjongpb.View {
	return unmarshal(t, h.View(seat), &mahjongpb.View{})
}

func TestRefusals(t *testing.T) {
	g := newGame(t, tablegame.Config{})
	h := deal(t, g, 4, "") // seat 0 deals
	own := view(t, h, 0).Hand
	mixed := []uint32{own[0], own[1], own[len(own)-1]} // ascending: not all of one suit
	if own[0]/9 == own[len(own)-1]/9 {
		t.Fatal("this seed deals a single suit")
	}
	// missing is a kind of which seat holds n tiles.
	missing := func(seat, n int) uint32 {
		for kind := range uint32(mahjong.NumKinds) {
			held := 0
			for _, k := range view(t, h, seat).Hand {
				if k == kind {
					held++
				}
			}
			if held == n {
				return kind
			}
		}
		t.Fatalf("seat %d holds %d of no kind", seat, n)
		return 0
	}
	none, one := missing(0, 0), missing(0, 1)
	malformed := wirepb.Code_MOVE_MALFORMED
	for _, c := range []struct {
		move []byte
		want wirepb.Code
	}{
		{nil, malformed},
		{[]byte{0xff}, malformed},
		{make([]byte, 257), malformed},
		{bytesOf(t, swap()), malformed},
		{bytesOf(t, swap(own[0], own[1])), malformed},
		{bytesOf(t, swap(own[:4]...)), malformed},
		{bytesOf(t, swap(own[0], own[1], 27)), malformed},
		{bytesOf(t, void(3)), malformed},
		{bytesOf(t, discard(27)), malformed},
		{bytesOf(t, discard(1<<32-1)), malformed},
		{bytesOf(t, &mahjongpb.Move{Answer: &mahjongpb.Move_AnGang{AnGang: 27}}), malformed},
		{bytesOf(t, call(mahjongpb.Call_CALL_UNSPECIFIED)), malformed},
		{bytesOf(t, call(99)), malformed},
		{bytesOf(t, swap(none, none, none)), wirepb.Code_TILE_NOT_HELD},
		{bytesOf(t, swap(one, one, one)), wirepb.Code_TILE_NOT_HELD},
		{bytesOf(t, swapIDs(0, 1, 108)), malformed},
		{bytesOf(t, &mahjongpb.Move{Answer: &mahjongpb.Move_Swap{Swap: &mahjongpb.Swap{Ids: own[:3], Tiles: own[:3]}}}), malformed},
		{bytesOf(t, &mahjongpb.Move{Answer: &mahjongpb.Move_DiscardId{DiscardId: 108}}), malformed},
		{bytesOf(t, swap(mixed...)), wirepb.Code_NOT_OFFERED},
		{bytesOf(t, void(0)), wirepb.Code_NOT_OFFERED},
		{bytesOf(t, call(mahjongpb.Call_HU)), wirepb.Code_NOT_OFFERED},
	} {
		refuse(t, h, 0, c.move, c.want)
	}
	refuse(t, h, 4, bytesOf(t, void(0)), wirepb.Code_NOT_SEATED)
	refuse(t, h, -1, bytesOf(t, void(0)), wirepb.Code_NOT_SEATED)

	for seat := range mahjong.Seats {
		step(t, h, seat)
	}
	for seat := range mahjong.Seats { // nobody's void suit is one that the dealer wants to keep
		counts := [3]int{}
		for _, tile := range view(t, h, seat).Hand {
			counts[tile/9]++
		}
		suit := uint32(0)
		for s, n := range counts {
			if n > 0 && n < len(view(t, h, seat).Hand) {
				suit = uint32(s)
			}
		}
		if _, err := h.Move(seat, bytesOf(t, void(suit))); err != nil {
			t.Fatal(err)
		}
		if seat < mahjong.Seats-1 {
			refuse(t, h, seat, bytesOf(t, void(suit)), wirepb.Code_PROMPT_GONE)
		}
	}
	dealer := view(t, h, 0)
	for _, tile := range dealer.Hand {
		if tile/9 != dealer.GetVoid() {
			refuse(t, h, 0, bytesOf(t, discard(tile)), wirepb.Code_MUST_DISCARD_VOID)
		}
	}
	refuse(t, h, 0, bytesOf(t, discard(missing(0, 0))), wirepb.Code_TILE_NOT_HELD)
	refuse(t, h, 0, bytesOf(t, call(mahjongpb.Call_PASS)), wirepb.Code_NOT_OFFERED)
	refuse(t, h, 1, bytesOf(t, discard(view(t, h, 1).Hand[0])), wirepb.Code_PROMPT_GONE)
	if _, err := h.Auto(1); game.CodeOf(err, 0) != wirepb.Code_PROMPT_GONE {
		t.Errorf("auto-play of a seat without a prompt: %v", err)
	}
	if _, err := h.Timeout(1); game.CodeOf(err, 0) != wirepb.Code_PROMPT_GONE {
		t.Errorf("time-out of a seat without a prompt: %v", err)
	}
	if _, err := h.Release(); game.CodeOf(err, 0) != wirepb.Code_NOT_OFFERED {
		t.Errorf("release without a hold: %v", err)
	}
}

// step lets auto-play answer for seat.
func step(t testing.TB, h game.Hand, seat int) {
	t.Helper()
	if _, err := h.Auto(seat); err != nil {
		t.Fatal(err)
	}
}

// FuzzMove sends arbitrary bytes at arbitrary moments of a hand.
func FuzzMove(f *testing.F) {
	for _, m := range []*mahjongpb.Move{
		swap(1, 2, 3), void(0), discard(0), call(mahjongpb.Call_PASS), call(mahjongpb.Call_HU),
		{Answer: &mahjongpb.Move_DiscardId{DiscardId: 3}}, swapIDs(1, 2, 3), {Answer: &mahjongpb.Move_AnGang{AnGang: 3}}, {Answer: &mahjongpb.Move_BuGang{BuGang: 26}},
	} {
		f.Add(uint64(1), uint8(20), uint8(1), bytesOf(f, m))
	}
	g := newGame(f, tablegame.Config{})
	f.Fuzz(func(t *testing.T, n uint64, steps, seat uint8, move []byte) {
		h, rng := deal(t, g, n, ""), rand.New(rand.NewPCG(n, 8))
		for range steps {
			if _, over := h.Result(); over {
				break
			}
			next(t, g, h, rng)
		}
		before := h.Snapshot()
		_, err := h.Move(int(seat%6), move)
		changed := !bytes.Equal(h.Snapshot(), before)
		if code := game.CodeOf(err, wirepb.Code_OK); changed != (err == nil) || (err != nil) != (code != wirepb.Code_OK) || code == wirepb.Code_INTERNAL {
			t.Errorf("move %x: %v, hand changed: %v", move, err, changed)
		}
	})
}

// FuzzThink demands an error or a move that can be decoded.
func FuzzThink(f *testing.F) {
	g := newGame(f, tablegame.Config{})
	play(f, g, deal(f, g, 1, ""), rand.New(rand.NewPCG(1, 9)), func(h game.Hand, _ []game.Event) game.Hand {
		for _, seat := range open(h) {
			f.Add(h.View(seat), h.Prompt(seat).Payload)
		}
		return h
	})
	f.Fuzz(func(t *testing.T, view, prompt []byte) {
		move, err := g.Think(nil, view, prompt, game.Middle)
		if err == nil && unmarshal(t, move, &mahjongpb.Move{}).Answer == nil {
			t.Errorf("view %x, prompt %x: no answer", view, prompt)
		}
	})
}

// FuzzRestore demands an error or the exact inverse of Snapshot.
func FuzzRestore(f *testing.F) {
	g := newGame(f, tablegame.Config{})
	h := deal(f, g, 1, "")
	f.Add(h.Snapshot())
	for seat := range mahjong.Seats {
		step(f, h, seat)
	}
	f.Add(h.Snapshot())
	f.Fuzz(func(t *testing.T, snapshot []byte) {
		h, err := g.Restore(snapshot)
		if err == nil && !bytes.Equal(h.Snapshot(), snapshot) {
			t.Errorf("snapshot %x came back as %x", snapshot, h.Snapshot())
		}
	})
}
