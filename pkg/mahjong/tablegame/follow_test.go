package tablegame_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	"teahouse/pkg/game"
	"teahouse/pkg/mahjong"
	"teahouse/pkg/mahjong/tablegame"
	"teahouse/pkg/mahjong/tablegame/mahjongpb"
)

// TestFollow keeps each seat's view by its events alone, as a client does, and compares it with the
// hand's own after every step. At random moments a client begins anew from a view.
func TestFollow(t *testing.T) {
	g := newGame(t, tablegame.Config{})
	met := make(map[string]bool)
	for name, overrides := range ruleSets {
		t.Run(name, func(t *testing.T) {
			rules, err := g.Rules([]byte(overrides))
			if err != nil {
				t.Fatal(err)
			}
			for n := range uint64(40) {
				rng := rand.New(rand.NewPCG(n, 14))
				var followers [mahjong.Seats]game.Follower
				for seat := range followers {
					if followers[seat], err = g.Follow(seat, rules, nil); err != nil {
						t.Fatal(err)
					}
				}
				play(t, g, deal(t, g, n, overrides), rng, func(h game.Hand, events []game.Event) game.Hand {
					for seat, f := range followers {
						var told []*mahjongpb.Event
						for _, e := range events {
							if e.Seats[seat] == nil {
								continue
							}
							m := unmarshal(t, e.Seats[seat], &mahjongpb.Event{})
							told = append(told, m)
							met[fmt.Sprintf("%T", m.Body)] = true
							if err := f.Told(e.Seats[seat]); err != nil {
								t.Fatalf("seed %d, seat %d, %v: %v", n, seat, m, err)
							}
						}
						if want := h.View(seat); !bytes.Equal(f.View(), want) {
							t.Fatalf("seed %d, seat %d is told %v and keeps\n%v, not\n%v", n, seat, told,
								unmarshal(t, f.View(), &mahjongpb.View{}), unmarshal(t, want, &mahjongpb.View{}))
						}
						if rng.IntN(20) == 0 {
							if followers[seat], err = g.Follow(seat, rules, h.View(seat)); err != nil {
								t.Fatal(err)
							}
						}
					}
					return h
				})
			}
		})
	}
	if bodies := new(mahjongpb.Event).ProtoReflect().Descriptor().Oneofs().ByName("body").Fields().Len(); len(met) != bodies {
		t.Errorf("only %d of %d kinds of events were met: %v", len(met), bodies, met)
	}
}
