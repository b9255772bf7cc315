package swarm

import (
	"fmt"
	"math/rand/v2"

	"google.golang.org/protobuf/proto"

	"teahouse/pkg/client/engine"
	"teahouse/pkg/game"
	"teahouse/pkg/gomoku"
	"teahouse/pkg/mahjong"
	"teahouse/pkg/mahjong/tablegame"
	"teahouse/pkg/mahjong/tablegame/mahjongpb"
)

// decide answers a prompt of the named game by the seat's view.
func decide(name string, r *rand.Rand, view *engine.View, prompt []byte) ([]byte, error) {
	switch name {
	case tablegame.Name:
		return decideMahjong(r, view.Game(), prompt)
	case gomoku.Name:
		return view.Think(prompt, game.Middle)
	}
	return nil, fmt.Errorf("swarm: nobody here plays %q", name)
}

// games are those that players of the swarm know.
func games() (func(name string) game.Game, error) {
	mahjong, err := tablegame.New(tablegame.Config{})
	if err != nil {
		return nil, err
	}
	other := gomoku.New()
	return func(name string) game.Game {
		switch name {
		case tablegame.Name:
			return mahjong
		case gomoku.Name:
			return other
		}
		return nil
	}, nil
}

// decideMahjong plays quickly rather than well:
// it wins when it can, keeps tiles that have neighbours, and takes other melds by
// chance. The server's own bot (Game.Think) costs about ten times as much, which
// the cluster on the same machine would have to go without.
func decideMahjong(r *rand.Rand, view, prompt []byte) ([]byte, error) {
	var v mahjongpb.View
	if err := proto.Unmarshal(view, &v); err != nil {
		return nil, fmt.Errorf("swarm: view: %w", err)
	}
	var p mahjongpb.Prompt
	if err := proto.Unmarshal(prompt, &p); err != nil {
		return nil, fmt.Errorf("swarm: prompt: %w", err)
	}
	for _, k := range p.GetDiscard() {
		if k >= mahjong.NumKinds { // those of a view are looked at by who keeps it
			return nil, fmt.Errorf("swarm: prompt: %d is no kind of tile", k)
		}
	}
	move := choose(r, v.GetHand(), &p)
	if move == nil {
		return nil, fmt.Errorf("swarm: prompt: %v asks nothing that can be answered", p.GetKind())
	}
	return proto.Marshal(move)
}

func choose(r *rand.Rand, hand []uint32, p *mahjongpb.Prompt) *mahjongpb.Move {
	switch p.GetKind() {
	case mahjongpb.Prompt_SWAP:
		if three := smallSuit(hand, 3); three != nil {
			return &mahjongpb.Move{Answer: &mahjongpb.Move_Swap{Swap: &mahjongpb.Swap{Tiles: three[:3]}}}
		}
	case mahjongpb.Prompt_VOID:
		var suits [3]int
		for _, t := range hand {
			suits[suitOf(t)]++
		}
		void := uint32(0)
		for s, n := range suits {
			if n < suits[void] {
				void = uint32(s)
			}
		}
		return &mahjongpb.Move{Answer: &mahjongpb.Move_Void{Void: void}}
	case mahjongpb.Prompt_TURN:
		switch {
		case p.GetHu():
			return call(mahjongpb.Call_HU)
		case len(p.GetAnGang()) > 0 && chance(r):
			return &mahjongpb.Move{Answer: &mahjongpb.Move_AnGang{AnGang: p.GetAnGang()[0]}}
		case len(p.GetBuGang()) > 0 && chance(r):
			return &mahjongpb.Move{Answer: &mahjongpb.Move_BuGang{BuGang: p.GetBuGang()[0]}}
		case len(p.GetDiscard()) > 0:
			return &mahjongpb.Move{Answer: &mahjongpb.Move_Discard{Discard: loneliest(hand, p.GetDiscard())}}
		}
	case mahjongpb.Prompt_CLAIM, mahjongpb.Prompt_ROB:
		switch {
		case p.GetHu():
			return call(mahjongpb.Call_HU)
		case p.GetGang() && chance(r):
			return call(mahjongpb.Call_GANG)
		case p.GetPeng() && chance(r):
			return call(mahjongpb.Call_PENG)
		}
		return call(mahjongpb.Call_PASS)
	}
	return nil
}

func call(c mahjongpb.Call) *mahjongpb.Move {
	return &mahjongpb.Move{Answer: &mahjongpb.Move_Call{Call: c}}
}

func chance(r *rand.Rand) bool { return r.IntN(2) == 0 }

func suitOf(tile uint32) mahjong.Suit { return mahjong.Kind(tile).Suit() }

// smallSuit gives the tiles of the suit that has the fewest of them, but no fewer
// than least; nil if none has.
func smallSuit(hand []uint32, least int) []uint32 {
	var suits [3][]uint32
	for _, t := range hand {
		s := suitOf(t)
		suits[s] = append(suits[s], t)
	}
	var best []uint32
	for _, tiles := range suits {
		if len(tiles) >= least && (best == nil || len(tiles) < len(best)) {
			best = tiles
		}
	}
	return best
}

// loneliest is the tile among offered with the fewest like it and beside it in hand.
func loneliest(hand, offered []uint32) uint32 {
	// A place for each kind, with two empty ones between the suits and at the ends.
	const perSuit = 9
	var count [3*(perSuit+2) + 2]int
	at := func(t uint32) int {
		kind := int(t)
		return kind + kind/perSuit*2 + 2
	}
	for _, t := range hand {
		count[at(t)]++
	}
	best, fewest := offered[0], 1<<30
	for _, t := range offered {
		i := at(t)
		worth := 4*count[i] + 2*(count[i-1]+count[i+1]) + count[i-2] + count[i+2]
		if worth < fewest {
			best, fewest = t, worth
		}
	}
	return best
}
