package mahjong

// Shape is a hand as the evaluator sees it.
type Shape struct {
	Concealed Counts
	Melds     []MeldShape // at most four
	Void      Suit        // the own void suit; NoSuit where none is chosen
}

// MeldShape is the relevant part of a meld.
type MeldShape struct {
	Type MeldKind
	Kind Kind
}

// size is the number of tiles of the meld.
func (m MeldShape) size() uint8 {
	if m.Type == Peng {
		return 3
	}
	return 4
}

// suitCodes packs the concealed tiles into table indexes, one per suit.
func (c *Counts) suitCodes() (codes [3]uint32) {
	for s := range codes {
		n := c[s*9 : s*9+9 : s*9+9]
		codes[s] = uint32(n[0]) + uint32(n[1])*5 + uint32(n[2])*25 +
			uint32(n[3])*125 + uint32(n[4])*625 + uint32(n[5])*3125 +
			uint32(n[6])*15625 + uint32(n[7])*78125 + uint32(n[8])*390625
	}
	return codes
}

// suits returns the suits in hand and melds, one bit each.
func (s *Shape) suits(codes *[3]uint32) (mask uint8) {
	for i, code := range codes {
		if code != 0 {
			mask |= 1 << i
		}
	}
	for _, m := range s.Melds {
		mask |= 1 << m.Kind.Suit()
	}
	return mask
}

// suitsFit reports whether a hand of these suits can win: at most two suits, none of them the void
// suit.
func suitsFit(mask uint8, void Suit) bool {
	return mask != 7 && (!void.Valid() || mask>>void&1 == 0)
}

// read multiplies one field of three entries: formPair for a complete hand.
func read(a, b, c uint8, shift int) uint8 {
	return (a >> shift & formMask) * (b >> shift & formMask) * (c >> shift & formMask)
}

// Win reports whether the concealed tiles, including the winning tile (14 less three per meld),
// complete the hand: four sets and a pair or seven pairs, in at most two suits, without a tile of
// the void suit.
func (s *Shape) Win() bool {
	codes := s.Concealed.suitCodes()
	a, b, c := suitTable[codes[0]], suitTable[codes[1]], suitTable[codes[2]]
	if read(a, b, c, plainShift) != formPair && (a&b&c&evenBit == 0 || len(s.Melds) > 0) {
		return false
	}
	return suitsFit(s.suits(&codes), s.Void) && s.Concealed.Len()+3*len(s.Melds) == 14
}

// Waits returns the kinds that complete the concealed tiles (13 less three per meld), without kinds
// of which the hand itself holds all four.
func (s *Shape) Waits() KindSet {
	codes := s.Concealed.suitCodes()
	mask := s.suits(&codes)
	if !suitsFit(mask, s.Void) {
		return 0
	}
	entries := [3]uint8{suitTable[codes[0]], suitTable[codes[1]], suitTable[codes[2]]}
	var waits KindSet
	for suit := range 3 {
		if !suitsFit(mask|1<<suit, s.Void) {
			continue
		}
		x, y := entries[(suit+1)%3], entries[(suit+2)%3]
		// want is the entry that the new tile's suit must have: with the pair, unless the other
		// two have it.
		var want uint8
		switch read(x, y, formSets, plainShift) {
		case formSets:
			want = formPair
		case formPair:
			want = formSets
		}
		if len(s.Melds) == 0 {
			want |= x & y & evenBit
		}
		if want == 0 {
			continue
		}
		for rank := range 9 {
			k := suit*9 + rank
			if s.Concealed[k] < 4 && suitTable[codes[suit]+powers[rank]]&want != 0 {
				waits |= 1 << k
			}
		}
	}
	return waits &^ s.exhausted()
}

// exhausted returns the kinds of which hand and melds hold all four.
func (s *Shape) exhausted() KindSet {
	var all KindSet
	for _, m := range s.Melds {
		if s.Concealed[m.Kind]+m.size() == 4 {
			all |= 1 << m.Kind
		}
	}
	return all // the look-up already excludes four concealed ones
}
