package tablegame_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

	"teahouse/pkg/game"
	"teahouse/pkg/game/gametest"
	"teahouse/pkg/mahjong"
	"teahouse/pkg/mahjong/tablegame"
)

// leaky is mahjong whose views say something more.
type leaky struct {
	game.Game
	leak func(h *mahjong.Hand, viewer int) any
}

func (g leaky) Deal(s game.Setup) (game.Hand, error) {
	h, err := g.Game.Deal(s)
	return leakyHand{h, g.leak}, err
}

func (g leaky) Restore(snapshot []byte) (game.Hand, error) {
	h, err := g.Game.Restore(snapshot)
	return leakyHand{h, g.leak}, err
}

type leakyHand struct {
	game.Hand
	leak func(h *mahjong.Hand, viewer int) any
}

// View has the leak in a field that nobody knows.
func (h leakyHand) View(viewer int) []byte {
	played, err := engine(h)
	if err != nil {
		panic(err)
	}
	view := protowire.AppendTag(h.Hand.View(viewer), 99, protowire.BytesType)
	return protowire.AppendBytes(view, fmt.Append(nil, h.leak(played, viewer)))
}

// TestLeaksAreFound: what a careless view could show, of hidden tiles and of which of its kind a tile is, is found by the suite, where
// it keeps secrets or, if only the public is shown it, there. (Built with the leak, everything is.)
func TestLeaksAreFound(t *testing.T) {
	if tablegame.LeakDraws {
		t.Skip("built with a leak of its own")
	}
	another := func(viewer int) int { return (viewer + 1) % mahjong.Seats }
	for name, c := range map[string]struct {
		promise string
		twins   func(game.Game, []byte, *rand.Rand) (*gametest.Twins, error)
		leak    func(h *mahjong.Hand, viewer int) any
	}{
		"a tile of another hand":   {"secrets", hiddenTwins, func(h *mahjong.Hand, viewer int) any { return h.View(another(viewer)).Hand[0].Kind() }},
		"its suit":                 {"secrets", hiddenTwins, func(h *mahjong.Hand, viewer int) any { return h.View(another(viewer)).Hand[0].Kind().Suit() }},
		"a secret void suit":       {"secrets", hiddenTwins, func(h *mahjong.Hand, viewer int) any { return h.View(another(viewer)).Void }},
		"who is asked":             {"secrets", hiddenTwins, func(h *mahjong.Hand, viewer int) any { return h.Prompt(another(viewer)).Kind }},
		"how often all were asked": {"secrets", hiddenTwins, func(h *mahjong.Hand, viewer int) any { return h.Prompt(max(0, viewer)).Serial }},
		"a hand to who watches": {"public", anyTwins, func(h *mahjong.Hand, viewer int) any {
			if viewer == mahjong.Spectator {
				return h.View(2).Hand[0].Kind()
			}
			return nil
		}},
		"the ids of a hand": {"secrets", kindTwins, func(h *mahjong.Hand, viewer int) any { return h.View(viewer).Hand }},
		"the order of a kind": {"secrets", kindTwins, func(h *mahjong.Hand, viewer int) any {
			if hand := h.View(viewer).Hand; len(hand) > 0 {
				return hand[0] % 2
			}
			return nil
		}},
		"the ids of a meld": {"secrets", kindTwins, func(h *mahjong.Hand, viewer int) any {
			for _, s := range h.View(mahjong.Spectator).Seats {
				for _, m := range s.Melds {
					if m.Type == mahjong.Peng {
						return m.Tiles
					}
				}
			}
			return nil
		}},
	} {
		cfg := contract()
		cfg.Twins = c.twins
		g := leaky{newGame(t, tablegame.Config{}), c.leak}
		for _, p := range gametest.Promises() {
			if p.Name != c.promise {
				continue
			}
			if err := p.Check(g, cfg); err == nil || !strings.Contains(err.Error(), "can tell two hands apart") {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}
