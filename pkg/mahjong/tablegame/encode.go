package tablegame

import (
	"slices"

	"teahouse/pkg/mahjong"
	"teahouse/pkg/mahjong/tablegame/mahjongpb"
)

// The enums of mahjongpb have the engine's numbers; a test compares the names.

// encodeEvent encodes an event that is already projected. wall is used for a draw.
func encodeEvent(e *mahjong.Event, wall int) *mahjongpb.Event {
	m := &mahjongpb.Event{Items: encodeItems(e.Items)}
	seat := uint32(max(e.Seat, 0)) // unused if below 0
	switch e.Kind {
	case mahjong.EventDeal:
		m.Body = &mahjongpb.Event_Deal{Deal: &mahjongpb.Deal{Dealer: seat, Hand: onlyTiles(e.Shown.Hands)}}
	case mahjong.EventAnswered:
		m.Body = &mahjongpb.Event_Answered{Answered: &mahjongpb.Answered{Move: encodeMove(e.Answer)}}
	case mahjong.EventSwap:
		m.Body = &mahjongpb.Event_Swapped{Swapped: &mahjongpb.Swapped{
			Direction: uint32(e.Dir), Given: onlyTiles(e.Shown.Given), Received: onlyTiles(e.Shown.Received), Hand: onlyTiles(e.Shown.Hands),
		}}
	case mahjong.EventVoid:
		suits := make([]uint32, len(e.Suits))
		for i, s := range e.Suits {
			suits[i] = uint32(s)
		}
		m.Body = &mahjongpb.Event_Voids{Voids: &mahjongpb.Voids{Suits: suits}}
	case mahjong.EventDraw:
		m.Body = &mahjongpb.Event_Draw{Draw: &mahjongpb.Draw{
			Seat: seat, Tile: encodeTile(e.Tile), Replacement: e.Replacement, Wall: uint32(wall),
		}}
	case mahjong.EventDiscard:
		m.Body = &mahjongpb.Event_Discard{Discard: &mahjongpb.Discard{Seat: seat, Tile: encodeTile(e.Tile)}}
	case mahjong.EventPeng:
		m.Body = &mahjongpb.Event_Peng{Peng: &mahjongpb.Peng{Seat: seat, Meld: encodeMeld(e.Meld), Tile: encodeTile(e.Tile)}}
	case mahjong.EventBuGang:
		m.Body = &mahjongpb.Event_BuGangDeclared{BuGangDeclared: &mahjongpb.BuGangDeclared{Seat: seat, Tile: encodeTile(e.Tile)}}
	case mahjong.EventGang:
		m.Body = &mahjongpb.Event_Gang{Gang: &mahjongpb.Gang{Seat: seat, Meld: encodeMeld(e.Meld)}}
	case mahjong.EventHu:
		win := encodeWin(e.Win)
		if e.Shown != nil {
			win.Hand = onlyTiles(e.Shown.Hands)
		}
		m.Body = &mahjongpb.Event_Win{Win: win}
	case mahjong.EventEnd:
		m.Body = &mahjongpb.Event_HandOver{HandOver: &mahjongpb.HandOver{
			End: encodeEnd(e.End), Hands: encodeHands(e.Shown.Hands), Melds: encodeSeatMelds(e.Shown.Melds),
		}}
	case mahjong.EventLeave:
		m.Body = &mahjongpb.Event_Left{Left: &mahjongpb.Left{Seat: seat}}
	}
	return m
}

// onlyTiles returns the tiles of the only seat that a projection has left.
func onlyTiles(seats [mahjong.Seats][]mahjong.Tile) []uint32 {
	for _, tiles := range seats {
		if tiles != nil {
			return encodeTiles(tiles)
		}
	}
	return nil
}

