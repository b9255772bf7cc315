package bot

import "teahouse/pkg/mahjong"

// Player chooses as Choose does, and faster: it remembers how tiles group, since the same
// few suits come up again and again. What it remembers never changes an answer. It takes
// about a quarter of a megabyte and is not safe for concurrent use; one for each
// goroutine that thinks is enough, however many seats it serves.
type Player struct{ memo memo }

// NewPlayer makes a Player.
func NewPlayer() *Player { return new(Player) }

// Choose gives the answer of the function Choose.
func (p *Player) Choose(rules *mahjong.Rules, view *mahjong.View) mahjong.Command {
	return choose(rules, view, &p.memo)
}

const memoBits = 14

// memo keeps the groupings of suits, each at one place that its code gives; a newer one
// takes the place of an older. The zero memo is empty, and a nil one keeps nothing.
type memo struct {
	codes  [1 << memoBits]uint32 // 0 = free: a suit without tiles is not kept
	blocks [1 << memoBits]blocks
}

func (m *memo) weigh(counts [9]uint8) blocks {
	if m == nil {
		return weigh(counts)
	}
	code := uint32(0)
	for _, n := range counts {
		code = code*5 + uint32(n)
	}
	if code == 0 {
		return weigh(counts)
	}
	at := code * 2654435769 >> (32 - memoBits) // a multiplicative hash by the golden ratio
	if m.codes[at] != code {
		m.codes[at], m.blocks[at] = code, weigh(counts)
	}
	return m.blocks[at]
}
