package notation_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"teahouse/pkg/mahjong"
	"teahouse/pkg/mahjong/notation"
)

func TestParse(t *testing.T) {
	h, err := notation.Parse(" 2p123m\t[555s] (9999m) [111+1p] +2p void=s zimo gangshanghua {\"cap\": 6}")
	if err != nil {
		t.Fatal(err)
	}
	want := &notation.Hand{
		Melds: []mahjong.MeldShape{{Type: mahjong.Peng, Kind: 22}, {Type: mahjong.AnGang, Kind: 8}, {Type: mahjong.BuGang, Kind: 9}},
		Win:   10, Void: mahjong.Tiao, Context: mahjong.CtxZimo | mahjong.CtxGangShangHua, Rules: `{"cap":6}`,
	}
	want.Concealed[0], want.Concealed[1], want.Concealed[2], want.Concealed[10] = 1, 1, 1, 1
	if !reflect.DeepEqual(h, want) {
		t.Errorf("%+v, want %+v", h, want)
	}
}

// Each text is wrong at the place marked with !.
func TestErrors(t *testing.T) {
	for _, marked := range []string{
		`!`, `123m!`, `123!x`, `12345678912345!`, `!hello`, `!x12m`, `1111!1m22233344p`, `!05m`, `!筒`,
		`123m [555!`, `123m [55!6p]`, `123m ![55p]`, `123m !(555p)`, `123m [555p!)`, `123m (555!+5p)`, `123m ![+5555p]`,
		`123m +!m`, `123m +3!`, `1112345678999m +1p !+2p`, `123m void!`, `123m void=!x`, `123m void=!`, `123m void=m !void=p`,
		`123m zimo !zimo`, `123m !zimox`, `123m !{"cap":`, `123m !{cap}`, `123m {} !{}`,
		`11122233344455m +6m!`, `[111m][222m][333m][444m]![555m]`, `1112345678999m [1111s]!`, `[111m] 1!1m23456789p`,
		`123m !筒`,
	} {
		mark := strings.Index(marked, "!")
		text := strings.Replace(marked, "!", "", 1)
		_, err := notation.Parse(text)
		var bad *notation.SyntaxError
		if !errors.As(err, &bad) {
			t.Errorf("%q: %v", text, err)
			continue
		}
		t.Logf("%-40q %v", text, err)
		if want := len([]rune(text[:mark])) + 1; bad.Position != want {
			t.Errorf("%q: %v, want position %d", text, err, want)
		}
	}
}

// hands draws any hand that can be written.
func hands(t *rapid.T) *notation.Hand {
	h := &notation.Hand{
		Win: mahjong.NoKind, Void: mahjong.NoSuit,
		Context: mahjong.Context(rapid.Uint16Range(0, 1<<8-1).Draw(t, "context")),
		Rules:   rapid.SampledFrom([]string{"", `{}`, `{"cap":6,"mode":"xueliu"}`}).Draw(t, "rules"),
	}
	if rapid.Bool().Draw(t, "void?") {
		h.Void = mahjong.Suit(rapid.Uint8Range(0, 2).Draw(t, "void"))
	}
	kinds := rapid.Permutation(allKinds()).Draw(t, "kinds")
	for range rapid.IntRange(0, 4).Draw(t, "melds") {
		h.Melds = append(h.Melds, mahjong.MeldShape{
			Type: mahjong.MeldKind(rapid.Uint8Range(uint8(mahjong.Peng), uint8(mahjong.AnGang)).Draw(t, "type")), Kind: kinds[0],
		})
		kinds = kinds[1:]
	}
	n := 13 - 3*len(h.Melds)
	switch rapid.IntRange(0, 2).Draw(t, "extra") {
	case 1:
		n++
	case 2:
		h.Win, kinds = kinds[0], kinds[1:]
	}
	for ; n > 0; n-- {
		k := kinds[0]
		if h.Concealed[k]++; h.Concealed[k] == 4 || rapid.Bool().Draw(t, "another kind") {
			kinds = kinds[1:]
		}
	}
	return h
}

func allKinds() (all []mahjong.Kind) {
	for k := range mahjong.Kind(mahjong.NumKinds) {
		all = append(all, k)
	}
	return all
}

func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := hands(t)
		again, err := notation.Parse(h.String())
		if err != nil {
			t.Fatalf("%s: %v", h, err)
		}
		if !reflect.DeepEqual(again, h) {
			t.Fatalf("%s is read as %s", h, again)
		}
	})
}

// FuzzParse: whatever Parse reads can be written and read again as the same hand.
func FuzzParse(f *testing.F) {
	for _, text := range []string{
		"1234m 22p", "22p123m [555s] (9999m) [111+1p] +2p void=s zimo {\"cap\":6}", "1112345678999m+1m", "[5", "{", "筒",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		h, err := notation.Parse(text)
		if err != nil {
			var bad *notation.SyntaxError
			if !errors.As(err, &bad) || bad.Position < 1 || bad.Position > len([]rune(text))+1 {
				t.Fatalf("%q: %v", text, err)
			}
			return
		}
		again, err := notation.Parse(h.String())
		if err != nil || !reflect.DeepEqual(h, again) {
			t.Fatalf("%q is %s and then %v, %v", text, h, again, err)
		}
	})
}
