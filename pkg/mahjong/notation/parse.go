package notation

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"

	"teahouse/pkg/mahjong"
)

// MaxLength bounds a text, in bytes.
const MaxLength = 4096

// Parse reads a hand. Errors are *SyntaxError. It checks only that the options of the rule set are
// a JSON object.
func Parse(text string) (*Hand, error) {
	if len(text) > MaxLength {
		return nil, &SyntaxError{1, fmt.Sprintf("more than %d bytes", MaxLength)}
	}
	p := parser{text: text, hand: Hand{Win: mahjong.NoKind, Void: mahjong.NoSuit}}
	for {
		p.skipBlanks()
		if p.at == len(p.text) {
			break
		}
		if err := p.word(); err != nil {
			return nil, err
		}
	}
	if err := p.complete(); err != nil {
		return nil, err
	}
	return &p.hand, nil
}

type parser struct {
	text string
	at   int // next byte
	hand Hand
	held mahjong.Counts // including melds and the winning tile
}

// fail reports an error at a byte of the text.
func (p *parser) fail(at int, format string, args ...any) error {
	return &SyntaxError{utf8.RuneCountInString(p.text[:at]) + 1, fmt.Sprintf(format, args...)}
}

func (p *parser) skipBlanks() {
	for p.at < len(p.text) && strings.IndexByte(" \t\r\n", p.text[p.at]) >= 0 {
		p.at++
	}
}

func (p *parser) peek() byte {
	if p.at < len(p.text) {
		return p.text[p.at]
	}
	return 0
}

// next describes what comes next, for messages.
func (p *parser) next() string {
	if p.at == len(p.text) {
		return "the end"
	}
	r, _ := utf8.DecodeRuneInString(p.text[p.at:])
	return fmt.Sprintf("%q", r)
}

func (p *parser) word() error {
	switch c := p.peek(); {
	case rank(c):
		return p.tiles()
	case c == '[' || c == '(':
		return p.meld()
	case c == '+':
		return p.win()
	case c == '{':
		return p.rules()
	case c >= 'a' && c <= 'z':
		return p.name()
	}
	return p.fail(p.at, "%s begins neither tiles (1234m), nor a meld ([555p]), a winning tile (+3m), void=, a situation or {", p.next())
}

func rank(c byte) bool { return c >= '1' && c <= '9' }

// suit reads the letter of a suit.
func (p *parser) suit() (int, error) {
	i := strings.IndexByte(suits, p.peek())
	if p.at == len(p.text) || i < 0 {
		return 0, p.fail(p.at, "want a rank 1-9 or a suit (m wan, p tong, s tiao), not %s", p.next())
	}
	p.at++
	return i, nil
}

// take counts a tile whose rank is at a byte.
func (p *parser) take(at, suit int) (mahjong.Kind, error) {
	k := mahjong.Kind(suit*9 + int(p.text[at]-'1'))
	if p.held[k]++; p.held[k] > 4 {
		return k, p.fail(at, "a fifth %v", k)
	}
	return k, nil
}

// tiles reads ranks and their suit.
func (p *parser) tiles() error {
	from := p.at
	for rank(p.peek()) {
		p.at++
	}
	end := p.at
	suit, err := p.suit()
	if err != nil {
		return err
	}
	for at := from; at < end; at++ {
		k, err := p.take(at, suit)
		if err != nil {
			return err
		}
		p.hand.Concealed[k]++
	}
	return nil
}

func (p *parser) meld() error {
	from := p.at
	closer := byte(']')
	if p.peek() == '(' {
		closer = ')'
	}
	p.at++
	var ranks []int // their positions
	plus := -1      // number of ranks before the plus
	for {
		switch c := p.peek(); {
		case rank(c):
			if len(ranks) > 0 && p.text[ranks[0]] != c {
				return p.fail(p.at, "a meld has equal tiles")
			}
			ranks = append(ranks, p.at)
		case c == '+' && plus < 0 && closer == ']':
			plus = len(ranks)
		default:
			return p.endMeld(from, ranks, plus, closer)
		}
		p.at++
	}
}

