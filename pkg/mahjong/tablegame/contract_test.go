package tablegame_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"google.golang.org/protobuf/proto"

	"teahouse/pkg/game"
	"teahouse/pkg/game/gametest"
	"teahouse/pkg/mahjong"
	"teahouse/pkg/mahjong/mahjongtest"
	"teahouse/pkg/mahjong/tablegame"
	"teahouse/pkg/mahjong/tablegame/mahjongpb"
)

// contract is what the suite needs to know of mahjong.
func contract() gametest.Config {
	cfg := gametest.Config{
		Legal: legal, Twins: anyTwins, OptionsFile: "options.json",
		Bounds: gametest.Bounds{Prompt: 200, Event: 1 << 10, View: 4 << 10, Snapshot: 1 << 10, Move: 20, Events: 16, Acts: 700},
	}
	for _, name := range slices.Sorted(maps.Keys(ruleSets)) {
		cfg.Rules = append(cfg.Rules, ruleSets[name])
	}
	return cfg
}

// TestContract runs the suite that every game runs. Built with the leak, it is found where secrets are kept.
func TestContract(t *testing.T) {
	g, cfg := newGame(t, tablegame.Config{}), contract()
	if tablegame.LeakDraws {
		for _, p := range gametest.Promises() {
			if err := p.Check(g, cfg); (err != nil) != (p.Name == "secrets") {
				t.Errorf("%s: %v", p.Name, err)
			}
		}
		return
	}
	var mu sync.Mutex
	met := make(map[string]bool)
	cfg.Event = func(payload []byte) {
		var e mahjongpb.Event
		if err := proto.Unmarshal(payload, &e); err != nil {
			t.Error(err)
		}
		mu.Lock()
		defer mu.Unlock()
		met[fmt.Sprintf("%T", e.Body)] = true
	}
	gametest.Run(t, g, cfg)
	if bodies := new(mahjongpb.Event).ProtoReflect().Descriptor().Oneofs().ByName("body").Fields().Len(); len(met) > 0 && len(met) != bodies {
		t.Errorf("only %d of %d kinds of events were met: %v", len(met), bodies, met)
	}
}

// legal lists the answers to a prompt; of a swap, some.
func legal(rules, view, prompt []byte, rng *rand.Rand) (moves [][]byte, err error) {
	r, err := mahjong.ParseRules(rules)
	if err != nil {
		return nil, err
	}
	var v mahjongpb.View
	var p mahjongpb.Prompt
	if err := proto.Unmarshal(view, &v); err != nil {
		return nil, err
	}
	if err := proto.Unmarshal(prompt, &p); err != nil {
		return nil, err
	}
	add := func(m *mahjongpb.Move) {
		data, marshalErr := proto.Marshal(m)
		moves = append(moves, data)
		err = marshalErr
	}
	switch p.Kind {
	case mahjongpb.Prompt_SWAP:
		for len(moves) < 10 {
			i := rng.Perm(len(v.Hand))
			a, b, c := v.Hand[i[0]], v.Hand[i[1]], v.Hand[i[2]]
			if r.SwapSuits == "any" || a/9 == b/9 && b/9 == c/9 {
				add(swap(a, b, c))
			}
		}
	case mahjongpb.Prompt_VOID:
		for suit := range uint32(3) {
			add(void(suit))
		}
	default:
		for _, kind := range p.Discard {
			add(discard(kind))
		}
		for _, kind := range p.AnGang {
			add(&mahjongpb.Move{Answer: &mahjongpb.Move_AnGang{AnGang: kind}})
		}
		for _, kind := range p.BuGang {
			add(&mahjongpb.Move{Answer: &mahjongpb.Move_BuGang{BuGang: kind}})
		}
		for _, c := range []struct {
			call    mahjongpb.Call
			offered bool
		}{{mahjongpb.Call_HU, p.Hu}, {mahjongpb.Call_GANG, p.Gang}, {mahjongpb.Call_PENG, p.Peng}, {mahjongpb.Call_PASS, p.Kind != mahjongpb.Prompt_TURN}} {
			if c.offered {
				add(call(c.call))
			}
		}
	}
	return moves, err
}

// anyTwins draws hands in which tiles that a viewer may not know are elsewhere, or the other tiles of their kinds.
func anyTwins(g game.Game, rules []byte, rng *rand.Rand) (*gametest.Twins, error) {
	if rng.IntN(4) == 0 {
		return kindTwins(g, rules, rng)
	}
	return hiddenTwins(g, rules, rng)
}

// randomDeal deals.
func randomDeal(rng *rand.Rand) mahjong.Deal {
	return mahjong.DealFromSeed(seedOf(rng.Uint64()), rng.IntN(mahjong.Seats))
}

// dealt puts a hand with this deal on a table of g, by the newest version.
func dealt(g game.Game, rules mahjong.Rules, deal mahjong.Deal) (game.Hand, error) {
	played, err := mahjong.New(rules, deal)
	if err != nil {
		return nil, err
	}
	snapshot, err := played.MarshalBinary()
	if err != nil {
		return nil, err
	}
	return g.Restore(append([]byte{newest}, snapshot...))
}

