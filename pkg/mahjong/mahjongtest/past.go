package mahjongtest

import (
	"fmt"

	"teahouse/pkg/mahjong"
)

// past is what happened in a hand up to a moment, as needed to give the hand other tiles with which
// the same could have happened.
type past struct {
	rules  mahjong.Rules
	deal   mahjong.Deal
	viewer int
	known  tiles // to the viewer

	inputs []mahjong.Command // all; the other seats' time-outs are replaced by their answers

	swap    *mahjong.Event                // nil before the swap
	voids   *mahjong.Event                // nil while they are secret
	base    [mahjong.Seats][]mahjong.Tile // held after the swap, or as dealt
	now     [mahjong.Seats][]mahjong.Tile // held
	got     [mahjong.NumTiles]int         // when the holder got it, as the number of an input
	free    [mahjong.Seats]int            // last input that the seat could not have made while holding a tile of its void suit
	won     [mahjong.Seats]bool
	pengs   []peng
	anGangs []mahjong.Event // those that only their owners may look at
}

// follow plays inputs and looks back from the moment after the first few.
func follow(rules mahjong.Rules, deal mahjong.Deal, inputs []mahjong.Command, viewer, few int) (*past, error) {
	h, err := mahjong.New(rules, deal)
	if err != nil {
		return nil, err
	}
	p := &past{rules: rules, deal: deal, viewer: viewer}
	for seat := range p.free {
		p.free[seat] = -1
	}
	opening := h.Opening()
	p.base = opening.Shown.Hands
	p.known.see(&opening, viewer)
	for i, c := range inputs {
		events, err := h.Apply(c)
		if err != nil {
			return nil, fmt.Errorf("input %d, %s of seat %d: %w", i, c.Action, c.Seat, err)
		}
		if c.Action == mahjong.ActTimeout && c.Seat != viewer {
			c = spelledOut(&events[0])
		}
		p.inputs = append(p.inputs, c)
		if i >= few {
			continue
		}
		for n := range events {
			p.note(i, &events[n])
		}
		for seat := range mahjong.Seats {
			p.now[seat] = h.View(seat).Hand
		}
	}
	if few == 0 {
		p.now = p.base
	}
	return p, nil
}

// spelledOut is the answer that a time-out stood for.
func spelledOut(e *mahjong.Event) mahjong.Command {
	if e.Kind == mahjong.EventDiscard {
		return mahjong.Command{Action: mahjong.ActDiscard, Seat: e.Seat, Tile: e.Tile}
	}
	return e.Answer
}

// peng is a meld for which its maker used the two lowest tiles that it held.
type peng struct {
	at, seat int // number of the input
	tiles    []mahjong.Tile
}

func (p *past) note(i int, e *mahjong.Event) {
	p.known.see(e, p.viewer)
	switch e.Kind {
	case mahjong.EventSwap:
		p.swap, p.base = e, e.Shown.Hands
	case mahjong.EventVoid:
		p.voids = e
	case mahjong.EventDraw:
		p.got[e.Tile] = i
	case mahjong.EventDiscard:
		if e.Tile.Kind().Suit() != p.voids.Suits[e.Seat] {
			p.free[e.Seat] = i
		}
	case mahjong.EventPeng:
		p.called(i, e.Seat)
		p.pengs = append(p.pengs, peng{i, e.Seat, without(e.Meld.Tiles, []mahjong.Tile{e.Tile})})
	case mahjong.EventBuGang:
		p.called(i, e.Seat)
	case mahjong.EventGang:
		p.called(i, e.Seat)
		if e.Meld.Hidden && e.Seat != p.viewer {
			p.anGangs = append(p.anGangs, *e)
		}
	case mahjong.EventHu:
		p.won[e.Seat] = true
	}
}

func (p *past) called(i, seat int) {
	if !p.rules.VoidCalls {
		p.free[seat] = i
	}
}
