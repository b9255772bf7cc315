package bot

import (
	"crypto/sha256"
	"encoding/binary"
	"math/rand/v2"
	"testing"

	"teahouse/pkg/game"
	"teahouse/pkg/mahjong"
)

// countByID marks each tile that a view shows. Views of the engine tell tiles of a kind apart.
func countByID(view *mahjong.View) (unseen mahjong.Counts) {
	var seen [mahjong.NumTiles]bool
	see := func(tiles ...mahjong.Tile) {
		for _, t := range tiles {
			if t.Valid() {
				seen[t] = true
			}
		}
	}
	see(view.Hand...)
	see(view.Open)
	for i := range view.Seats {
		seat := &view.Seats[i]
		see(seat.Hand...)
		for _, r := range seat.River {
			see(r.Tile)
		}
		for _, m := range seat.Melds {
			see(m.Tiles...)
		}
		for _, w := range seat.Wins {
			see(w.Tile)
		}
	}
	for t, known := range seen {
		if !known {
			unseen[mahjong.Tile(t).Kind()]++
		}
	}
	return unseen
}

// From kinds alone a player counts the unseen tiles as if it could tell them apart.
func TestUnseen(t *testing.T) {
	met := make(map[mahjong.How]int)
	robbed := 0
	for name, text := range map[string]string{
		"default": ``, "xueliu": `{"mode":"xueliu"}`, "shown": `{"show_winners":true}`, "hidden": `{"hide_angang":true}`,
		"xueliu shown": `{"mode":"xueliu","show_winners":true,"hide_angang":true}`,
	} {
		rules, err := mahjong.ParseRules([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		player := New(game.Weak, rules)
		for n := range uint64(120) {
			rng := rand.New(rand.NewPCG(n, 11))
			h, err := mahjong.New(rules, mahjong.DealFromSeed(sha256.Sum256(binary.BigEndian.AppendUint64(nil, n)), int(n%4)))
			if err != nil {
				t.Fatal(err)
			}
			for !h.Finished() {
				var asked []mahjong.View
				for seat := range mahjong.Seats {
					view := h.View(seat)
					var s sight
					s.countUnseen(&view)
					if want := countByID(&view); s.unseen != want {
						t.Fatalf("%s, seed %d, seat %d: %v unseen, by their ids %v\n%+v", name, n, seat, s.unseen, want, view)
					}
					for i := range view.Seats {
						for _, w := range view.Seats[i].Wins {
							met[w.How]++
						}
					}
					if view.Phase == mahjong.PhaseRob {
						robbed++
					}
					if view.Prompt.Kind != mahjong.PromptNone {
						asked = append(asked, view)
					}
				}
				if len(asked) == 0 {
					t.Fatal("nobody is asked")
				}
				if _, err := h.Apply(player.Choose(&asked[rng.IntN(len(asked))])); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	if len(met) != 3 || robbed == 0 {
		t.Errorf("wins %v, %d chances to rob", met, robbed)
	}
}
