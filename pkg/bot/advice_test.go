package bot_test

import (
	"testing"

	"pgregory.net/rapid"

	"teahouse/pkg/bot"
	"teahouse/pkg/mahjong"
	"teahouse/pkg/mahjong/notation"
)

func shape(t *testing.T, text string) mahjong.Shape {
	t.Helper()
	h, err := notation.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return mahjong.Shape{Concealed: h.Concealed, Melds: h.Melds, Void: h.Void}
}

func TestAdvise(t *testing.T) {
	for text, want := range map[string]int{
		"123m456m789m11p23p void=s":    0,
		"123m456m789m1p4p7p9p":         1,
		"11m22m33m55p66p77p9p void=s":  0, // seven pairs
		"147m258p369s1234m void=s":     4,
		"123456789m 1234s":             0, // two suits, whichever is void
		"[111m] 123p456p789p2m void=s": 0,
	} {
		if a := bot.Advise(shape(t, text)); a.Shanten != want {
			t.Errorf("%s: shanten %d, want %d", text, a.Shanten, want)
		}
	}
	best := bot.AdviseDiscards(shape(t, "123m456m789m11p23p9p void=s"))[0]
	if best.Discard.String() != "9p" || best.Shanten != 0 || best.Tiles != 6 || best.Useful.Len() != 2 {
		t.Errorf("best: %+v", best)
	}
	for _, a := range bot.AdviseDiscards(shape(t, "123m456m789m11p23p9s void=s")) {
		if a.Discard.Suit() != mahjong.Tiao {
			t.Errorf("%v before the void suit", a.Discard)
		}
	}
}

// A hand that waits by the engine's own look-up has shanten 0, and its waits are the useful kinds.
func TestAdviceAgreesWithWaits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := mahjong.Shape{Void: mahjong.Tiao}
		// Sets and a pair, less one tile: close enough to waiting that both answers occur.
		for range 4 {
			low := rapid.IntRange(0, 6).Draw(t, "low") + 9*rapid.IntRange(0, 1).Draw(t, "suit")
			for i := range 3 {
				if k := low + i*rapid.SampledFrom([]int{0, 1}).Draw(t, "step"); s.Concealed[k] < 4 {
					s.Concealed[k]++
				}
			}
		}
		for s.Concealed.Len() < 13 {
			if k := rapid.IntRange(0, 17).Draw(t, "more"); s.Concealed[k] < 4 {
				s.Concealed[k]++
			}
		}
		a, waits := bot.Advise(s), s.Waits()
		if waits != 0 && (a.Shanten != 0 || a.Useful != waits) {
			t.Fatalf("%s waits for %v, advice %+v", notation.Tiles(&s.Concealed), waits.Kinds(), a)
		}
		if waits == 0 && a.Shanten == 0 && a.Useful != 0 {
			t.Fatalf("%s does not wait, advice %+v", notation.Tiles(&s.Concealed), a)
		}
	})
}