// hiddenTwins draws a pair of package mahjongtest.
func hiddenTwins(g game.Game, text []byte, rng *rand.Rand) (*gametest.Twins, error) {
	rules, err := mahjong.ParseRules(text)
	if err != nil {
		return nil, err
	}
	deal := randomDeal(rng)
	inputs, err := mahjongtest.Play(rules, deal, rng)
	if err != nil {
		return nil, err
	}
	pair, err := mahjongtest.NewPair(rules, deal, inputs, rng.IntN(mahjong.Seats+1)-1, rng)
	if err != nil {
		return nil, err
	}
	twins := &gametest.Twins{Viewers: []int{pair.Viewer}}
	var hands [2]*mahjong.Hand
	for i, deal := range pair.Deals {
		if twins.Hands[i], err = dealt(g, rules, deal); err != nil {
			return nil, err
		}
		if hands[i], err = mahjong.New(rules, deal); err != nil {
			return nil, err
		}
	}
	// Without a least time a window closes when nobody is left to answer, and the time of that gives something away.
	// What is told stays the same, so it is compared when both windows are closed.
	var acts [2][]gametest.Act
	for _, step := range pair.Steps {
		open := false
		for i, commands := range step {
			for _, c := range commands {
				acts[i] = append(acts[i], actByID(c))
				if _, err := hands[i].Apply(c); err != nil {
					return nil, err
				}
			}
			phase := hands[i].View(mahjong.Spectator).Phase
			open = open || phase == mahjong.PhaseClaim || phase == mahjong.PhaseRob
		}
		if rules.MinClaimMs > 0 || !open {
			twins.Steps = append(twins.Steps, acts)
			acts = [2][]gametest.Act{}
		}
	}
	return twins, nil
}

// actByID does to a hand on a table what a command does to one of the engine, with the same tiles.
func actByID(c mahjong.Command) gametest.Act {
	return func(h game.Hand) (game.Step, error) {
		var m *mahjongpb.Move
		switch c.Action {
		case mahjong.ActTimeout:
			if h.Prompt(c.Seat).Serial != 0 {
				return h.Timeout(c.Seat)
			}
			return h.Release() // it has no choice
		case mahjong.ActRelease:
			return h.Release()
		case mahjong.ActSwap:
			m = swapIDs(uint32(c.Tiles[0]), uint32(c.Tiles[1]), uint32(c.Tiles[2]))
		case mahjong.ActVoid:
			m = void(uint32(c.Suit))
		case mahjong.ActDiscard:
			if h.Prompt(c.Seat).Serial == 0 {
				return h.Release()
			}
			m = &mahjongpb.Move{Answer: &mahjongpb.Move_DiscardId{DiscardId: uint32(c.Tile)}}
		case mahjong.ActAnGang:
			m = &mahjongpb.Move{Answer: &mahjongpb.Move_AnGang{AnGang: uint32(c.Kind)}}
		case mahjong.ActBuGang:
			m = &mahjongpb.Move{Answer: &mahjongpb.Move_BuGang{BuGang: uint32(c.Kind)}}
		default:
			m = call(map[mahjong.Action]mahjongpb.Call{
				mahjong.ActHu: mahjongpb.Call_HU, mahjong.ActGang: mahjongpb.Call_GANG, mahjong.ActPeng: mahjongpb.Call_PENG, mahjong.ActPass: mahjongpb.Call_PASS,
			}[c.Action])
		}
		data, err := proto.Marshal(m)
		if err != nil {
			return game.Step{}, err
		}
		return h.Move(c.Seat, data)
	}
}

// kindTwins deals a hand twice: the walls have the same kinds in the same places, but other tiles of them. Nobody can tell.
func kindTwins(g game.Game, text []byte, rng *rand.Rand) (*gametest.Twins, error) {
	rules, err := mahjong.ParseRules(text)
	if err != nil {
		return nil, err
	}
	twins := &gametest.Twins{Viewers: []int{game.Public, 0, 1, 2, 3}}
	deal := randomDeal(rng)
	var other [mahjong.NumKinds][]int
	for k := range other {
		other[k] = rng.Perm(4)
	}
	deals := [2]mahjong.Deal{deal, deal}
	for i, tile := range deals[1].Wall {
		deals[1].Wall[i] = tile/4*4 + mahjong.Tile(other[tile.Kind()][tile%4])
	}
	for i, deal := range deals {
		if twins.Hands[i], err = dealt(g, rules, deal); err != nil {
			return nil, err
		}
	}
	h, err := dealt(g, rules, deal)
	if err != nil {
		return nil, err
	}
	for over := false; !over; _, over = h.Result() {
		act, err := choice(g, h, text, rng)
		if err != nil {
			return nil, err
		}
		if _, err := act(h); err != nil {
			return nil, err
		}
		twins.Steps = append(twins.Steps, [2][]gametest.Act{{act}, {act}})
	}
	return twins, nil
}

// choice is something that may happen to h now.
func choice(g game.Game, h game.Hand, rules []byte, rng *rand.Rand) (gametest.Act, error) {
	seats := open(h)
	if h.Hold() > 0 && (len(seats) == 0 || rng.IntN(4) == 0) {
		return game.Hand.Release, nil
	}
	seat := seats[rng.IntN(len(seats))]
	switch rng.IntN(8) {
	case 0:
		return func(h game.Hand) (game.Step, error) { return h.Timeout(seat) }, nil
	case 1:
		return func(h game.Hand) (game.Step, error) { return h.Auto(seat) }, nil
	}
	move, err := g.Think(rules, h.View(seat), h.Prompt(seat).Payload, []game.Strength{game.Weak, game.Middle}[rng.IntN(2)])
	return func(h game.Hand) (game.Step, error) { return h.Move(seat, move) }, err
}
