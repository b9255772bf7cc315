package mahjong

// What comes before play: the swap of three tiles and the void suits.

// chooseSwap takes a seat's three tiles for the swap.
func (h *Hand) chooseSwap(c Command) error {
	if c.Action != ActSwap {
		return ErrNotOffered
	}
	a, b, d := c.Tiles[0], c.Tiles[1], c.Tiles[2]
	s := &h.seats[c.Seat]
	for _, t := range c.Tiles {
		if !s.tiles.has(t) {
			return ErrTileNotHeld
		}
	}
	suit := a.Kind().Suit()
	mixed := b.Kind().Suit() != suit || d.Kind().Suit() != suit
	if a == b || b == d || a == d || mixed && h.rules.SwapSuits == suitsSame {
		return ErrSwapTiles
	}
	var chosen tileSet
	for _, t := range c.Tiles {
		chosen.add(t)
	}
	s.given = chosen.tiles()
	h.answered(c)
	if !h.anyAsked() {
		h.swap()
	}
	return nil
}

func (h *Hand) swap() {
	e := newEvent(EventSwap, -1)
	e.Dir, e.Shown = h.swapDir(), new(Shown)
	for i := range h.seats {
		for _, t := range h.seats[i].given {
			h.seats[i].remove(t)
		}
	}
	for i := range h.seats {
		given, to := h.seats[i].given, (i+e.Dir)%Seats
		for _, t := range given {
			h.seats[to].add(t)
		}
		h.seats[to].received = given
		e.Shown.Given[i], e.Shown.Received[to] = clone(given), clone(given)
	}
	e.Shown.Hands = h.hands()
	h.emit(e)
	h.startVoid()
}

// swapDir is the direction of the swap: the rules' if they fix one, else the deal's.
func (h *Hand) swapDir() int {
	if h.rules.SwapDir != 0 {
		return h.rules.SwapDir
	}
	return h.deal.SwapDir
}

func (h *Hand) startVoid() {
	h.phase = PhaseVoid
	h.askAll(PromptVoid)
}

// chooseVoid takes a seat's void suit.
func (h *Hand) chooseVoid(c Command) error {
	if c.Action != ActVoid || !c.Suit.Valid() {
		return ErrNotOffered
	}
	h.seats[c.Seat].void = c.Suit
	h.answered(c)
	if h.anyAsked() {
		return nil
	}
	e := newEvent(EventVoid, -1)
	for i := range h.seats {
		e.Suits[i] = h.seats[i].void
	}
	h.emit(e)
	h.startPlay()
	return nil
}

// startPlay gives the first turn to the dealer or, if the dealer has brought nothing to lose, to
// the next seat.
func (h *Hand) startPlay() {
	h.turn = turn{seat: h.deal.Dealer, drawn: NoTile, opening: true, gang: -1}
	h.dropBankrupt()
	switch {
	case h.ended():
	case h.plays(h.deal.Dealer):
		h.askTurn()
	default:
		h.advance(h.deal.Dealer)
	}
}