func (p *parser) endMeld(from int, ranks []int, plus int, closer byte) error {
	suit, err := p.suit()
	if err != nil {
		return err
	}
	if p.peek() != closer {
		return p.fail(p.at, "want %q, not %s", closer, p.next())
	}
	p.at++
	m := mahjong.MeldShape{}
	switch n := len(ranks); {
	case n == 3 && plus < 0 && closer == ']':
		m.Type = mahjong.Peng
	case n == 4 && plus < 0 && closer == ']':
		m.Type = mahjong.ZhiGang
	case n == 4 && plus == 3:
		m.Type = mahjong.BuGang
	case n == 4 && closer == ')':
		m.Type = mahjong.AnGang
	default:
		return p.fail(from, "a meld is a peng [555p], or a gang [5555p], [555+5p] or (5555p)")
	}
	if len(p.hand.Melds) == 4 {
		return p.fail(from, "a fifth meld")
	}
	for _, at := range ranks {
		if m.Kind, err = p.take(at, suit); err != nil {
			return err
		}
	}
	p.hand.Melds = append(p.hand.Melds, m)
	return nil
}

func (p *parser) win() error {
	from := p.at
	p.at++
	if !rank(p.peek()) {
		return p.fail(p.at, "want the winning tile (+3m), not %s", p.next())
	}
	at := p.at
	p.at++
	suit, err := p.suit()
	if err != nil {
		return err
	}
	if p.hand.Win.Valid() {
		return p.fail(from, "a second winning tile")
	}
	p.hand.Win, err = p.take(at, suit)
	return err
}

// name reads void= or a situation.
func (p *parser) name() error {
	from := p.at
	for c := p.peek(); c >= 'a' && c <= 'z'; c = p.peek() {
		p.at++
	}
	name := p.text[from:p.at]
	if name == "void" {
		return p.void(from)
	}
	for _, s := range situations {
		if s.name == name {
			if p.hand.Context.Has(s.ctx) {
				return p.fail(from, "%s twice", name)
			}
			p.hand.Context |= s.ctx
			return nil
		}
	}
	return p.fail(from, "%q is no situation", name)
}

func (p *parser) void(from int) error {
	if p.peek() != '=' {
		return p.fail(p.at, "want void=m, void=p or void=s")
	}
	p.at++
	i := strings.IndexByte(suits, p.peek())
	if p.at == len(p.text) || i < 0 {
		return p.fail(p.at, "want a suit (m wan, p tong, s tiao), not %s", p.next())
	}
	p.at++
	if p.hand.Void.Valid() {
		return p.fail(from, "a second void suit")
	}
	p.hand.Void = mahjong.Suit(i)
	return nil
}

// rules reads a JSON object and keeps it without blanks.
func (p *parser) rules() error {
	from := p.at
	dec := json.NewDecoder(strings.NewReader(p.text[from:]))
	var object json.RawMessage
	if err := dec.Decode(&object); err != nil {
		return p.fail(from, "the options are no JSON object: %v", err)
	}
	p.at += int(dec.InputOffset())
	if p.hand.Rules != "" {
		return p.fail(from, "options twice")
	}
	var short bytes.Buffer
	if err := json.Compact(&short, object); err != nil {
		return p.fail(from, "%v", err)
	}
	p.hand.Rules = short.String()
	return nil
}

func (p *parser) complete() error {
	n := p.hand.Concealed.Len() + 3*len(p.hand.Melds)
	switch {
	case p.hand.Win.Valid() && n != 13:
		return p.fail(len(p.text), "%d tiles beside the winning one, a meld counted as three: want 13", n)
	case n != 13 && n != 14:
		return p.fail(len(p.text), "%d tiles, a meld counted as three: want 13 or 14", n)
	}
	return nil
}
