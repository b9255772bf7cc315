package tablegame

import (
	"errors"
	"fmt"

	"google.golang.org/protobuf/proto"

	"teahouse/pkg/game"
	"teahouse/pkg/mahjong"
	"teahouse/pkg/mahjong/tablegame/mahjongpb"
)

func (g *sichuan) Think(rules, view, prompt []byte, strength game.Strength) ([]byte, error) {
	var v mahjongpb.View
	if err := proto.Unmarshal(view, &v); err != nil {
		return nil, fmt.Errorf("tablegame: view: %w", err)
	}
	var p mahjongpb.Prompt
	if err := proto.Unmarshal(prompt, &p); err != nil {
		return nil, fmt.Errorf("tablegame: prompt: %w", err)
	}
	seen, err := decodeView(&v, &p)
	if err != nil {
		return nil, fmt.Errorf("tablegame: view and prompt: %w", err)
	}
	player, err := g.players.of(strength, string(rules))
	if err != nil {
		return nil, fmt.Errorf("tablegame: rules: %w", err)
	}
	move := encodeMove(player.Choose(seen))
	if move == nil {
		return nil, errors.New("tablegame: prompt: nothing is asked")
	}
	return marshal(move), nil
}

// decodeView returns a view with its prompt, without what no decision needs: what wins were
// worth, and the end of a hand. They may come over a network, so everything that the bot relies
// on is checked.
func decodeView(m *mahjongpb.View, p *mahjongpb.Prompt) (*mahjong.View, error) {
	var d decoder
	v := &mahjong.View{
		Seat: d.own(m.Seat), Dealer: d.seat(m.GetDealer()), Phase: mahjong.Phase(m.GetPhase()),
		Turn: d.optionalSeat(m.Turn), Open: d.tile(m.Open),
		Wall: int(m.GetWall()), SwapDir: int(m.GetSwapDirection()),
		Hand: d.tiles(m.GetHand()), Drawn: d.tile(m.Drawn),
		Given: d.tiles(m.GetGiven()), Received: d.tiles(m.GetReceived()),
		Void: d.suit(m.Void),
	}
	if len(m.GetSeats()) != mahjong.Seats {
		return nil, fmt.Errorf("%d seats", len(m.GetSeats()))
	}
	for i, s := range m.GetSeats() {
		v.Seats[i] = mahjong.SeatView{
			Concealed: int(s.GetConcealed()), Melds: d.melds(s.GetMelds()), River: d.river(s),
			Void: d.suit(s.Void), Out: s.GetOut(), Locked: s.GetLocked(), Score: int(s.GetScore()),
			Wins: d.wins(s.GetWins()), Hand: d.tiles(s.GetHand()),
		}
	}
	v.Prompt = mahjong.Prompt{
		Kind: mahjong.PromptKind(p.GetKind()), Hu: p.GetHu(), An: d.kinds(p.GetAnGang()), Bu: d.kinds(p.GetBuGang()),
		Discard: d.tiles(p.GetDiscard()), Gang: p.GetGang(), Peng: p.GetPeng(),
		Tile: d.tile(p.Tile), From: d.optionalSeat(p.From),
	}
	d.check(v)
	return v, d.err
}

// decoder keeps the first error, so that decoding a message is one expression.
type decoder struct {
	err error
}

func (d *decoder) fail(format string, args ...any) {
	if d.err == nil {
		d.err = fmt.Errorf(format, args...)
	}
}

// check refuses prompts that no hand would ask.
func (d *decoder) check(v *mahjong.View) {
	p := &v.Prompt
	counts := mahjong.Count(v.Hand)
	switch p.Kind {
	case mahjong.PromptSwap:
		if max(counts.InSuit(mahjong.Wan), counts.InSuit(mahjong.Tong), counts.InSuit(mahjong.Tiao)) < 3 {
			d.fail("a swap without three tiles of a suit")
		}
	case mahjong.PromptVoid:
	case mahjong.PromptTurn:
		if len(p.Discard) == 0 {
			d.fail("a turn without a discard")
		}
		for _, t := range p.Discard {
			if counts[t.Kind()] == 0 {
				d.fail("discard of %v, which is not held", t.Kind())
			}
		}
		for _, k := range p.An {
			if counts[k] != 4 {
				d.fail("an-gang of %d %v", counts[k], k)
			}
		}
		for _, k := range p.Bu {
			if counts[k] == 0 {
				d.fail("bu-gang of %v, which is not held", k)
			}
		}
	case mahjong.PromptClaim, mahjong.PromptRob:
		if !p.Tile.Valid() {
			d.fail("a claim without a tile")
		} else if n := counts[p.Tile.Kind()]; p.Gang && n < 3 || p.Peng && n < 2 {
			d.fail("a meld with %d %v in hand", n, p.Tile.Kind())
		}
	default:
		d.fail("prompt kind %d", p.Kind)
	}
	for _, m := range v.Seats[v.Seat].Melds {
		if !m.Kind.Valid() {
			d.fail("an own meld of nothing")
		}
	}
	if len(v.Hand)+3*len(v.Seats[v.Seat].Melds) > 14 {
		d.fail("%d tiles and %d melds", len(v.Hand), len(v.Seats[v.Seat].Melds))
	}
}

