package tablegame

import (
	"errors"
	"fmt"
	"slices"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"teahouse/pkg/game"
	"teahouse/pkg/mahjong"
	"teahouse/pkg/mahjong/tablegame/mahjongpb"
	"teahouse/pkg/wire"
	"teahouse/pkg/wire/wirepb"
)

// follower implements game.Follower. Events come over a network: what no hand would tell is
// an error, and leaves the view as it was or half changed.
type follower struct {
	rules mahjong.Rules
	view  *mahjongpb.View
}

func (g *sichuan) Follow(seat int, rules, view []byte) (game.Follower, error) {
	if seat < game.Public || seat >= mahjong.Seats {
		return nil, fmt.Errorf("tablegame: no seat %d", seat)
	}
	parsed, err := mahjong.ParseRules(rules)
	if err != nil {
		return nil, fmt.Errorf("tablegame: %w", err)
	}
	f := &follower{rules: parsed, view: &mahjongpb.View{Seat: encodeSeat(seat)}}
	if view == nil {
		return f, nil
	}
	if err := proto.Unmarshal(view, f.view); err != nil {
		return nil, fmt.Errorf("tablegame: view: %w", err)
	}
	if len(f.view.Seats) != mahjong.Seats || f.own() != seat {
		return nil, errors.New("tablegame: this is no view of that seat")
	}
	if err := onlyKinds(f.view); err != nil {
		return nil, err
	}
	return f, nil
}

func (f *follower) View() []byte { return marshal(f.view) }

func (f *follower) Told(event []byte) error {
	var e mahjongpb.Event
	if err := proto.Unmarshal(event, &e); err != nil {
		return fmt.Errorf("tablegame: event: %w", err)
	}
	if err := onlyKinds(&e); err != nil {
		return err
	}
	if deal := e.GetDeal(); deal != nil {
		return f.dealt(deal)
	}
	if len(f.view.Seats) != mahjong.Seats {
		return errors.New("tablegame: an event before the deal")
	}
	if err := f.happened(&e); err != nil {
		return err
	}
	for _, i := range e.Items {
		from, err := f.seat(i.From)
		if err != nil {
			return err
		}
		to, err := f.seat(i.To)
		if err != nil {
			return err
		}
		from.Score -= i.Points
		to.Score += i.Points
	}
	return nil
}

// onlyKinds refuses what shows a tile that is none, or an id: a server of another protocol does.
// Whoever decides by the view relies on it.
func onlyKinds(m proto.Message) (err error) {
	wire.Tiles(m, func(field protoreflect.FieldDescriptor, what wirepb.TileField, value uint32) {
		if what != wirepb.TileField_TILE_KIND || value >= mahjong.NumKinds {
			err = fmt.Errorf("tablegame: %s shows %d, which is no kind of tile", field.FullName(), value)
		}
	})
	return err
}

// own is the seat whose view it is, or game.Public.
func (f *follower) own() int {
	if f.view.Seat == nil {
		return game.Public
	}
	return int(*f.view.Seat)
}

// seat is what is public of a seat.
func (f *follower) seat(seat uint32) (*mahjongpb.SeatView, error) {
	if seat >= mahjong.Seats {
		return nil, fmt.Errorf("tablegame: no seat %d", seat)
	}
	return f.view.Seats[seat], nil
}

// dealtTiles is how many tiles of the wall a deal takes.
const dealtTiles = 13*mahjong.Seats + 1

func (f *follower) dealt(d *mahjongpb.Deal) error {
	if d.Dealer >= mahjong.Seats {
		return fmt.Errorf("tablegame: no seat %d", d.Dealer)
	}
	f.view = &mahjongpb.View{
		Seat: f.view.Seat, Dealer: d.Dealer, Phase: mahjongpb.View_VOID, Wall: mahjong.NumTiles - dealtTiles, Hand: d.Hand,
	}
	if f.rules.Swap {
		f.view.Phase = mahjongpb.View_SWAP
	}
	for seat := range uint32(mahjong.Seats) {
		s := &mahjongpb.SeatView{Concealed: 13}
		if seat == d.Dealer {
			s.Concealed++
		}
		f.view.Seats = append(f.view.Seats, s)
	}
	return nil
}

