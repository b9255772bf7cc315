package mahjongtest

import (
	"reflect"

	"teahouse/pkg/mahjong"
)

// alike reports whether two events with all hidden tiles are the same except for tiles that the
// viewer does not know. If not, something public differs, and from there on the viewer may tell the
// two hands apart.
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

// sameItems compares payments. It ignores the events' numbers, which the engine must get right: it
// counts only what everybody is told of.
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