func encodePrompt(p *mahjong.Prompt, previews []mahjong.Preview) *mahjongpb.Prompt {
	return &mahjongpb.Prompt{
		Kind: mahjongpb.Prompt_Kind(p.Kind), Hu: p.Hu, AnGang: encodeKinds(p.An), BuGang: encodeKinds(p.Bu),
		Discard: encodeChoice(p.Discard), Gang: p.Gang, Peng: p.Peng,
		Tile: encodeTile(p.Tile), From: encodeSeat(p.From), Previews: mapped(previews, encodePreview),
	}
}

func encodePreview(p mahjong.Preview) *mahjongpb.Preview {
	m := &mahjongpb.Preview{
		Later: p.Later,
		Payers: mapped(p.Pays, func(p mahjong.Pays) *mahjongpb.Payer {
			return &mahjongpb.Payer{Seat: uint32(p.From), Points: int64(p.Points)}
		}),
	}
	switch p.Action {
	case mahjong.ActHu:
		m.Answer = mahjongpb.Preview_HU
		m.Fans, m.Fan = encodeFans(&p.Score), int32(p.Score.Fan)
		m.Title, _ = p.Score.Title()
	case mahjong.ActGang:
		m.Answer = mahjongpb.Preview_GANG
	case mahjong.ActAnGang:
		m.Answer, m.Kind = mahjongpb.Preview_AN_GANG, encodeKind(p.Kind)
	case mahjong.ActBuGang:
		m.Answer, m.Kind = mahjongpb.Preview_BU_GANG, encodeKind(p.Kind)
	}
	return m
}

func encodeView(v *mahjong.View) *mahjongpb.View {
	m := &mahjongpb.View{
		Seat: encodeSeat(v.Seat), Dealer: uint32(v.Dealer), Phase: mahjongpb.View_Phase(v.Phase),
		Turn: encodeSeat(v.Turn), Open: encodeTile(v.Open), Wall: uint32(v.Wall), SwapDirection: uint32(v.SwapDir),
		Hand: encodeTiles(v.Hand), Drawn: encodeTile(v.Drawn), Given: encodeTiles(v.Given), Received: encodeTiles(v.Received),
		Void: encodeSuit(v.Void), Seats: make([]*mahjongpb.SeatView, len(v.Seats)), End: encodeEnd(v.End),
	}
	for i := range v.Seats {
		s := &v.Seats[i]
		m.Seats[i] = &mahjongpb.SeatView{
			Concealed: uint32(s.Concealed), Melds: encodeMelds(s.Melds), Void: encodeSuit(s.Void), Out: s.Out, Locked: s.Locked,
			Wins: encodeWins(s.Wins), Score: int64(s.Score), Hand: encodeTiles(s.Hand),
		}
		if len(s.River) > 0 {
			m.Seats[i].River = make([]uint32, len(s.River))
			m.Seats[i].ClaimedBy = make([]uint32, len(s.River))
			for j, r := range s.River {
				m.Seats[i].River[j], m.Seats[i].ClaimedBy[j] = uint32(r.Tile.Kind()), uint32(r.Claimer+1)
			}
		}
	}
	return m
}

func encodeSummary(r *mahjong.Result) *mahjongpb.Summary {
	return &mahjongpb.Summary{
		End: encodeEnd(&r.End), Items: encodeItems(r.Items), Wins: encodeWins(r.Wins), Hands: encodeHands(r.Hands),
		Melds: encodeSeatMelds(r.Melds),
	}
}

func encodeSeatMelds(seats [mahjong.Seats][]mahjong.Meld) []*mahjongpb.SeatMelds {
	return mapped(seats[:], func(melds []mahjong.Meld) *mahjongpb.SeatMelds {
		return &mahjongpb.SeatMelds{Melds: encodeMelds(melds)}
	})
}

func encodeItems(items []mahjong.Item) []*mahjongpb.Item {
	return mapped(items, func(i mahjong.Item) *mahjongpb.Item {
		return &mahjongpb.Item{
			Why: mahjongpb.Item_Why(i.Why), From: uint32(i.From), To: uint32(i.To), Points: int64(i.Points), Event: uint32(i.Event),
		}
	})
}

