package tablegame_test

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"teahouse/pkg/game"
	"teahouse/pkg/mahjong"
	"teahouse/pkg/mahjong/tablegame"
	"teahouse/pkg/mahjong/tablegame/mahjongpb"
)

// Moves of protocol 1, as logs hold them, name tiles by ids; they do what the same move by kinds does.
func TestMovesByID(t *testing.T) {
	g := newGame(t, tablegame.Config{})
	var met [2]int
	for n := range uint64(4) {
		rng := rand.New(rand.NewPCG(n, 13))
		byKind := deal(t, g, n, "")
		byID, err := g.Restore(byKind.Snapshot())
		if err != nil {
			t.Fatal(err)
		}
		for {
			if _, over := byKind.Result(); over {
				break
			}
			rules, err := g.Rules(nil)
			if err != nil {
				t.Fatal(err)
			}
			act, err := choice(g, byKind, rules, rng)
			if err != nil {
				t.Fatal(err)
			}
			seat, move := -1, []byte(nil)
			recorder := recorded{byKind, &seat, &move}
			if _, err := act(recorder); err != nil {
				t.Fatal(err)
			}
			if move == nil {
				_, err = act(byID)
			} else {
				m := unmarshal(t, move, &mahjongpb.Move{})
				hand, failed := engine(byID)
				if failed != nil {
					t.Fatal(failed)
				}
				switch a := m.Answer.(type) {
				case *mahjongpb.Move_Discard:
					met[0]++
					m = &mahjongpb.Move{Answer: &mahjongpb.Move_DiscardId{DiscardId: uint32(hand.Pick(seat, mahjong.Kind(a.Discard))[0])}}
				case *mahjongpb.Move_Swap:
					met[1]++
					var ids []uint32
					for _, tile := range hand.Pick(seat, mahjong.Kind(a.Swap.Tiles[0]), mahjong.Kind(a.Swap.Tiles[1]), mahjong.Kind(a.Swap.Tiles[2])) {
						ids = append(ids, uint32(tile))
					}
					m = swapIDs(ids...)
				}
				_, err = byID.Move(seat, bytesOf(t, m))
			}
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(byKind.Snapshot(), byID.Snapshot()) {
				t.Fatalf("seed %d: the hands differ", n)
			}
		}
	}
	if met[0] == 0 || met[1] == 0 {
		t.Errorf("%d discards and %d swaps", met[0], met[1])
	}
}

// recorded notes the move that a hand is given.
type recorded struct {
	game.Hand
	seat *int
	move *[]byte
}

func (r recorded) Move(seat int, move []byte) (game.Step, error) {
	*r.seat, *r.move = seat, move
	return r.Hand.Move(seat, move)
}
