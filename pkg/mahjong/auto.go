package mahjong

// Auto returns auto-play's answer to the open prompt of a seat: hu whenever it is offered, never a
// peng or gang, else as after a timeout. It is a pure function of the seat's own view. Without an
// open prompt it returns the zero Command.
func (h *Hand) Auto(i int) Command {
	if i < 0 || i >= Seats || h.asked[i].serial == 0 {
		return Command{}
	}
	if h.asked[i].offer.hu {
		return Command{Action: ActHu, Seat: i}
	}
	return h.timeout(i)
}

// timeout returns the command for a seat whose time is over.
func (h *Hand) timeout(i int) Command {
	s := &h.seats[i]
	switch h.asked[i].kind {
	case PromptSwap:
		return Command{Action: ActSwap, Seat: i, Tiles: s.fallbackSwap()}
	case PromptVoid:
		return Command{Action: ActVoid, Seat: i, Suit: s.shortestSuit(0)}
	case PromptTurn:
		return Command{Action: ActDiscard, Seat: i, Tile: h.fallbackDiscard(i)}
	default:
		return Command{Action: ActPass, Seat: i}
	}
}

// shortestSuit returns the suit of the fewest tiles among those of at least least tiles,
// the lowest number on a tie.
func (s *seat) shortestSuit(least int) Suit {
	best, fewest := NoSuit, NumTiles
	for suit := Wan; suit <= Tiao; suit++ {
		if n := s.counts.InSuit(suit); n >= least && n < fewest {
			best, fewest = suit, n
		}
	}
	return best
}

// fallbackSwap returns the three highest tiles of the shortest suit that has three.
func (s *seat) fallbackSwap() (chosen [3]Tile) {
	suit := s.shortestSuit(3)
	left := s.tiles
	for n := 0; n < len(chosen); {
		t := left.highest()
		left.remove(t)
		if t.Kind().Suit() == suit {
			chosen[n] = t
			n++
		}
	}
	return chosen
}

// fallbackDiscard returns the highest tile of the void suit, else the drawn tile, else
// the highest tile.
func (h *Hand) fallbackDiscard(i int) Tile {
	may := h.asked[i].offer.discard
	if !h.locked(i) && h.seats[i].holdsVoid() || h.turn.drawn == NoTile {
		return may.highest()
	}
	return h.turn.drawn
}
