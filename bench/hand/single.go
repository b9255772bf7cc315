package hand

import (
	"encoding/json"
	"fmt"

	"teahouse/pkg/mahjong"
)

// singleRecord is a line of a file of hands.
type singleRecord struct {
	ID        json.RawMessage `json:"id"`
	Concealed []mahjong.Kind  `json:"conc"` // without the winning tile
	Win       mahjong.Kind    `json:"win"`
	Melds     []recordedMeld  `json:"melds"`
	Void      *mahjong.Suit   `json:"void"`
	Context   []string        `json:"ctx"`
	Rules     json.RawMessage `json:"rules"`
}

// recordedMeld is written as [type, kind].
type recordedMeld mahjong.MeldShape

func (m *recordedMeld) UnmarshalJSON(data []byte) error {
	var pair []json.RawMessage
	if err := json.Unmarshal(data, &pair); err != nil {
		return err
	}
	var name string
	if len(pair) != 2 || json.Unmarshal(pair[0], &name) != nil || json.Unmarshal(pair[1], &m.Kind) != nil {
		return fmt.Errorf("a meld is [type, kind], not %.40s", data)
	}
	for t := mahjong.Peng; t <= mahjong.AnGang; t++ {
		if t.String() == name {
			m.Type = t
			return nil
		}
	}
	return fmt.Errorf("unknown meld %q", name)
}

type singleAnswer struct {
	ID        json.RawMessage `json:"id"`
	Win       bool            `json:"win"`
	Waits     []int           `json:"waits"`
	DaJiaoFan *int            `json:"dajiao_fan"`
	Fans      [][2]any        `json:"fans,omitempty"`
	Raw       *int            `json:"raw,omitempty"`
	Fan       *int            `json:"fan,omitempty"`
}

func answerHand(line []byte) (any, error) {
	var rec singleRecord
	if err := json.Unmarshal(line, &rec); err != nil {
		return nil, err
	}
	rules, err := mahjong.ParseRules(rec.Rules)
	if err != nil {
		return nil, err
	}
	ctx, err := parseContext(rec.Context)
	if err != nil {
		return nil, err
	}
	shape, err := rec.shape()
	if err != nil {
		return nil, err
	}
	waits := shape.Waits()
	a := singleAnswer{ID: idOf(line), Waits: numbers(waits.Kinds())}
	if fan, ready := shape.BestWait(&rules, waits); ready {
		a.DaJiaoFan = &fan
	}
	shape.Concealed[rec.Win]++
	if score, ok := shape.Best(&rules, ctx); ok {
		a.Win, a.Raw, a.Fan = true, &score.Raw, &score.Fan
		for _, item := range score.Items() {
			a.Fans = append(a.Fans, [2]any{item.ID.String(), item.Fan})
		}
	}
	return a, nil
}

// shape checks a record and gives its hand without the winning tile.
func (rec *singleRecord) shape() (mahjong.Shape, error) {
	s := mahjong.Shape{Void: mahjong.NoSuit}
	if rec.Void != nil {
		if !rec.Void.Valid() {
			return s, fmt.Errorf("void %d is no suit", *rec.Void)
		}
		s.Void = *rec.Void
	}
	if want := 13 - 3*len(rec.Melds); want < 0 || len(rec.Concealed) != want {
		return s, fmt.Errorf("%d melds do not go with %d concealed tiles", len(rec.Melds), len(rec.Concealed))
	}
	var held mahjong.Counts
	for _, k := range append([]mahjong.Kind{rec.Win}, rec.Concealed...) {
		if !k.Valid() {
			return s, fmt.Errorf("%d is no kind", k)
		}
		held[k]++
	}
	for _, m := range rec.Melds {
		if !m.Kind.Valid() {
			return s, fmt.Errorf("%d is no kind", m.Kind)
		}
		held[m.Kind] += 3
		if m.Type != mahjong.Peng {
			held[m.Kind]++
		}
		s.Melds = append(s.Melds, mahjong.MeldShape(m))
	}
	for k, n := range held {
		// The winning tile may be offered although all four are held: the record asks whether that
		// wins, and waits exclude the kind.
		if int(n) > 4 && !(mahjong.Kind(k) == rec.Win && n == 5) {
			return s, fmt.Errorf("more than four tiles of kind %d", k)
		}
	}
	for _, k := range rec.Concealed {
		s.Concealed[k]++
	}
	return s, nil
}

var contexts = [...]struct {
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

func parseContext(names []string) (ctx mahjong.Context, err error) {
names:
	for _, name := range names {
		for _, c := range contexts {
			if c.name == name {
				ctx |= c.ctx
				continue names
			}
		}
		return 0, fmt.Errorf("unknown situation %q", name)
	}
	return ctx, nil
}

// numbers converts kinds for JSON, which would write a slice of bytes as text, and nil as null.
func numbers(kinds []mahjong.Kind) []int {
	out := make([]int, len(kinds))
	for i, k := range kinds {
		out[i] = int(k)
	}
	return out
}
