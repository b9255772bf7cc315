package swarm

import (
	"math/rand/v2"
	"testing"

	"teahouse/pkg/game"
	"teahouse/pkg/mahjong/tablegame"
)

// question is a prompt, and the view that a seat had then.
type question struct{ view, prompt []byte }

// hand plays a hand with deciders and returns all questions.
func hand(t testing.TB, g game.Game, seed byte) (asked []question, won bool) {
	t.Helper()
	rules, err := g.Rules([]byte(`{"min_claim_ms":0}`))
	if err != nil {
		t.Fatal(err)
	}
	h, err := g.Deal(game.Setup{Rules: rules, Seed: [32]byte{seed}})
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(uint64(seed), 0))
	for moves := 0; ; {
		if result, over := h.Result(); over {
			for _, s := range result.Scores {
				won = won || s > 0
			}
			return asked, won
		}
		for seat := range g.Seats() {
			p := h.Prompt(seat)
			if p.Serial == 0 {
				continue
			}
			asked = append(asked, question{h.View(seat), p.Payload})
			move, err := decideMahjong(r, h.View(seat), p.Payload)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := h.Move(seat, move); err != nil {
				t.Fatalf("seed %d: a move that is not legal: %v", seed, err)
			}
			if moves++; moves > 1000 {
				t.Fatal("the hand does not end")
			}
		}
	}
}

func newGame(t testing.TB) game.Game {
	t.Helper()
	g, err := tablegame.New(tablegame.Config{})
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func TestDecisionsAreLegal(t *testing.T) {
	g, won := newGame(t), 0
	for seed := range byte(50) {
		if _, w := hand(t, g, seed); w {
			won++
		}
	}
	if won < 25 {
		t.Errorf("only %d of 50 hands move points: they exercise too little", won)
	}
}

func TestDecideOnNonsense(t *testing.T) {
	for _, prompt := range []string{"", "\xff", "\x08\x01", "\x08\x03", "\x08\x03\x2a\x01\x1b"} {
		if move, err := decideMahjong(rand.New(rand.NewPCG(1, 0)), nil, []byte(prompt)); err == nil {
			t.Errorf("%q is answered with %x", prompt, move)
		}
	}
}

// What a player's thought costs the swarm, and with it the cluster beside it.
func BenchmarkDecide(b *testing.B) {
	g := newGame(b)
	asked, _ := hand(b, g, 1)
	r := rand.New(rand.NewPCG(1, 0))
	for name, think := range map[string]func(question) ([]byte, error){
		"decide": func(q question) ([]byte, error) { return decideMahjong(r, q.view, q.prompt) },
		"think":  func(q question) ([]byte, error) { return g.Think(nil, q.view, q.prompt, game.Middle) },
	} {
		b.Run(name, func(b *testing.B) {
			for i := range b.N {
				if _, err := think(asked[i%len(asked)]); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
