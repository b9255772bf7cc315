package mahjong

import "math/bits"

// Sizes of the game.
const (
	Seats    = 4   // seats 0..3; the next seat in play order is (seat+1)%4
	NumTiles = 108 // physical tiles
	NumKinds = 27  // kinds of four tiles each
)

// Tile is one physical tile, 0..107. The ids 4k..4k+3 are the four tiles of kind k.
type Tile uint8

// NoTile stands for "no tile" and for a tile that the viewer may not know.
const NoTile Tile = 255

// Kind returns the kind of a tile. It must not be called on NoTile.
func (t Tile) Kind() Kind { return Kind(t / 4) }

// Valid reports whether t is one of the 108 tiles.
func (t Tile) Valid() bool { return t < NumTiles }

// Kind is the face of a tile, 0..26: wan 1-9, then tong 1-9, then tiao 1-9.
type Kind uint8

// NoKind stands for a kind that the viewer may not know.
const NoKind Kind = 255

// Suit returns the suit of a kind.
func (k Kind) Suit() Suit { return Suit(k / 9) }

// Rank returns the number on the tile, 1..9.
func (k Kind) Rank() int { return int(k%9) + 1 }

// Valid reports whether k is one of the 27 kinds.
func (k Kind) Valid() bool { return k < NumKinds }

// terminal reports whether the kind is a 1 or a 9.
func (k Kind) terminal() bool { r := k % 9; return r == 0 || r == 8 }

// String writes a kind as rank and suit letter: m wan, p tong, s tiao.
func (k Kind) String() string {
	if !k.Valid() {
		return "?"
	}
	return string([]byte{'1' + byte(k%9), "mps"[k/9]})
}

// Suit is one of the three suits.
type Suit uint8

// The suits. NoSuit stands for a suit not chosen, or not yet revealed.
const (
	Wan    Suit = 0
	Tong   Suit = 1
	Tiao   Suit = 2
	NoSuit Suit = 255
)

// Valid reports whether s is one of the three suits.
func (s Suit) Valid() bool { return s <= Tiao }

// Counts is a multiset of kinds: how many tiles of each kind, 0..4.
type Counts [NumKinds]uint8

// Count counts tiles by kind.
func Count(tiles []Tile) Counts {
	var c Counts
	for _, t := range tiles {
		c[t.Kind()]++
	}
	return c
}

// Len is the number of tiles in c.
func (c *Counts) Len() int {
	n := 0
	for _, v := range c {
		n += int(v)
	}
	return n
}

// InSuit is the number of tiles of suit s in c.
func (c *Counts) InSuit(s Suit) int {
	n := 0
	for _, v := range c[int(s)*9 : int(s)*9+9] {
		n += int(v)
	}
	return n
}

// KindSet is a set of kinds, one bit each.
type KindSet uint32

// Has reports whether k is in the set.
func (s KindSet) Has(k Kind) bool { return s>>k&1 != 0 }

// With returns the set with k added.
func (s KindSet) With(k Kind) KindSet { return s | 1<<k }

// Len is the number of kinds in the set.
func (s KindSet) Len() int { return bits.OnesCount32(uint32(s)) }

// Kinds lists the set in ascending order; nil for the empty set.
func (s KindSet) Kinds() []Kind {
	if s == 0 {
		return nil
	}
	out := make([]Kind, 0, s.Len())
	for ; s != 0; s &= s - 1 {
		out = append(out, Kind(bits.TrailingZeros32(uint32(s))))
	}
	return out
}

// tileSet is a set of physical tiles, one bit each. Kind k owns the nibble k: since
// 64 is a multiple of four no kind lies across the two words.
type tileSet [2]uint64

func (s *tileSet) has(t Tile) bool { return t.Valid() && s[t>>6]>>(t&63)&1 != 0 }
func (s *tileSet) add(t Tile)      { s[t>>6] |= 1 << (t & 63) }
func (s *tileSet) remove(t Tile)   { s[t>>6] &^= 1 << (t & 63) }
func (s *tileSet) len() int        { return bits.OnesCount64(s[0]) + bits.OnesCount64(s[1]) }

// tiles lists the set in ascending order.
func (s *tileSet) tiles() []Tile {
	out := make([]Tile, 0, s.len())
	for w, word := range s {
		for ; word != 0; word &= word - 1 {
			out = append(out, Tile(w*64+bits.TrailingZeros64(word)))
		}
	}
	return out
}

// highest returns the highest id in the set, NoTile if it is empty.
func (s *tileSet) highest() Tile {
	if s[1] != 0 {
		return Tile(127 - bits.LeadingZeros64(s[1]))
	}
	if s[0] != 0 {
		return Tile(63 - bits.LeadingZeros64(s[0]))
	}
	return NoTile
}

// takeKind removes the n lowest tiles of kind k and returns them.
func (s *tileSet) takeKind(k Kind, n int) []Tile {
	out := make([]Tile, 0, 4)
	for t := Tile(k * 4); t < Tile(k*4+4) && len(out) < n; t++ {
		if s.has(t) {
			s.remove(t)
			out = append(out, t)
		}
	}
	return out
}