func (d *decoder) seat(s uint32) int {
	if s >= mahjong.Seats {
		d.fail("seat %d", s)
		return 0
	}
	return int(s)
}

func (d *decoder) own(s *uint32) int {
	if s == nil {
		d.fail("the view of who only watches")
		return 0
	}
	return d.seat(*s)
}

func (d *decoder) optionalSeat(s *uint32) int {
	if s == nil {
		return -1
	}
	return d.seat(*s)
}

func (d *decoder) suit(s *uint32) mahjong.Suit {
	if s == nil {
		return mahjong.NoSuit
	}
	if *s > uint32(mahjong.Tiao) {
		d.fail("suit %d", *s)
		return mahjong.NoSuit
	}
	return mahjong.Suit(*s)
}

// tile stands for any tile of its kind; no decision depends on which one it is.
func (d *decoder) tile(t *uint32) mahjong.Tile {
	if t == nil {
		return mahjong.NoTile
	}
	return mahjong.Tile(d.kind(*t)) * 4
}

// tiles makes different tiles of a list of kinds.
func (d *decoder) tiles(list []uint32) []mahjong.Tile {
	var seen [mahjong.NumKinds]mahjong.Tile
	var out []mahjong.Tile
	for _, k := range list {
		if k >= mahjong.NumKinds || seen[k] == 4 {
			d.fail("tile %d, unknown or a fifth time", k)
			return nil
		}
		out = append(out, mahjong.Tile(k)*4+seen[k])
		seen[k]++
	}
	return out
}

func (d *decoder) kind(k uint32) mahjong.Kind {
	if k >= mahjong.NumKinds {
		d.fail("kind %d", k)
		return 0
	}
	return mahjong.Kind(k)
}

func (d *decoder) optionalKind(k *uint32) mahjong.Kind {
	if k == nil {
		return mahjong.NoKind
	}
	return d.kind(*k)
}

func (d *decoder) kinds(list []uint32) []mahjong.Kind { return mapped(list, d.kind) }

func (d *decoder) melds(list []*mahjongpb.Meld) []mahjong.Meld {
	return mapped(list, func(m *mahjongpb.Meld) mahjong.Meld {
		meld := mahjong.Meld{Type: mahjong.MeldKind(m.GetType()), Kind: d.optionalKind(m.Kind), From: d.optionalSeat(m.From)}
		if meld.Kind.Valid() {
			meld.Tiles = []mahjong.Tile{0, 1, 2, 3}
			if meld.Type == mahjong.Peng {
				meld.Tiles = meld.Tiles[:3]
			}
			for i := range meld.Tiles {
				meld.Tiles[i] += mahjong.Tile(meld.Kind) * 4
			}
		}
		return meld
	})
}

func (d *decoder) wins(list []*mahjongpb.Win) []mahjong.Win {
	return mapped(list, func(w *mahjongpb.Win) mahjong.Win {
		return mahjong.Win{
			Seat: d.seat(w.GetSeat()), From: d.seat(w.GetFrom()), Tile: d.tile(w.Tile), How: mahjong.How(w.GetHow()),
		}
	})
}

func (d *decoder) river(s *mahjongpb.SeatView) []mahjong.RiverTile {
	if len(s.GetRiver()) != len(s.GetClaimedBy()) {
		d.fail("%d discards, %d claimers", len(s.GetRiver()), len(s.GetClaimedBy()))
		return nil
	}
	tiles := d.tiles(s.GetRiver())
	out := make([]mahjong.RiverTile, len(tiles))
	for i, t := range tiles {
		out[i] = mahjong.RiverTile{Tile: t, Claimer: -1}
		if by := s.GetClaimedBy()[i]; by > 0 {
			out[i].Claimer = d.seat(by - 1)
		}
	}
	return out
}
