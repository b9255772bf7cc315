package bot_test

import (
	"strings"
	"testing"

	"teahouse/pkg/bot"
	"teahouse/pkg/game"
	"teahouse/pkg/mahjong"
)

// hold makes a hand of any size; the tiles of a kind are its lowest.
func hold(t *testing.T, text string) (hand []mahjong.Tile) {
	t.Helper()
	var ranks []int
	var count mahjong.Counts
	for _, c := range text {
		suit := strings.IndexRune("mps", c)
		if suit < 0 {
			ranks = append(ranks, int(c-'1'))
			continue
		}
		for _, r := range ranks {
			count[9*suit+r]++
		}
		ranks = nil
	}
	for k, n := range count {
		for i := range n {
			hand = append(hand, mahjong.Tile(4*k+int(i)))
		}
	}
	return hand
}

func kindOf(t *testing.T, text string) mahjong.Kind { return hold(t, text)[0].Kind() }

// What a beginner does with what it is offered.
func TestWeakTakesWhatIsOffered(t *testing.T) {
	p := bot.New(game.Weak, mahjong.DefaultRules())
	for _, c := range []struct {
		prompt mahjong.Prompt
		want   mahjong.Action
	}{
		{mahjong.Prompt{Hu: true, Gang: true, Peng: true}, mahjong.ActHu},
		{mahjong.Prompt{Gang: true, Peng: true}, mahjong.ActGang},
		{mahjong.Prompt{Peng: true}, mahjong.ActPeng},
		{mahjong.Prompt{}, mahjong.ActPass},
	} {
		c.prompt.Kind = mahjong.PromptClaim
		if got := p.Choose(&mahjong.View{Seat: 2, Prompt: c.prompt}); got.Action != c.want || got.Seat != 2 {
			t.Errorf("offered %+v: %v", c.prompt, got)
		}
	}
	hand := hold(t, "1111m2222p33p4s")
	discard := hand[len(hand)-1:]
	an, bu := []mahjong.Kind{kindOf(t, "1m"), kindOf(t, "2p")}, []mahjong.Kind{kindOf(t, "3p"), kindOf(t, "4s")}
	for _, c := range []struct {
		prompt mahjong.Prompt
		want   mahjong.Action
		kind   mahjong.Kind
	}{
		{mahjong.Prompt{Hu: true, An: an, Bu: bu}, mahjong.ActHu, 0},
		{mahjong.Prompt{An: an, Bu: bu}, mahjong.ActAnGang, an[0]},
		{mahjong.Prompt{Bu: bu}, mahjong.ActBuGang, bu[0]},
	} {
		c.prompt.Kind, c.prompt.Discard = mahjong.PromptTurn, discard
		if got := p.Choose(&mahjong.View{Hand: hand, Prompt: c.prompt}); got.Action != c.want || got.Kind != c.kind {
			t.Errorf("offered %+v: %v", c.prompt, got)
		}
	}
}

func TestWeakDiscardsWhatStandsAlone(t *testing.T) {
	p := bot.New(game.Weak, mahjong.DefaultRules())
	for text, want := range map[string]string{
		"123m456m789m11p23p9s": "9s", // the only one without a neighbour
		"11m22m33m9m":          "9m",
		"11m55m9m8m":           "1m", // a pair is as good as two neighbours, of equals the first
		"9m1p":                 "9m", // neighbours are of one suit
		"19m9p1s":              "1m",
		"112m99p":              "9p", // a pair with a neighbour is more than a pair
		"12p12s5s":             "5s",
		"889m1p1p":             "1p",
	} {
		hand := hold(t, text)
		got := p.Choose(&mahjong.View{Hand: hand, Prompt: mahjong.Prompt{Kind: mahjong.PromptTurn, Discard: hand}})
		if got.Action != mahjong.ActDiscard || got.Tile.Kind().String() != want {
			t.Errorf("%s: %v of %v, want %s", text, got.Action, got.Tile.Kind(), want)
		}
	}
	// Only what may be discarded.
	hand := hold(t, "123m9s")
	got := p.Choose(&mahjong.View{Hand: hand, Prompt: mahjong.Prompt{Kind: mahjong.PromptTurn, Discard: hand[:1]}})
	if got.Tile != hand[0] {
		t.Errorf("discards %v", got.Tile)
	}
}

