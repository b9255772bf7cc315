package tablegame

import (
	"google.golang.org/protobuf/proto"

	"teahouse/pkg/game"
	"teahouse/pkg/mahjong"
	"teahouse/pkg/mahjong/tablegame/mahjongpb"
	"teahouse/pkg/wire/wirepb"
)

// maxMove bounds a move's bytes; the longest one is below 20.
const maxMove = 256

// decodeMove reads seat's mahjongpb.Move; h tells which tiles the kinds are that it names. The
// result is only well formed; the engine decides whether it is legal.
func decodeMove(h *mahjong.Hand, seat int, data []byte) (mahjong.Command, error) {
	if len(data) > maxMove {
		return mahjong.Command{}, malformed("a move of %d bytes", len(data))
	}
	var m mahjongpb.Move
	if err := proto.Unmarshal(data, &m); err != nil {
		return mahjong.Command{}, malformed("not a move")
	}
	c := mahjong.Command{Seat: seat}
	switch a := m.Answer.(type) {
	case *mahjongpb.Move_Swap:
		c.Action = mahjong.ActSwap
		return decodeSwap(h, c, a.Swap)
	case *mahjongpb.Move_Void:
		if a.Void > uint32(mahjong.Tiao) {
			return c, malformed("suit %d", a.Void)
		}
		c.Action, c.Suit = mahjong.ActVoid, mahjong.Suit(a.Void)
	case *mahjongpb.Move_Discard:
		if a.Discard >= mahjong.NumKinds {
			return c, malformed("tile %d", a.Discard)
		}
		c.Action, c.Tile = mahjong.ActDiscard, h.Pick(seat, mahjong.Kind(a.Discard))[0]
	case *mahjongpb.Move_DiscardId:
		if a.DiscardId >= mahjong.NumTiles {
			return c, malformed("tile id %d", a.DiscardId)
		}
		c.Action, c.Tile = mahjong.ActDiscard, mahjong.Tile(a.DiscardId)
	case *mahjongpb.Move_AnGang:
		return decodeGang(c, mahjong.ActAnGang, a.AnGang)
	case *mahjongpb.Move_BuGang:
		return decodeGang(c, mahjong.ActBuGang, a.BuGang)
	case *mahjongpb.Move_Call:
		switch a.Call {
		case mahjongpb.Call_HU:
			c.Action = mahjong.ActHu
		case mahjongpb.Call_GANG:
			c.Action = mahjong.ActGang
		case mahjongpb.Call_PENG:
			c.Action = mahjong.ActPeng
		case mahjongpb.Call_PASS:
			c.Action = mahjong.ActPass
		default:
			return c, malformed("call %d", a.Call)
		}
	default:
		return c, malformed("a move without an answer")
	}
	return c, nil
}

func decodeSwap(h *mahjong.Hand, c mahjong.Command, m *mahjongpb.Swap) (mahjong.Command, error) {
	tiles, ids := m.GetTiles(), m.GetIds()
	switch {
	case len(tiles) == len(c.Tiles) && len(ids) == 0:
		var kinds [len(c.Tiles)]mahjong.Kind
		for i, k := range tiles {
			if k >= mahjong.NumKinds {
				return c, malformed("tile %d", k)
			}
			kinds[i] = mahjong.Kind(k)
		}
		copy(c.Tiles[:], h.Pick(c.Seat, kinds[:]...))
	case len(tiles) == 0 && len(ids) == len(c.Tiles):
		for i, t := range ids {
			if t >= mahjong.NumTiles {
				return c, malformed("tile id %d", t)
			}
			c.Tiles[i] = mahjong.Tile(t)
		}
	default:
		return c, malformed("a swap of %d tiles", len(tiles)+len(ids))
	}
	return c, nil
}

func decodeGang(c mahjong.Command, action mahjong.Action, kind uint32) (mahjong.Command, error) {
	if kind >= mahjong.NumKinds {
		return c, malformed("kind %d", kind)
	}
	c.Action, c.Kind = action, mahjong.Kind(kind)
	return c, nil
}

func malformed(format string, args ...any) error {
	return game.Errorf(wirepb.Code_MOVE_MALFORMED, format, args...)
}

// encodeMove is the inverse of decodeMove; nil for a command that players do not send.
func encodeMove(c mahjong.Command) *mahjongpb.Move {
	switch c.Action {
	case mahjong.ActSwap:
		return &mahjongpb.Move{Answer: &mahjongpb.Move_Swap{Swap: &mahjongpb.Swap{Tiles: encodeTiles(c.Tiles[:])}}}
	case mahjong.ActVoid:
		return &mahjongpb.Move{Answer: &mahjongpb.Move_Void{Void: uint32(c.Suit)}}
	case mahjong.ActDiscard:
		return &mahjongpb.Move{Answer: &mahjongpb.Move_Discard{Discard: uint32(c.Tile.Kind())}}
	case mahjong.ActAnGang:
		return &mahjongpb.Move{Answer: &mahjongpb.Move_AnGang{AnGang: uint32(c.Kind)}}
	case mahjong.ActBuGang:
		return &mahjongpb.Move{Answer: &mahjongpb.Move_BuGang{BuGang: uint32(c.Kind)}}
	case mahjong.ActHu:
		return encodeCall(mahjongpb.Call_HU)
	case mahjong.ActGang:
		return encodeCall(mahjongpb.Call_GANG)
	case mahjong.ActPeng:
		return encodeCall(mahjongpb.Call_PENG)
	case mahjong.ActPass:
		return encodeCall(mahjongpb.Call_PASS)
	}
	return nil
}

func encodeCall(c mahjongpb.Call) *mahjongpb.Move {
	return &mahjongpb.Move{Answer: &mahjongpb.Move_Call{Call: c}}
}