func (f *follower) happened(e *mahjongpb.Event) error {
	v := f.view
	switch b := e.Body.(type) {
	case *mahjongpb.Event_Answered:
		switch a := b.Answered.GetMove().GetAnswer().(type) {
		case *mahjongpb.Move_Swap:
			v.Given = sorted(a.Swap.Tiles)
		case *mahjongpb.Move_Void:
			v.Void = &a.Void
		}
		return nil
	case *mahjongpb.Event_Swapped:
		v.Phase, v.SwapDirection = mahjongpb.View_VOID, b.Swapped.Direction
		v.Given, v.Received, v.Hand = b.Swapped.Given, b.Swapped.Received, b.Swapped.Hand
		return nil
	case *mahjongpb.Event_Voids:
		if len(b.Voids.Suits) != mahjong.Seats {
			return fmt.Errorf("tablegame: %d void suits", len(b.Voids.Suits))
		}
		for seat, suit := range b.Voids.Suits {
			v.Seats[seat].Void = &suit
		}
		f.turn(v.Dealer)
		return nil
	case *mahjongpb.Event_Draw:
		return f.drawn(b.Draw)
	case *mahjongpb.Event_Discard:
		return f.discarded(b.Discard)
	case *mahjongpb.Event_BuGangDeclared:
		if _, err := f.seat(b.BuGangDeclared.Seat); err != nil {
			return err
		}
		f.opened(mahjongpb.View_ROB, b.BuGangDeclared.Seat, b.BuGangDeclared.Tile)
		return nil
	case *mahjongpb.Event_Peng:
		if err := f.melded(b.Peng.Seat, b.Peng.Meld); err != nil {
			return err
		}
		f.turn(b.Peng.Seat)
		return nil
	case *mahjongpb.Event_Gang:
		if err := f.melded(b.Gang.Seat, b.Gang.Meld); err != nil {
			return err
		}
		f.turn(b.Gang.Seat) // until the replacement is drawn, or the hand ends
		return nil
	case *mahjongpb.Event_Win:
		return f.won(b.Win)
	case *mahjongpb.Event_Left:
		s, err := f.seat(b.Left.Seat)
		if err == nil {
			s.Out = true
		}
		return err
	case *mahjongpb.Event_HandOver:
		return f.over(b.HandOver)
	}
	return errors.New("tablegame: an event of no kind")
}

// turn begins the turn of a seat.
func (f *follower) turn(seat uint32) {
	f.view.Phase, f.view.Turn, f.view.Open, f.view.Drawn = mahjongpb.View_TURN, &seat, nil, nil
}

// opened begins the time in which others may claim a tile of seat.
func (f *follower) opened(phase mahjongpb.View_Phase, seat uint32, tile *uint32) {
	f.view.Phase, f.view.Turn, f.view.Open, f.view.Drawn = phase, &seat, tile, nil
}

func (f *follower) drawn(d *mahjongpb.Draw) error {
	s, err := f.seat(d.Seat)
	if err != nil {
		return err
	}
	f.turn(d.Seat)
	s.Concealed++
	f.view.Wall = d.Wall
	if int(d.Seat) == f.own() {
		if d.Tile == nil {
			return errors.New("tablegame: an own draw without a tile")
		}
		f.view.Drawn = d.Tile
		f.view.Hand = sorted(append(f.view.Hand, *d.Tile))
	}
	return nil
}

func (f *follower) discarded(d *mahjongpb.Discard) error {
	s, err := f.seat(d.Seat)
	if err != nil {
		return err
	}
	if d.Tile == nil {
		return errors.New("tablegame: a discard without a tile")
	}
	if err := f.lose(d.Seat, *d.Tile, 1); err != nil {
		return err
	}
	s.River, s.ClaimedBy = append(s.River, *d.Tile), append(s.ClaimedBy, 0)
	f.opened(mahjongpb.View_CLAIM, d.Seat, d.Tile)
	return nil
}

// lose takes n tiles of a kind out of a seat's hand.
func (f *follower) lose(seat, kind uint32, n int) error {
	s := f.view.Seats[seat]
	if s.Concealed < uint32(n) {
		return fmt.Errorf("tablegame: seat %d has no %d tiles", seat, n)
	}
	s.Concealed -= uint32(n)
	if int(seat) == f.own() {
		hand, taken := take(f.view.Hand, kind, n)
		if taken < n {
			return fmt.Errorf("tablegame: %d tiles of kind %d, and the hand has %d", n, kind, taken)
		}
		f.view.Hand = hand
	}
	return nil
}

