package mahjong

import "slices"

func newEvent(kind EventKind, seat int) Event {
	return Event{Kind: kind, Seat: seat, From: -1, Tile: NoTile, Suits: [Seats]Suit{NoSuit, NoSuit, NoSuit, NoSuit}}
}

// For returns what viewer (a seat or Spectator) may know of the event; nil if the viewer may not
// even know that something happened. The result shares no memory with the hand, but shares slices
// with e.
func (e Event) For(viewer int) *Event {
	own := viewer >= 0 && viewer == e.Seat
	switch e.Kind {
	case EventAnswered:
		if !own {
			return nil
		}
	case EventDeal, EventSwap:
		own := new(Shown)
		if viewer >= 0 && e.Shown != nil {
			own.Hands[viewer] = e.Shown.Hands[viewer]
			own.Given[viewer], own.Received[viewer] = e.Shown.Given[viewer], e.Shown.Received[viewer]
		}
		e.Shown = own
	case EventDraw:
		if !own {
			e.Tile = NoTile
		}
	case EventGang:
		if !own && e.Meld.Hidden {
			closed := e.Meld.closed()
			e.Meld = &closed
		}
	}
	return &e
}

// Wall is the number of tiles that are left to draw.
func (h *Hand) Wall() int { return h.wall() }

// View returns everything that viewer (a seat or Spectator) may know now. The Serial of its prompt
// is left 0: it counts the prompts of all seats.
func (h *Hand) View(viewer int) View {
	v := View{
		Seat: viewer, Dealer: h.deal.Dealer, Phase: h.phase, Turn: -1, Open: NoTile, Wall: h.wall(),
		Drawn: NoTile, Void: NoSuit, Prompt: Prompt{Tile: NoTile, From: -1},
	}
	if h.phase >= PhaseTurn {
		v.Turn = h.turn.seat
	}
	if h.phase == PhaseClaim || h.phase == PhaseRob {
		v.Open = h.window.tile
	}
	if h.rules.Swap && h.phase > PhaseSwap {
		v.SwapDir = h.swapDir()
	}
	if h.end != nil {
		end := *h.end
		v.End = &end
	}
	for i := range h.seats {
		v.Seats[i] = h.viewSeat(i, i == viewer)
	}
	if viewer < 0 || viewer >= Seats {
		v.Seat = Spectator
		return v
	}
	s := &h.seats[viewer]
	v.Hand = s.tiles.tiles()
	v.Given, v.Received = clone(s.given), clone(s.received)
	v.Void = s.void
	if h.phase == PhaseTurn && h.turn.seat == viewer {
		v.Drawn = h.turn.drawn
	}
	v.Prompt = h.Prompt(viewer)
	v.Prompt.Serial = 0
	return v
}

func (h *Hand) viewSeat(i int, own bool) SeatView {
	s := &h.seats[i]
	v := SeatView{
		Concealed: s.tiles.len(), Melds: cloneMelds(s.melds), River: clone(s.river), Void: NoSuit,
		Out: !h.plays(i), Locked: h.locked(i), Score: s.score, Hand: h.shownHand(i),
	}
	if !own && h.phase != PhaseEnd {
		for n, m := range v.Melds {
			v.Melds[n] = m.closed()
		}
	}
	if h.phase >= PhaseTurn {
		v.Void = s.void
	}
	for _, w := range h.wins {
		if w.Seat == i {
			v.Wins = append(v.Wins, w)
		}
	}
	return v
}

// shownHand returns the concealed tiles that everybody may see: all at the end and, if winners are
// shown, theirs, but not what they have drawn since.
func (h *Hand) shownHand(i int) []Tile {
	s := &h.seats[i]
	switch {
	case h.phase == PhaseEnd:
		return s.tiles.tiles()
	case !h.rules.ShowWinners || s.wins == 0:
		return nil
	}
	shown := s.tiles
	if h.locked(i) && h.turn.seat == i && h.turn.drawn != NoTile {
		shown.remove(h.turn.drawn)
	}
	return shown.tiles()
}

func clone[T any](s []T) []T { return slices.Clone(s) }

func cloneMeld(m Meld) *Meld {
	m.Tiles = clone(m.Tiles)
	return &m
}

func cloneMelds(melds []Meld) []Meld {
	if melds == nil {
		return nil
	}
	out := make([]Meld, len(melds))
	for i, m := range melds {
		out[i] = *cloneMeld(m)
	}
	return out
}