func TestWeakGivesUpItsShortestSuit(t *testing.T) {
	p := bot.New(game.Weak, mahjong.DefaultRules())
	for text, want := range map[string]struct {
		void mahjong.Suit
		swap string // its suit and first tiles
	}{
		"12345m1234p1234s":   {mahjong.Tong, "123p"},
		"1234m12345p1234s":   {mahjong.Wan, "123m"},
		"1234567m12p5678s":   {mahjong.Tong, "567s"}, // two are too few to swap
		"123456789m1123p":    {mahjong.Tiao, "112p"},
		"1m123456p789s123s":  {mahjong.Wan, "123p"},
		"123456m4567p246s":   {mahjong.Tiao, "246s"},
		"1123m12345p1234s":   {mahjong.Wan, "112m"},
		"11m22m33m44m55m66m": {mahjong.Tong, "112m"},
	} {
		hand := hold(t, text)
		void := p.Choose(&mahjong.View{Hand: hand, Prompt: mahjong.Prompt{Kind: mahjong.PromptVoid}})
		if void.Action != mahjong.ActVoid || void.Suit != want.void {
			t.Errorf("%s: gives up %v, want %v", text, void.Suit, want.void)
		}
		swap := p.Choose(&mahjong.View{Hand: hand, Prompt: mahjong.Prompt{Kind: mahjong.PromptSwap}})
		got := ""
		for _, tile := range swap.Tiles {
			got += tile.Kind().String()[:1]
		}
		if got += swap.Tiles[0].Kind().String()[1:]; swap.Action != mahjong.ActSwap || got != want.swap ||
			swap.Tiles[0] == swap.Tiles[1] || swap.Tiles[1] == swap.Tiles[2] {
			t.Errorf("%s: swaps %s, want %s", text, got, want.swap)
		}
	}
}

// Middle makes a meld only if its hand is no farther from winning then; the hands are far enough
// apart that no count of tiles decides.
func TestMiddleMelds(t *testing.T) {
	p := bot.New(game.Middle, mahjong.DefaultRules())
	for name, c := range map[string]struct {
		hand, tile string
		prompt     mahjong.Prompt
		want       mahjong.Action
	}{
		"wins first":              {"11m123p456p789p55p", "1m", mahjong.Prompt{Hu: true, Peng: true}, mahjong.ActHu},
		"a pair becomes a set":    {"11m55m123p456p78p9p", "1m", mahjong.Prompt{Peng: true}, mahjong.ActPeng},
		"not the only pair":       {"11m23m123p456p789p", "1m", mahjong.Prompt{Peng: true}, mahjong.ActPass},
		"not of seven pairs":      {"11m22m44m55p77p99p3p", "2m", mahjong.Prompt{Peng: true}, mahjong.ActPass},
		"a set becomes a gang":    {"111m23p456p789p55p", "1m", mahjong.Prompt{Gang: true, Peng: true}, mahjong.ActGang},
		"not a gang of runs":      {"111m23m123p456p79p", "1m", mahjong.Prompt{Gang: true}, mahjong.ActPass},
		"nothing that is offered": {"11m22m", "5m", mahjong.Prompt{}, mahjong.ActPass},
	} {
		view := &mahjong.View{Hand: hold(t, c.hand), Void: mahjong.Tiao, Prompt: c.prompt}
		view.Prompt.Kind, view.Prompt.Tile = mahjong.PromptClaim, hold(t, c.tile)[0]+3
		if got := p.Choose(view); got.Action != c.want {
			t.Errorf("%s: %v, want %v", name, got.Action, c.want)
		}
	}
	for name, c := range map[string]struct {
		hand   string
		hu     bool
		an, bu string
		want   mahjong.Action
		tile   string
	}{
		"wins first":                {"1111m123p456p55p78p9p", true, "1m", "", mahjong.ActHu, ""},
		"a gang that costs nothing": {"1111m23p456p789p55p", false, "1m", "", mahjong.ActAnGang, "1m"},
		"one that breaks runs":      {"1111m23m123p456p79p", false, "1m", "", mahjong.ActDiscard, ""},
		"a fourth that is alone":    {"9m23p456p789p55p", false, "", "9m", mahjong.ActBuGang, "9m"},
		"a fourth in a run":         {"123m456p789p5p8p", false, "", "1m", mahjong.ActDiscard, ""},
		"the void suit first":       {"123m456m789m11p23p9s", false, "", "", mahjong.ActDiscard, "9s"},
		"what fits least":           {"123m456m789m11p23p9p", false, "", "", mahjong.ActDiscard, "9p"},
	} {
		hand := hold(t, c.hand)
		view := &mahjong.View{Hand: hand, Void: mahjong.Tiao, Prompt: mahjong.Prompt{Kind: mahjong.PromptTurn, Hu: c.hu, Discard: hand}}
		if c.bu != "" {
			view.Prompt.Bu = []mahjong.Kind{kindOf(t, c.bu)}
			view.Seats[0].Melds = make([]mahjong.Meld, 1)
		}
		if c.an != "" {
			view.Prompt.An = []mahjong.Kind{kindOf(t, c.an)}
		}
		got := p.Choose(view)
		what := got.Kind
		if got.Action == mahjong.ActDiscard {
			what = got.Tile.Kind()
		}
		if got.Action != c.want || c.tile != "" && what != kindOf(t, c.tile) {
			t.Errorf("%s: %v %v, want %v %s", name, got.Action, what, c.want, c.tile)
		}
	}
}
