package bot

import (
	"teahouse/pkg/mahjong"
)

// strong compares all options by their expected gain: how soon the hand may win, by which tiles
// still to come, what such a win is worth by the rule set, and what the others may win from its
// discard.
type strong struct {
	rules mahjong.Rules
	memo  *memo
	di    float64 // what a self-draw adds per payer
	zimo  int     // fan of a self-draw
}

func newStrong(rules mahjong.Rules, m *memo) *strong {
	s := &strong{rules: rules, memo: m}
	switch rules.Zimo {
	case "di":
		s.di = 1
	case "fan":
		s.zimo = 1
	}
	return s
}

// worth is what one payer owes for a win of so much fan.
func (s *strong) worth(fan int) float64 {
	if s.rules.Cap > 0 {
		fan = min(fan, s.rules.Cap)
	}
	return float64(int64(1) << fan)
}

// drawn is the gain of a self-draw with so much fan, not counting that for the draw.
func (o *outlook) drawn(fan int) float64 {
	return float64(len(o.rivals)) * (o.worth(fan+o.zimo) + o.di)
}

func (s *strong) look(view *mahjong.View) *outlook {
	o := &outlook{strong: s, sight: newSight(view), counts: mahjong.Count(view.Hand)}
	for k := range o.counts {
		if mahjong.Kind(k).Suit() == view.Void {
			o.counts[k] = 0
		}
	}
	o.melds = make([]mahjong.MeldShape, 0, 4)
	for _, m := range view.Seats[view.Seat].Melds {
		o.melds = append(o.melds, mahjong.MeldShape{Type: m.Type, Kind: m.Kind})
	}
	o.ladders = new(ladders)
	o.prospects = o.sight.prospects(s.rules)
	return o
}

func (s *strong) swap(view *mahjong.View) [3]mahjong.Tile { return chooseSwap(view.Hand) }
func (s *strong) void(view *mahjong.View) mahjong.Suit    { return chooseVoid(view.Hand) }

// rounds is how many more tiles the seat will draw.
func (o *outlook) rounds() int { return o.wall / (len(o.rivals) + 1) }

func (s *strong) turn(view *mahjong.View, c *mahjong.Command) {
	p := &view.Prompt
	if view.Seats[view.Seat].Locked {
		s.lockedTurn(p, c)
		return
	}
	o := s.look(view)
	tile, best := o.discard(p.Discard)
	c.Action, c.Tile = mahjong.ActDiscard, tile
	for _, k := range p.An {
		if v := o.gang(k, mahjong.AnGang); v > best {
			c.Action, c.Kind, best = mahjong.ActAnGang, k, v
		}
	}
	for _, k := range p.Bu {
		if v := o.gang(k, mahjong.BuGang) - 2*o.danger(k); v > best {
			c.Action, c.Kind, best = mahjong.ActBuGang, k, v
		}
	}
	if p.Hu && o.selfDrawn(view) >= best*patience {
		c.Action = mahjong.ActHu
	}
}

// lockedTurn plays a hand that can no longer change: accepting what is offered costs nothing.
func (s *strong) lockedTurn(p *mahjong.Prompt, c *mahjong.Command) {
	switch {
	case p.Hu:
		c.Action = mahjong.ActHu
	case len(p.An) > 0:
		c.Action, c.Kind = mahjong.ActAnGang, p.An[0]
	case len(p.Bu) > 0:
		c.Action, c.Kind = mahjong.ActBuGang, p.Bu[0]
	default:
		c.Action, c.Tile = mahjong.ActDiscard, p.Discard[len(p.Discard)-1]
	}
}

// discard returns the best of the tiles that may go, and the expected gain then.
func (o *outlook) discard(may []mahjong.Tile) (mahjong.Tile, float64) {
	rounds := o.rounds()
	choice, best := may[0], 0.0
	last := mahjong.Kind(mahjong.NumKinds)
	first := true
	kept, known := 0.0, false // the value without any of the void tiles
	for _, t := range may {
		k := t.Kind()
		if k == last {
			continue
		}
		last = k
		var v float64
		if k.Suit() == o.missing {
			if !known {
				kept, known = o.value(rounds), true
			}
			v = kept
		} else {
			v = -0.01 * bond(&o.counts, k)
			o.counts[k]--
			v += o.value(rounds)
			o.counts[k]++
		}
		if v -= o.danger(k); first || v > best {
			choice, best, first = t, v, false
		}
	}
	return choice, best
}