func encodeWins(wins []mahjong.Win) []*mahjongpb.Win {
	return mapped(wins, func(w mahjong.Win) *mahjongpb.Win { return encodeWin(&w) })
}

func encodeWin(w *mahjong.Win) *mahjongpb.Win {
	title, _ := w.Score.Title()
	return &mahjongpb.Win{
		Title: title, Seat: uint32(w.Seat), From: uint32(w.From), Tile: encodeTile(w.Tile), How: mahjongpb.Win_How(w.How),
		Fans: encodeFans(&w.Score),
		Raw:  int32(w.Score.Raw), Fan: int32(w.Score.Fan), Points: int64(w.Points),
	}
}

func encodeFans(s *mahjong.Score) []*mahjongpb.FanItem {
	return mapped(s.Items(), func(f mahjong.FanItem) *mahjongpb.FanItem {
		return &mahjongpb.FanItem{Id: mahjongpb.Fan(f.ID), Fan: int32(f.Fan)}
	})
}

func encodeEnd(e *mahjong.End) *mahjongpb.End {
	if e == nil {
		return nil
	}
	m := &mahjongpb.End{Reason: mahjongpb.End_Reason(e.Reason), Scores: encodeScores(e.Scores), NextDealer: uint32(e.NextDealer)}
	for _, s := range e.Status {
		m.Status = append(m.Status, mahjongpb.End_Status(s))
	}
	return m
}

func encodeScores(scores [mahjong.Seats]int) []int64 {
	return mapped(scores[:], func(s int) int64 { return int64(s) })
}

func encodeHands(hands [mahjong.Seats][]mahjong.Tile) []*mahjongpb.ShownHand {
	return mapped(hands[:], func(t []mahjong.Tile) *mahjongpb.ShownHand { return &mahjongpb.ShownHand{Tiles: encodeTiles(t)} })
}

func encodeMelds(melds []mahjong.Meld) []*mahjongpb.Meld {
	return mapped(melds, func(m mahjong.Meld) *mahjongpb.Meld { return encodeMeld(&m) })
}

func encodeMeld(m *mahjong.Meld) *mahjongpb.Meld {
	return &mahjongpb.Meld{
		Type: mahjongpb.Meld_Type(m.Type), Kind: present(uint32(m.Kind), m.Kind.Valid()),
		From: encodeSeat(m.From),
	}
}

// encodeTiles keeps the order: sorted tiles make sorted kinds.
func encodeTiles(tiles []mahjong.Tile) []uint32 {
	return mapped(tiles, func(t mahjong.Tile) uint32 { return uint32(t.Kind()) })
}

// encodeChoice names each kind once.
func encodeChoice(tiles []mahjong.Tile) []uint32 { return slices.Compact(encodeTiles(tiles)) }

func encodeKinds(kinds []mahjong.Kind) []uint32 {
	return mapped(kinds, func(k mahjong.Kind) uint32 { return uint32(k) })
}

func encodeKind(k mahjong.Kind) *uint32 { return present(uint32(k), k.Valid()) }

func encodeTile(t mahjong.Tile) *uint32 {
	if !t.Valid() {
		return nil // it has no kind
	}
	kind := uint32(t.Kind())
	return &kind
}

func encodeSuit(s mahjong.Suit) *uint32 { return present(uint32(s), s.Valid()) }
func encodeSeat(s int) *uint32          { return present(uint32(s), s >= 0) }

func present(v uint32, ok bool) *uint32 {
	if !ok {
		return nil
	}
	return &v
}

// mapped applies f to each element; nil stays nil.
func mapped[A, B any](list []A, f func(A) B) []B {
	if list == nil {
		return nil
	}
	out := make([]B, len(list))
	for i, v := range list {
		out[i] = f(v)
	}
	return out
}
