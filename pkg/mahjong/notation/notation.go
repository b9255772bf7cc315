// Package notation writes hands of Sichuan mahjong as text that people type.
//
//	h, err := notation.Parse("123m 22p [555s] +3m void=p zimo")
//	text := h.String()
//
// A hand is a list of words, separated by blanks, in any order:
//
//	1234m 22p       concealed tiles: ranks, then the suit: m wan 万, p tong 筒, s tiao 条.
//	                Several may be joined: 1234m22p
//	[555s]          a peng
//	[5555s]         a gang fed by a discard; [555+5s] one added to a peng; (5555s) a concealed one
//	+3m             the winning tile, not counted among the concealed ones
//	void=p          the own void suit
//	zimo            a situation, named as in recorded hands: zimo gangshanghua gangshangpao
//	                qiangganghu haidilaoyue haidipao tianhu dihu
//	{"cap":6}       options of the rule set, as JSON
//
// Concealed tiles and three for each meld make 13, or 14 with the tile just drawn; with a winning
// tile they make 13. The package knows tiles, not rules: the engine decides whether a hand wins.
// Anything may import it.
package notation

import (
	"fmt"
	"strings"

	"teahouse/pkg/mahjong"
)

// Hand is one hand as a player holds it.
type Hand struct {
	Concealed mahjong.Counts
	Melds     []mahjong.MeldShape
	Win       mahjong.Kind // the winning tile, not in Concealed; NoKind if none is given
	Void      mahjong.Suit // NoSuit if none is given
	Context   mahjong.Context
	Rules     string // JSON on top of the default rule set; empty = none given
}

// SyntaxError says where a text is not a hand.
type SyntaxError struct {
	Position int // the first wrong character, from 1; after the last one if something is missing
	Detail   string
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("position %d: %s", e.Position, e.Detail)
}

const suits = "mps"

// situations are the words for the bits of a Context, in order.
var situations = [...]struct {
	name string
	ctx  mahjong.Context
}{
	{"zimo", mahjong.CtxZimo},
	{"gangshanghua", mahjong.CtxGangShangHua},
	{"gangshangpao", mahjong.CtxGangShangPao},
	{"qiangganghu", mahjong.CtxQiangGangHu},
	{"haidilaoyue", mahjong.CtxHaiDiLaoYue},
	{"haidipao", mahjong.CtxHaiDiPao},
	{"tianhu", mahjong.CtxTianHu},
	{"dihu", mahjong.CtxDiHu},
}

// String writes the hand in a form that Parse reads.
func (h *Hand) String() string {
	words := []string{Tiles(&h.Concealed)}
	if words[0] == "" {
		words = nil
	}
	for _, m := range h.Melds {
		words = append(words, Meld(m))
	}
	if h.Win.Valid() {
		words = append(words, "+"+h.Win.String())
	}
	if h.Void.Valid() {
		words = append(words, "void="+suits[h.Void:h.Void+1])
	}
	for _, s := range situations {
		if h.Context.Has(s.ctx) {
			words = append(words, s.name)
		}
	}
	if h.Rules != "" {
		words = append(words, h.Rules)
	}
	return strings.Join(words, " ")
}

// Tiles writes tiles, suit by suit; "" for none.
func Tiles(c *mahjong.Counts) string {
	var b strings.Builder
	for suit := range len(suits) {
		before := b.Len()
		for rank := range 9 {
			for range c[suit*9+rank] {
				if b.Len() == before && before > 0 {
					b.WriteByte(' ')
				}
				b.WriteByte('1' + byte(rank))
			}
		}
		if b.Len() > before {
			b.WriteByte(suits[suit])
		}
	}
	return b.String()
}

// Meld writes a meld.
func Meld(m mahjong.MeldShape) string {
	rank, suit := m.Kind.String()[:1], m.Kind.String()[1:]
	three := strings.Repeat(rank, 3)
	switch m.Type {
	case mahjong.ZhiGang:
		return "[" + three + rank + suit + "]"
	case mahjong.BuGang:
		return "[" + three + "+" + rank + suit + "]"
	case mahjong.AnGang:
		return "(" + three + rank + suit + ")"
	}
	return "[" + three + suit + "]"
}
