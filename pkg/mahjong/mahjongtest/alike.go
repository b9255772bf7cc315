package mahjongtest

import (
	"reflect"

	"teahouse/pkg/mahjong"
)

// alike says whether two events, seen by somebody who sees everything, are the same but
// for tiles that the viewer does not know. Where this is false, something public differs,
// and from there on the two hands may be told apart.
func (m *mirror) alike(a, b *mahjong.Event) bool {
	if a.Kind != b.Kind || a.Seat != b.Seat || a.From != b.From || a.Replacement != b.Replacement ||
		a.Dir != b.Dir || a.Suits != b.Suits || !sameItems(a.Items, b.Items) ||
		!reflect.DeepEqual(a.Win, b.Win) || !reflect.DeepEqual(a.End, b.End) {
		return false
	}
	switch a.Kind {
	case mahjong.EventDraw:
		return m.x[a.Tile] == b.Tile && (a.Seat != m.viewer || a.Tile == b.Tile)
	case mahjong.EventSwap:
		return m.viewer < 0 || reflect.DeepEqual(a.Shown.Hands[m.viewer], b.Shown.Hands[m.viewer])
	case mahjong.EventGang:
		hidden := a.Meld.Hidden && a.Seat != m.viewer
		return a.Meld.Type == b.Meld.Type && (hidden || reflect.DeepEqual(a.Meld, b.Meld))
	case mahjong.EventPeng:
		return reflect.DeepEqual(a.Meld, b.Meld)
	case mahjong.EventHu, mahjong.EventEnd:
		return reflect.DeepEqual(a.Shown, b.Shown)
	}
	return a.Tile == b.Tile
}

// sameItems compares payments. That each names its event's number is the engine's to get
// right: it counts only what everybody hears of.
func sameItems(a, b []mahjong.Item) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i].Why != b[i].Why || a[i].From != b[i].From || a[i].To != b[i].To || a[i].Points != b[i].Points {
			return false
		}
	}
	return true
}