// take removes up to n of a kind from a sorted list.
func take(hand []uint32, kind uint32, n int) (rest []uint32, taken int) {
	for _, k := range hand {
		if k == kind && taken < n {
			taken++
			continue
		}
		rest = append(rest, k)
	}
	return rest, taken
}

func (f *follower) melded(seat uint32, m *mahjongpb.Meld) error {
	s, err := f.seat(seat)
	if err != nil {
		return err
	}
	own := 0 // of its tiles, from the hand
	switch m.GetType() {
	case mahjongpb.Meld_PENG:
		own = 2
	case mahjongpb.Meld_ZHI_GANG:
		own = 3
	case mahjongpb.Meld_BU_GANG:
		own = 1
	case mahjongpb.Meld_AN_GANG:
		own = 4
	}
	if own == 0 || m.Kind == nil && m.Type != mahjongpb.Meld_AN_GANG {
		return errors.New("tablegame: a meld of nothing")
	}
	if err := f.lose(seat, m.GetKind(), own); err != nil {
		return err
	}
	if m.Type == mahjongpb.Meld_ZHI_GANG || m.Type == mahjongpb.Meld_AN_GANG {
		// What a winner has shown never includes the tile that it has just drawn.
		s.Hand, _ = take(s.Hand, m.GetKind(), 3)
	}
	switch m.Type {
	case mahjongpb.Meld_PENG, mahjongpb.Meld_ZHI_GANG:
		if err := f.claimed(m.GetFrom(), seat); err != nil {
			return err
		}
	case mahjongpb.Meld_BU_GANG:
		at := slices.IndexFunc(s.Melds, func(old *mahjongpb.Meld) bool {
			return old.Type == mahjongpb.Meld_PENG && old.GetKind() == m.GetKind()
		})
		if at < 0 {
			return errors.New("tablegame: a bu-gang without its peng")
		}
		s.Melds[at] = m
		return nil
	}
	s.Melds = append(s.Melds, m)
	return nil
}

// claimed takes the newest discard of a seat out of its river.
func (f *follower) claimed(from, by uint32) error {
	s, err := f.seat(from)
	if err != nil {
		return err
	}
	if len(s.ClaimedBy) == 0 {
		return fmt.Errorf("tablegame: seat %d has discarded nothing", from)
	}
	if last := &s.ClaimedBy[len(s.ClaimedBy)-1]; *last == 0 { // else by the first of several winners
		*last = by + 1
	}
	return nil
}

func (f *follower) won(w *mahjongpb.Win) error {
	s, err := f.seat(w.Seat)
	if err != nil {
		return err
	}
	if w.Tile == nil {
		return errors.New("tablegame: a win without a tile")
	}
	xueliu := f.rules.Mode == mahjong.ModeXueliu
	switch w.How {
	case mahjongpb.Win_DIANPAO:
		err = f.claimed(w.From, w.Seat)
	case mahjongpb.Win_QIANGGANG:
		// The first of several winners takes the tile.
		if f.view.Phase == mahjongpb.View_ROB {
			err = f.lose(w.From, *w.Tile, 1)
		}
	case mahjongpb.Win_ZIMO:
		if xueliu {
			err = f.lose(w.Seat, *w.Tile, 1)
		}
	}
	if err != nil {
		return err
	}
	if f.view.Turn == nil {
		return errors.New("tablegame: a win before the first turn")
	}
	f.turn(*f.view.Turn)
	s.Out, s.Locked = !xueliu || s.Out, xueliu
	s.Hand = w.Hand
	w.Hand = nil
	s.Wins = append(s.Wins, w)
	return nil
}

func (f *follower) over(o *mahjongpb.HandOver) error {
	if len(o.Hands) != mahjong.Seats || len(o.Melds) != mahjong.Seats {
		return errors.New("tablegame: an end without all hands")
	}
	v := f.view
	for seat, s := range v.Seats {
		s.Hand, s.Melds = o.Hands[seat].GetTiles(), o.Melds[seat].GetMelds()
	}
	v.Phase, v.Turn, v.Open, v.Drawn, v.End = mahjongpb.View_END, nil, nil, nil, o.End
	return nil
}

func sorted(kinds []uint32) []uint32 {
	kinds = slices.Clone(kinds)
	slices.Sort(kinds)
	return kinds
}
