package tablegame_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"teahouse/pkg/game"
	"teahouse/pkg/mahjong"
	"teahouse/pkg/mahjong/tablegame"
	"teahouse/pkg/mahjong/tablegame/mahjongpb"
)

// Prompts are asked more often than anything else is told, so they say only what is asked.
func TestPromptsAreSmall(t *testing.T) {
	g := newGame(t, tablegame.Config{})
	var sizes []int
	for n := range uint64(20) {
		var last [mahjong.Seats]uint32
		play(t, g, deal(t, g, n, ""), rand.New(rand.NewPCG(n, 4)), func(h game.Hand, _ []game.Event) game.Hand {
			for seat := range mahjong.Seats {
				if p := h.Prompt(seat); p.Serial > last[seat] {
					last[seat] = p.Serial
					sizes = append(sizes, len(p.Payload))
				}
			}
			return h
		})
	}
	slices.Sort(sizes)
	if median, longest := sizes[len(sizes)/2], sizes[len(sizes)-1]; median > 10 || longest > 80 {
		t.Errorf("%d prompts: median %d bytes, longest %d", len(sizes), median, longest)
	}
}

// FuzzFollow: whatever a server tells is taken in or refused, and the view stays one that can be read.
func FuzzFollow(f *testing.F) {
	g := newGame(f, tablegame.Config{})
	for n, rules := range []string{``, `{"mode":"xueliu","show_winners":true}`} {
		views := [mahjong.Seats][]byte{}
		play(f, g, deal(f, g, uint64(n), rules), rand.New(rand.NewPCG(1, 15)), func(h game.Hand, events []game.Event) game.Hand {
			for _, e := range events {
				if e.Seats[1] != nil {
					f.Add(views[1], e.Seats[1], n == 1)
				}
			}
			views[1] = h.View(1)
			return h
		})
	}
	f.Fuzz(func(t *testing.T, view, event []byte, xueliu bool) {
		rules := ``
		if xueliu {
			rules = `{"mode":"xueliu","show_winners":true}`
		}
		follower, err := g.Follow(1, []byte(rules), view)
		if err != nil {
			return
		}
		follower.Told(event)
		follower.Told(event)
		unmarshal(t, follower.View(), &mahjongpb.View{})
	})
}

// TestFollow keeps each seat's view, and the public one, by its events alone, as a client does, and compares it with the
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
				followers := make(map[int]game.Follower)
				for seat := game.Public; seat < mahjong.Seats; seat++ {
					if followers[seat], err = g.Follow(seat, rules, nil); err != nil {
						t.Fatal(err)
					}
				}
				play(t, g, deal(t, g, n, overrides), rng, func(h game.Hand, events []game.Event) game.Hand {
					for seat, f := range followers {
						var told []*mahjongpb.Event
						for _, e := range events {
							payload := e.Public
							if seat != game.Public {
								payload = e.Seats[seat]
							}
							if payload == nil {
								continue
							}
							m := unmarshal(t, payload, &mahjongpb.Event{})
							told = append(told, m)
							met[fmt.Sprintf("%T", m.Body)] = true
							if err := f.Told(payload); err != nil {
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
