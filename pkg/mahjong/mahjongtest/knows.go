package mahjongtest

import "teahouse/pkg/mahjong"

// tiles is a set of tiles.
type tiles [mahjong.NumTiles]bool

func (s *tiles) add(list ...mahjong.Tile) {
	for _, t := range list {
		s[t] = true
	}
}

// see adds the tiles that an event shows to viewer.
func (s *tiles) see(e *mahjong.Event, viewer int) {
	own := viewer >= 0 && e.Seat == viewer
	switch e.Kind {
	case mahjong.EventDeal:
		if viewer >= 0 {
			s.add(e.Shown.Hands[viewer]...)
		}
	case mahjong.EventSwap:
		if viewer >= 0 {
			s.add(e.Shown.Received[viewer]...)
		}
	case mahjong.EventDraw:
		if own {
			s.add(e.Tile)
		}
	case mahjong.EventDiscard, mahjong.EventBuGang:
		s.add(e.Tile)
	case mahjong.EventPeng, mahjong.EventGang:
		if own || !e.Meld.Hidden {
			s.add(e.Meld.Tiles...)
		}
	case mahjong.EventHu:
		s.add(e.Win.Tile)
		if e.Shown != nil {
			s.add(e.Shown.Hands[e.Seat]...)
		}
	case mahjong.EventEnd:
		for seat := range mahjong.Seats {
			s.add(e.Shown.Hands[seat]...)
			for _, m := range e.Shown.Melds[seat] {
				s.add(m.Tiles...)
			}
		}
	}
}
