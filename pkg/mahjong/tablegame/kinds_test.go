package tablegame_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"testing"

	"teahouse/pkg/game"
	"teahouse/pkg/mahjong"
	"teahouse/pkg/mahjong/tablegame"
	"teahouse/pkg/mahjong/tablegame/mahjongpb"
)

// twins deals a hand twice: the walls have the same kinds in the same places, but other tiles of
// them.
func twins(t *testing.T, g game.Game, n uint64, overrides string, rng *rand.Rand) (pair [2]game.Hand) {
	t.Helper()
	rules, err := mahjong.ParseRules([]byte(overrides))
	if err != nil {
		t.Fatal(err)
	}
	deals := [2]mahjong.Deal{mahjong.DealFromSeed(seedOf(n), int(n%4))}
	deals[1] = deals[0]
	var other [mahjong.NumKinds][]int
	for k := range other {
		other[k] = rng.Perm(4)
	}
	for i, tile := range deals[1].Wall {
		deals[1].Wall[i] = tile/4*4 + mahjong.Tile(other[tile.Kind()][tile%4])
	}
	for i, deal := range deals {
		played, err := mahjong.New(rules, deal)
		if err != nil {
			t.Fatal(err)
		}
		snapshot, err := played.MarshalBinary()
		if err != nil {
			t.Fatal(err)
		}
		if pair[i], err = g.Restore(snapshot); err != nil {
			t.Fatal(err)
		}
	}
	return pair
}

// told is all that the seats get to know of a hand now.
func told(t *testing.T, h game.Hand, events []game.Event, leak func(game.Hand) []byte) (all []string) {
	t.Helper()
	for _, e := range events {
		for seat, payload := range e.Seats {
			all = append(all, fmt.Sprintf("event for seat %d: %x", seat, payload))
		}
		all = append(all, fmt.Sprintf("event for all: %x", e.Public))
	}
	for seat := range mahjong.Seats {
		p := h.Prompt(seat)
		all = append(all, fmt.Sprintf("seat %d: view %x, asked %d %v %v %x", seat, h.View(seat), p.Serial, p.Secret, p.Limit, p.Payload))
	}
	all = append(all, fmt.Sprintf("public view %x", h.View(game.Public)))
	r, over := h.Result()
	return append(all, fmt.Sprintf("hold %v, over %v, %v, leak %x", h.Hold(), over, r, leak(h)))
}

// compareTwins plays both hands with the same moves, and returns the first difference in what
// anybody is told.
func compareTwins(t *testing.T, g game.Game, n uint64, rules string, leak func(game.Hand) []byte) (difference string) {
	t.Helper()
	rng := rand.New(rand.NewPCG(n, 12))
	pair := twins(t, g, n, rules, rng)
	events := [2][]game.Event{}
	for range 2000 {
		a, b := told(t, pair[0], events[0], leak), told(t, pair[1], events[1], leak)
		for i := range max(len(a), len(b)) {
			if i >= len(a) || i >= len(b) || a[i] != b[i] {
				return fmt.Sprintf("%s, seed %d:\n%v\n%v", rules, n, a[min(i, len(a)-1)], b[min(i, len(b)-1)])
			}
		}
		if _, over := pair[0].Result(); over {
			return ""
		}
		act := choice(t, g, pair[0], rng)
		for i, h := range pair {
			step, err := act(h)
			if err != nil {
				t.Fatal(err)
			}
			events[i] = step.Events
		}
	}
	t.Fatal("the hand does not end")
	return ""
}

// choice is something that may happen to h now.
func choice(t *testing.T, g game.Game, h game.Hand, rng *rand.Rand) func(game.Hand) (game.Step, error) {
	t.Helper()
	seats := open(h)
	if h.Hold() > 0 && (len(seats) == 0 || rng.IntN(4) == 0) {
		return game.Hand.Release
	}
	seat := seats[rng.IntN(len(seats))]
	switch rng.IntN(8) {
	case 0:
		return func(h game.Hand) (game.Step, error) { return h.Timeout(seat) }
	case 1:
		return func(h game.Hand) (game.Step, error) { return h.Auto(seat) }
	}
	strength := []game.Strength{game.Weak, game.Middle}[rng.IntN(2)]
	move, err := think(g, h, seat, strength)
	if err != nil {
		t.Fatal(err)
	}
	return func(h game.Hand) (game.Step, error) { return h.Move(seat, move) }
}

// TestKindsOnly: nothing that anybody is told depends on which of the four tiles of a kind is
// where; so it says nothing of it either.
func TestKindsOnly(t *testing.T) {
	g := newGame(t, tablegame.Config{})
	seeds := uint64(8)
	if os.Getenv("TEAHOUSE_SLOW") != "" {
		seeds = 400
	}
	nothing := func(game.Hand) []byte { return nil }
	for name, rules := range ruleSets {
		t.Run(name, func(t *testing.T) {
			for n := range seeds {
				if difference := compareTwins(t, g, n, rules, nothing); difference != "" {
					t.Fatal(difference)
				}
			}
		})
	}
}

// TestKindsOnlyCanFail: what earlier protocols told is found, in every hand.
func TestKindsOnlyCanFail(t *testing.T) {
	g := newGame(t, tablegame.Config{})
	played := func(h game.Hand) *mahjong.Hand {
		hand := new(mahjong.Hand)
		if err := hand.UnmarshalBinary(h.Snapshot()); err != nil {
			t.Fatal(err)
		}
		return hand
	}
	for name, leak := range map[string]func(game.Hand) []byte{
		"the ids of a hand":            func(h game.Hand) []byte { return fmt.Append(nil, played(h).View(0).Hand) },
		"the order of tiles of a kind": func(h game.Hand) []byte { return []byte{byte(played(h).View(1).Hand[0] % 2)} },
		"the tiles of a peng": func(h game.Hand) (ids []byte) {
			for _, s := range played(h).View(mahjong.Spectator).Seats {
				for _, m := range s.Melds {
					ids = fmt.Append(ids, m.Tiles)
				}
			}
			return ids
		},
	} {
		found := 0
		for n := range uint64(8) {
			if compareTwins(t, g, n, "", leak) != "" {
				found++
			}
		}
		if found == 0 {
			t.Errorf("%s: not found", name)
		}
	}
}

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
			act := choice(t, g, byKind, rng)
			seat, move := -1, []byte(nil)
			recorder := recorded{byKind, &seat, &move}
			if _, err := act(recorder); err != nil {
				t.Fatal(err)
			}
			if move == nil {
				_, err = act(byID)
			} else {
				m, hand := unmarshal(t, move, &mahjongpb.Move{}), new(mahjong.Hand)
				if err := hand.UnmarshalBinary(byID.Snapshot()); err != nil {
					t.Fatal(err)
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
