package mahjong

// window is what the others may claim: a discard, or the tile of a declared bu-gang. Its owner is
// the seat whose turn it is.
type window struct {
	tile    Tile
	ctx     Context
	holding bool // the least time has not passed: the window cannot close
	// answers holds what each seat has answered so far, 0 = nothing.
	answers [Seats]Action
	// scores holds what winning by the tile is worth to each seat that was offered hu.
	scores  [Seats]Score
	offered [Seats]bool // hu
}

// openClaims opens the window of a discard.
func (h *Hand) openClaims(t Tile) {
	h.phase = PhaseClaim
	var ctx Context
	if h.turn.replacement {
		ctx |= CtxGangShangPao
	}
	if h.wall() == 0 {
		ctx |= CtxHaiDiPao
	}
	h.openWindow(t, ctx)
	for d := 1; d < Seats; d++ {
		i := (h.turn.seat + d) % Seats
		if !h.plays(i) || t.Kind().Suit() == h.seats[i].void {
			continue
		}
		o := offer{hu: h.offersHu(i)}
		if o.hu && h.mustHu() {
			h.window.answers[i] = ActHu
			continue
		}
		if h.mayCall(i) {
			held, locked := h.seats[i].counts[t.Kind()], h.locked(i)
			o.peng = held >= 2 && !locked
			o.gang = held == 3 && h.wall() > 0 && (!locked || h.keepsWaits(i, ZhiGang, t.Kind()))
		}
		if o.claims() {
			h.ask(i, PromptClaim, o)
		}
	}
	h.tryClose()
}

// openRob opens the window of a declared bu-gang.
func (h *Hand) openRob(t Tile) {
	h.phase = PhaseRob
	h.openWindow(t, CtxQiangGangHu)
	if h.rules.QiangGang {
		for d := 1; d < Seats; d++ {
			i := (h.turn.seat + d) % Seats
			switch {
			case !h.plays(i) || !h.offersHu(i):
			case h.mustHu():
				h.window.answers[i] = ActHu
			default:
				h.ask(i, PromptRob, offer{hu: true})
			}
		}
	}
	h.tryClose()
}

func (h *Hand) openWindow(t Tile, ctx Context) {
	h.window = window{tile: t, ctx: ctx, holding: h.rules.MinClaimMs > 0}
}

// offersHu reports whether a seat may win by the tile in the window, and records its score.
func (h *Hand) offersHu(i int) bool {
	s := &h.seats[i]
	shape := s.shape()
	shape.Concealed[h.window.tile.Kind()]++
	score, wins := shape.Best(&h.rules, h.window.ctx)
	if !wins || h.passLocked(s, score.Fan) {
		return false
	}
	h.window.scores[i] = score
	h.window.offered[i] = true
	return true
}

// passLocked reports whether a passed win bars a seat from winning fan by the tile in the window.
func (h *Hand) passLocked(s *seat, fan int) bool {
	switch h.rules.PassLock {
	case lockSame:
		return s.passed.Has(h.window.tile.Kind())
	case lockAll:
		return s.lock != noLock
	}
	return fan <= int(s.lock) // noLock is below every fan
}

// notePass locks a seat that has passed a win by the tile of w.
func (h *Hand) notePass(s *seat, w *window, fan int) {
	switch h.rules.PassLock {
	case lockSame:
		s.passed = s.passed.With(w.tile.Kind())
	case lockAll, lockHigher:
		s.lock = max(s.lock, int8(fan))
	}
}

// Holding reports whether an open window waits for a Release command before it can close.
func (h *Hand) Holding() bool { return h.window.holding }

func (h *Hand) release() error {
	if !h.window.holding {
		return ErrNotHolding
	}
	h.window.holding = false
	h.tryClose()
	return nil
}

// answerWindow takes a seat's secret answer in a window.
func (h *Hand) answerWindow(c Command) error {
	o := &h.asked[c.Seat].offer
	switch {
	case c.Action == ActPass:
	case c.Action == ActHu && o.hu, c.Action == ActGang && o.gang, c.Action == ActPeng && o.peng:
	default:
		return ErrNotOffered
	}
	h.window.answers[c.Seat] = c.Action
	h.answered(c)
	h.tryClose()
	return nil
}

// tryClose closes the window as soon as its outcome no longer depends on the seats that have yet to
// answer: a missing answer of a seat that may win always matters, any other only as long as nobody
// wins.
func (h *Hand) tryClose() {
	if h.window.holding {
		return
	}
	missing, won := false, false
	for i := range h.asked {
		if h.asked[i].serial != 0 {
			missing = true
			if h.asked[i].offer.hu {
				return
			}
		}
		won = won || h.window.answers[i] == ActHu
	}
	if missing && !won {
		return
	}
	h.asked = [Seats]question{}
	h.closeWindow()
}

func (h *Hand) closeWindow() {
	w, from := h.window, h.turn.seat
	h.window = window{}
	winners, meld := h.decide(&w)
	switch {
	case len(winners) > 0:
		h.winByClaim(&w, winners)
	case h.phase == PhaseRob:
		h.buGang(from, w.tile)
	case meld < 0:
		h.advance(from)
	case w.answers[meld] == ActGang:
		h.claimRiver(meld)
		h.zhiGang(meld, from, w.tile)
	default:
		h.claimRiver(meld)
		h.peng(meld, from, w.tile)
	}
}

// decide returns the winners in play order, or the seat that makes a meld (else -1), and locks the
// seats that have passed a win.
func (h *Hand) decide(w *window) (winners []int, meld int) {
	meld = -1
	for d := 1; d < Seats; d++ {
		i := (h.turn.seat + d) % Seats
		switch answer := w.answers[i]; {
		case answer == ActHu:
			if len(winners) == 0 || h.rules.MultiHu {
				winners = append(winners, i)
			}
			continue // cut off by an earlier winner, so it has not passed
		case answer == ActGang || answer == ActPeng:
			meld = i
		}
		if w.offered[i] {
			h.notePass(&h.seats[i], w, w.scores[i].Fan)
		}
	}
	return winners, meld
}

// claimRiver records that the newest discard was taken from the river.
func (h *Hand) claimRiver(by int) {
	river := h.seats[h.turn.seat].river
	river[len(river)-1].Claimer = by
}

func (h *Hand) peng(i, from int, t Tile) {
	s := &h.seats[i]
	var tiles tileSet
	for _, used := range s.takeKind(t.Kind(), 2) {
		tiles.add(used)
	}
	tiles.add(t)
	meld := Meld{Type: Peng, Kind: t.Kind(), From: from, Tiles: tiles.tiles()}
	s.addMeld(meld)
	s.unlock()
	h.called = true
	e := newEvent(EventPeng, i)
	e.From, e.Tile, e.Meld = from, t, cloneMeld(meld)
	h.emit(e)
	h.turn = turn{seat: i, drawn: NoTile, afterPeng: true, gang: -1}
	h.askTurn()
}