// gang values a gang of kind k: the money, and the hand with one more draw.
func (o *outlook) gang(k mahjong.Kind, how mahjong.MeldKind) float64 {
	after := *o
	after.melds = append(make([]mahjong.MeldShape, 0, 4), o.melds...)
	money := 0.0
	switch how {
	case mahjong.BuGang:
		after.counts[k]--
		for i, m := range after.melds {
			if m.Kind == k {
				after.melds[i].Type = mahjong.BuGang
			}
		}
		money = float64(len(o.rivals))
	case mahjong.AnGang:
		after.counts[k] = 0
		after.melds = append(after.melds, mahjong.MeldShape{Type: how, Kind: k})
		money = 2 * float64(len(o.rivals))
	default:
		after.counts[k] = 0
		after.melds = append(after.melds, mahjong.MeldShape{Type: how, Kind: k})
		money = 2
	}
	return settled*money + after.value(o.rounds()+1)
}

func (s *strong) claim(view *mahjong.View) mahjong.Action {
	p := &view.Prompt
	if view.Seats[view.Seat].Locked {
		switch {
		case p.Hu:
			return mahjong.ActHu
		case p.Gang:
			return mahjong.ActGang
		}
		return mahjong.ActPass
	}
	o := s.look(view)
	k := p.Tile.Kind()
	action, best := mahjong.ActPass, o.value(o.rounds())
	if p.Hu {
		if v := o.claimed(view); v >= best*patience {
			action, best = mahjong.ActHu, v
		}
	}
	if p.Gang {
		if v := o.gang(k, mahjong.ZhiGang); v > best {
			action, best = mahjong.ActGang, v
		}
	}
	if p.Peng {
		after := *o
		after.counts[k] -= 2
		after.melds = append(append(make([]mahjong.MeldShape, 0, 4), o.melds...), mahjong.MeldShape{Type: mahjong.Peng, Kind: k})
		if _, v := after.discard(after.discards(view.Hand, k)); v > best {
			action = mahjong.ActPeng
		}
	}
	return action
}

// discards returns the tiles that may go after a peng of kind k.
func (o *outlook) discards(hand []mahjong.Tile, k mahjong.Kind) []mahjong.Tile {
	var void, others []mahjong.Tile
	gone := 2
	for _, t := range hand {
		switch {
		case t.Kind() == k && gone > 0:
			gone--
		case t.Kind().Suit() == o.missing:
			void = append(void, t)
		default:
			others = append(others, t)
		}
	}
	if len(void) > 0 {
		return void
	}
	return others
}

// patience is below 1 because a win is certain while the alternative is the best of several
// guesses.
const patience = 0.9

// settled is the share of a gang's money that its owner keeps: a discard may lose it, and a hand
// that is not waiting at the end returns it.
const settled = 0.85

// claimed is the gain of a win by the offered tile.
func (o *outlook) claimed(view *mahjong.View) float64 {
	ctx := mahjong.Context(0)
	if view.Prompt.Kind == mahjong.PromptRob {
		ctx = mahjong.CtxQiangGangHu
	} else if view.Wall == 0 {
		ctx = mahjong.CtxHaiDiPao
	}
	shape := mahjong.Shape{Concealed: o.counts, Melds: o.melds, Void: o.missing}
	shape.Concealed[view.Prompt.Tile.Kind()]++
	score, _ := shape.Best(&o.rules, ctx)
	return o.worth(score.Raw) + o.afterwards()
}

// selfDrawn is the gain of a win by the drawn tile.
func (o *outlook) selfDrawn(view *mahjong.View) float64 {
	ctx := mahjong.Context(0)
	if view.Wall == 0 {
		ctx = mahjong.CtxHaiDiLaoYue
	}
	shape := mahjong.Shape{Concealed: o.counts, Melds: o.melds, Void: o.missing}
	score, _ := shape.Best(&o.rules, ctx)
	if view.Drawn.Valid() {
		o.counts[view.Drawn.Kind()]--
		defer func() { o.counts[view.Drawn.Kind()]++ }()
	}
	return o.drawn(score.Raw) + o.afterwards()
}

// afterwards is what the hand earns after it has won: nothing, unless winners play on.
func (o *outlook) afterwards() float64 {
	if !o.again {
		return 0
	}
	rounds := min(o.rounds(), longest)
	v, _ := o.waiting(rounds)
	return v[rounds]
}
