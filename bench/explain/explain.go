// Package explain says in words what a hand of Sichuan mahjong is worth, in English or Chinese:
//
//	err := explain.Explain(os.Stdout, "123m456m789m11p23p +1p void=s zimo", game.English)
//
// For a winning hand it shows the sets, the fan and the price; for any other, how far it is from
// waiting, what it waits for, or what to discard. The notation is that of pkg/mahjong/notation, the
// answers are those of the engine and of pkg/bot. The bench tool imports it.
package explain

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"teahouse/pkg/bot"
	"teahouse/pkg/game"
	"teahouse/pkg/mahjong"
	"teahouse/pkg/mahjong/notation"
)

// best is how many discards are listed.
const best = 5

// Explain describes a hand. Errors of the notation are *notation.SyntaxError, of the rule set
// *mahjong.OptionError.
func Explain(w io.Writer, text string, lang game.Language) error {
	h, err := notation.Parse(text)
	if err != nil {
		return err
	}
	rules, err := mahjong.ParseRules([]byte(h.Rules))
	if err != nil {
		return err
	}
	e := explainer{words: wordsOf(lang), rules: rules, hand: h}
	e.shape = mahjong.Shape{Concealed: h.Concealed, Melds: h.Melds, Void: h.Void}
	e.explain()
	_, err = io.WriteString(w, e.out.String())
	return err
}

type explainer struct {
	words *words
	rules mahjong.Rules
	hand  *notation.Hand
	shape mahjong.Shape // with the winning tile, once known to be one
	out   strings.Builder
}

func (e *explainer) line(format string, args ...any) {
	fmt.Fprintf(&e.out, format+"\n", args...)
}

func (e *explainer) explain() {
	e.line("%s", e.hand)
	e.line("")
	fourteen := e.shape.Concealed.Len()+3*len(e.shape.Melds) == 14
	if e.hand.Win.Valid() {
		e.shape.Concealed[e.hand.Win]++
	}
	if e.hand.Win.Valid() || fourteen {
		if score, ok := e.shape.Best(&e.rules, e.context()); ok {
			e.line("%s", e.words.wins)
			e.win(&score)
			return
		}
		e.line("%s", e.words.loses)
		e.why()
	}
	switch {
	case fourteen:
		e.discards()
	default:
		if e.hand.Win.Valid() {
			e.shape.Concealed[e.hand.Win]--
		}
		e.waits()
	}
}

// context is the situation, including what it implies: some happen only at self-draws.
func (e *explainer) context() mahjong.Context {
	ctx := e.hand.Context
	if ctx&(mahjong.CtxGangShangHua|mahjong.CtxHaiDiLaoYue|mahjong.CtxTianHu|mahjong.CtxDiHu) != 0 {
		ctx |= mahjong.CtxZimo
	}
	return ctx
}

// why names what keeps a complete hand from winning.
func (e *explainer) why() {
	suits := 0
	for s := mahjong.Wan; s <= mahjong.Tiao; s++ {
		if inSuit(&e.shape, s) > 0 {
			suits++
			if s == e.shape.Void {
				e.line("%s", e.words.holdsVoid)
			}
		}
	}
	if suits == 3 {
		e.line("%s", e.words.threeSuits)
	}
}

func (e *explainer) win(score *mahjong.Score) {
	_, chinese := score.Title()
	e.line("%s: %s", e.words.reading, e.reading(score))
	e.line("%s: %s", e.words.title, chinese)
	pairs := slices.ContainsFunc(score.Items(), func(item mahjong.FanItem) bool { return item.ID == mahjong.QiDui })
	for _, item := range score.Items() {
		name := e.words.fan(item.ID)
		if pairs { // one element has two names
			name = strings.Replace(name, "将对", "将七对", 1)
		}
		e.line("  %s  %d", name, item.Fan)
	}
	e.line("%s: %d", e.words.total, score.Raw)
	if score.Fan < score.Raw {
		e.line(e.words.capped, score.Fan)
	}
	e.line("%s", e.price(score.Fan))
}

// price says who pays how much.
func (e *explainer) price(fan int) string {
	value := e.rules.Base << fan
	if !e.context().Has(mahjong.CtxZimo) {
		return fmt.Sprintf(e.words.fedPrice, value)
	}
	if e.rules.Zimo == "di" {
		return fmt.Sprintf(e.words.drawnPriceBonus, value+e.rules.Base, e.rules.Base)
	}
	return fmt.Sprintf(e.words.drawnPrice, value)
}

// waits describes a hand of 13 tiles.
func (e *explainer) waits() {
	kinds := e.shape.Waits()
	if kinds == 0 {
		a := bot.Advise(e.shape)
		e.line("%s", e.distance(&e.shape, a))
		if a.Useful != 0 {
			e.line("%s: %s", e.words.useful, e.useful(a))
		}
		return
	}
	e.line("%s:", e.words.waits)
	for _, k := range kinds.Kinds() {
		e.shape.Concealed[k]++
		score, _ := e.shape.Best(&e.rules, 0)
		e.shape.Concealed[k]--
		_, chinese := score.Title()
		e.line("  "+e.words.waitFan, e.words.tile(k), chinese, score.Raw, e.rules.Base<<score.Fan)
	}
}

// discards describes a hand of 14 tiles.
func (e *explainer) discards() {
	type discard struct {
		bot.Advice
		said string
	}
	var all []discard
	for _, a := range bot.AdviseDiscards(e.shape) {
		e.shape.Concealed[a.Discard]--
		d := discard{a, e.distance(&e.shape, a)}
		if d.said == e.words.dead {
			d.Shanten = 1 // it has to change before it can win
		}
		if a.Useful != 0 {
			d.said += "; " + e.useful(a)
		}
		e.shape.Concealed[a.Discard]++
		all = append(all, d)
	}
	slices.SortStableFunc(all, func(a, b discard) int {
		return cmp.Or(cmp.Compare(a.Shanten, b.Shanten), cmp.Compare(b.Tiles, a.Tiles))
	})
	e.line("%s:", e.words.discards)
	for i, a := range all {
		if i == best || a.Shanten > all[0].Shanten {
			break
		}
		e.line("  %s: %s", e.words.tile(a.Discard), a.said)
	}
}

// distance says how far a hand of 13 tiles is from waiting. A hand can look as if it waited, and yet
// win with nothing: because it has a third suit, or because it holds all that it waits for itself.
func (e *explainer) distance(s *mahjong.Shape, a bot.Advice) string {
	switch {
	case a.Shanten > 0:
		return fmt.Sprintf(e.words.shanten, a.Shanten)
	case s.Waits() != 0:
		return e.words.ready
	case thirdSuit(s):
		return e.words.third
	}
	return e.words.dead
}

// thirdSuit reports whether a hand must still get rid of a suit.
func thirdSuit(s *mahjong.Shape) bool {
	suits := 0
	for suit := mahjong.Wan; suit <= mahjong.Tiao; suit++ {
		if inSuit(s, suit) > 0 {
			suits++
		}
	}
	return suits == 3 || s.Void.Valid() && inSuit(s, s.Void) > 0
}

// inSuit counts the tiles of a suit, a meld as one.
func inSuit(s *mahjong.Shape, suit mahjong.Suit) int {
	n := s.Concealed.InSuit(suit)
	for _, m := range s.Melds {
		if m.Kind.Suit() == suit {
			n++
		}
	}
	return n
}

func (e *explainer) useful(a bot.Advice) string {
	var names []string
	for _, k := range a.Useful.Kinds() {
		names = append(names, k.String())
	}
	return fmt.Sprintf(e.words.tiles, strings.Join(names, " "), a.Tiles)
}
