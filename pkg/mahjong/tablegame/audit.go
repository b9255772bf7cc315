package tablegame

import (
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"teahouse/pkg/mahjong"
	"teahouse/pkg/mahjong/tablegame/mahjongpb"
	"teahouse/pkg/wire/wirepb"
)

// Audit follows a hand with all its hidden tiles, and says which tiles each seat may know. It works
// from the engine's full events and shares nothing with the code that projects them:
//
//	var audit tablegame.Audit
//	g, err := tablegame.New(tablegame.Config{Observe: audit.Observe})
//	// replay a hand with g; after each step, for what a seat was told by it:
//	hidden := audit.Hidden(seat, message)
//
// The zero value is ready. It is not safe for concurrent use.
type Audit struct {
	known  [mahjong.Seats][mahjong.NumTiles]bool // by id: the same tile counts once
	hidden []mahjong.Tile                        // of an-gangs that only their owners may look at
	// options caches what each field seen so far carries: looking it up takes longer than all the
	// rest.
	options map[protoreflect.FieldDescriptor]wirepb.TileField
}

// Observe takes one event of the hand; a deal starts afresh.
func (a *Audit) Observe(e mahjong.Event) {
	switch e.Kind {
	case mahjong.EventDeal:
		a.known = [mahjong.Seats][mahjong.NumTiles]bool{}
		a.hidden = nil
		for seat, hand := range e.Shown.Hands {
			a.tell(seat, hand...)
		}
	case mahjong.EventSwap:
		for seat, received := range e.Shown.Received {
			a.tell(seat, received...)
		}
	case mahjong.EventDraw:
		a.tell(e.Seat, e.Tile)
	case mahjong.EventDiscard, mahjong.EventBuGang:
		a.tellAll(e.Tile)
	case mahjong.EventPeng, mahjong.EventGang:
		if e.Meld.Hidden {
			a.tell(e.Seat, e.Meld.Tiles...)
			a.hidden = append(a.hidden, e.Meld.Tiles...)
			return
		}
		a.tellAll(e.Meld.Tiles...)
	case mahjong.EventHu:
		a.tellAll(e.Win.Tile)
		if e.Shown != nil {
			a.tellAll(e.Shown.Hands[e.Seat]...)
		}
	case mahjong.EventEnd:
		a.tellAll(a.hidden...)
		for _, hand := range e.Shown.Hands {
			a.tellAll(hand...)
		}
	}
}

func (a *Audit) tell(seat int, tiles ...mahjong.Tile) {
	for _, t := range tiles {
		a.known[seat][t] = true
	}
}

func (a *Audit) tellAll(tiles ...mahjong.Tile) {
	for seat := range a.known {
		a.tell(seat, tiles...)
	}
}

// Knows reports whether seat may know where tile is or was: the tiles that it holds or held, all
// that were ever visible, and after the end everything but the rest of the wall.
func (a *Audit) Knows(seat int, tile mahjong.Tile) bool {
	return tile.Valid() && a.known[seat][tile]
}

// knowsKind is of how many tiles of kind seat may know.
func (a *Audit) knowsKind(seat int, kind uint64) (count int) {
	if kind >= mahjong.NumKinds {
		return 0
	}
	for t := kind * 4; t < kind*4+4; t++ {
		if a.known[seat][t] {
			count++
		}
	}
	return count
}

// Hidden counts the tiles that m shows, in fields with the option (tile) at any depth, and that
// seat may not know: a list or a meld shows as many of a kind as it has, and the seat must know of
// so many. Values that are not tiles count too, and all ids: nobody may be told which of
// its kind a tile is.
func (a *Audit) Hidden(seat int, m proto.Message) int {
	return a.count(seat, m.ProtoReflect())
}

func (a *Audit) count(seat int, m protoreflect.Message) (count int) {
	least := 1 // how many of a kind a field with one tile shows
	switch m := m.Interface().(type) {
	case *mahjongpb.Draw:
		if int(m.Seat) != seat && m.Tile != nil {
			return 1 // of whatever kind: it may have seen others of it
		}
	case *mahjongpb.Meld:
		if least = 4; m.Type == mahjongpb.Meld_PENG {
			least = 3
		}
	}
	m.Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		option := a.option(field)
		var shown [mahjong.NumKinds]int
		each := func(v protoreflect.Value) {
			switch {
			case field.Message() != nil:
				count += a.count(seat, v.Message())
			case option == wirepb.TileField_TILE_ID:
				count++
			case option == wirepb.TileField_TILE_KIND && v.Uint() >= mahjong.NumKinds:
				count++
			case option == wirepb.TileField_TILE_KIND:
				if shown[v.Uint()]++; a.knowsKind(seat, v.Uint()) < max(least, shown[v.Uint()]) {
					count++
				}
			}
		}
		if !field.IsList() {
			each(value)
			return true
		}
		for i := range value.List().Len() {
			each(value.List().Get(i))
		}
		return true
	})
	return count
}

func (a *Audit) option(field protoreflect.FieldDescriptor) wirepb.TileField {
	option, ok := a.options[field]
	if !ok {
		if a.options == nil {
			a.options = make(map[protoreflect.FieldDescriptor]wirepb.TileField)
		}
		option, _ = proto.GetExtension(field.Options(), wirepb.E_Tile).(wirepb.TileField)
		a.options[field] = option
	}
	return option
}
