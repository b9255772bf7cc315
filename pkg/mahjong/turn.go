package mahjong

// advance gives the turn to the next seat in play after i, which draws; if the wall is empty the
// hand ends.
func (h *Hand) advance(i int) {
	if h.wall() == 0 {
		h.endWall()
		return
	}
	h.turn = turn{seat: h.after(i), gang: -1}
	h.draw()
}

// drawReplacement continues the turn after a gang.
func (h *Hand) drawReplacement(seat, gang int) {
	h.turn = turn{seat: seat, replacement: true, gang: gang}
	h.draw()
}

func (h *Hand) draw() {
	s := &h.seats[h.turn.seat]
	t := h.deal.Wall[h.pos]
	h.pos++
	h.turn.drawn = t
	h.turn.first = !s.drawn
	s.drawn = true
	s.unlock()
	s.add(t)
	e := newEvent(EventDraw, h.turn.seat)
	e.Tile, e.Replacement = t, h.turn.replacement
	h.emit(e)
	h.askTurn()
}

// askTurn opens the prompt of the seat whose turn it is.
func (h *Hand) askTurn() {
	h.phase = PhaseTurn
	i := h.turn.seat
	s := &h.seats[i]
	var o offer
	if !h.turn.afterPeng {
		shape := s.shape()
		o.hu = shape.Win()
		if o.hu && h.mustHu() {
			h.selfDraw(i)
			return
		}
		if h.wall() > 0 && h.mayCall(i) {
			o.an, o.bu = h.ownGangs(i)
		}
	}
	switch {
	case h.locked(i):
		o.discard.add(h.turn.drawn)
	case s.holdsVoid():
		for _, t := range s.tiles.tiles() {
			if t.Kind().Suit() == s.void {
				o.discard.add(t)
			}
		}
	default:
		o.discard = s.tiles
	}
	h.ask(i, PromptTurn, o)
}

// Forced returns the seat whose turn leaves it no choice, because its locked hand can neither win
// nor gang, so that it must discard what it drew; otherwise -1.
func (h *Hand) Forced() int {
	i := h.turn.seat
	if h.phase != PhaseTurn || !h.locked(i) {
		return -1
	}
	if o := &h.asked[i].offer; o.hu || o.an|o.bu != 0 {
		return -1
	}
	return i
}

// mustHu reports whether seats that can win do so without being asked.
func (h *Hand) mustHu() bool { return h.rules.MustHuLast4 && h.wall() <= 4 }

// mayCall reports whether a seat may peng and gang.
func (h *Hand) mayCall(i int) bool { return h.rules.VoidCalls || !h.seats[i].holdsVoid() }

// ownGangs returns the kinds that the seat may an-gang and bu-gang in its turn.
func (h *Hand) ownGangs(i int) (an, bu KindSet) {
	s := &h.seats[i]
	locked := h.locked(i)
	for k, n := range s.counts {
		k := Kind(k)
		if n < 4 || k.Suit() == s.void {
			continue
		}
		if !locked || k == h.turn.drawn.Kind() && h.keepsWaits(i, AnGang, k) {
			an = an.With(k)
		}
	}
	for _, m := range s.shapes {
		if m.Type != Peng || s.counts[m.Kind] == 0 {
			continue
		}
		late := !h.justDrawn(m.Kind)
		if late && (locked || h.rules.LateBuGang == lateBan) {
			continue
		}
		if !locked || h.keepsWaits(i, BuGang, m.Kind) {
			bu = bu.With(m.Kind)
		}
	}
	return an, bu
}

// justDrawn reports whether the newest tile of this turn is of kind k.
func (h *Hand) justDrawn(k Kind) bool { return h.turn.drawn != NoTile && h.turn.drawn.Kind() == k }

// keepsWaits reports whether a gang leaves the waits of a locked hand unchanged. For an own gang
// they are those without the tile just drawn.
func (h *Hand) keepsWaits(i int, gang MeldKind, k Kind) bool {
	var room [Seats]MeldShape
	s := &h.seats[i]
	before := s.shape()
	if gang != ZhiGang {
		before.Concealed[h.turn.drawn.Kind()]--
	}
	after := s.shape()
	after.Concealed[k] = 0
	after.Melds = append(room[:0], s.shapes...)
	if gang == BuGang {
		after.Melds[s.meldOf(k)].Type = BuGang
	} else {
		after.Melds = append(after.Melds, MeldShape{gang, k})
	}
	return before.Waits() == after.Waits()
}

// meldOf returns the index of the meld of kind k, -1 if there is none.
func (s *seat) meldOf(k Kind) int {
	for i, m := range s.shapes {
		if m.Kind == k {
			return i
		}
	}
	return -1
}

// playTurn handles what a seat does in its own turn.
func (h *Hand) playTurn(c Command) error {
	o := &h.asked[c.Seat].offer
	switch c.Action {
	case ActHu:
		if !o.hu {
			return ErrNotOffered
		}
		h.asked[c.Seat] = question{}
		h.selfDraw(c.Seat)
	case ActDiscard:
		if err := h.checkDiscard(c); err != nil {
			return err
		}
		h.asked[c.Seat] = question{}
		h.discard(c.Seat, c.Tile)
	case ActAnGang:
		if !c.Kind.Valid() || !o.an.Has(c.Kind) {
			return ErrNotOffered
		}
		h.asked[c.Seat] = question{}
		h.anGang(c.Seat, c.Kind)
	case ActBuGang:
		if !c.Kind.Valid() || !o.bu.Has(c.Kind) {
			return ErrNotOffered
		}
		h.asked[c.Seat] = question{}
		h.declareBuGang(c.Seat, c.Kind)
	default:
		return ErrNotOffered
	}
	return nil
}

func (h *Hand) checkDiscard(c Command) error {
	if h.asked[c.Seat].offer.discard.has(c.Tile) {
		return nil
	}
	switch {
	case !h.seats[c.Seat].tiles.has(c.Tile):
		return ErrTileNotHeld
	case h.locked(c.Seat):
		return ErrHandLocked
	}
	return ErrMustDiscardVoid
}

func (h *Hand) discard(i int, t Tile) {
	s := &h.seats[i]
	s.remove(t)
	s.river = append(s.river, RiverTile{Tile: t, Claimer: -1})
	e := newEvent(EventDiscard, i)
	e.Tile = t
	h.emit(e)
	h.openClaims(t)
}
