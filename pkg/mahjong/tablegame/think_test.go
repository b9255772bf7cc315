package tablegame_test

import (
	"slices"
	"testing"

	"teahouse/pkg/bot"
	"teahouse/pkg/game"
	"teahouse/pkg/mahjong"
	"teahouse/pkg/mahjong/tablegame"
	"teahouse/pkg/mahjong/tablegame/mahjongpb"
)

// From a prompt's bytes a bot decides as it does from its seat's view, by the table's rules.
func TestThinkKnowsTheView(t *testing.T) {
	g := newGame(t, tablegame.Config{})
	for name, text := range map[string]string{
		"default": ``, "xueliu": `{"mode":"xueliu"}`, "shown": `{"cap":0,"show_winners":true,"hide_angang":true,"zimo":"fan"}`,
	} {
		t.Run(name, func(t *testing.T) {
			rules, err := mahjong.ParseRules([]byte(text))
			if err != nil {
				t.Fatal(err)
			}
			for i, strength := range game.Strengths() {
				seed := seedOf(uint64(40 + i))
				dealt, err := mahjong.New(rules, mahjong.DealFromSeed(seed, 1))
				if err != nil {
					t.Fatal(err)
				}
				canonical, err := g.Rules([]byte(text))
				if err != nil {
					t.Fatal(err)
				}
				table, err := g.Deal(game.Setup{Rules: canonical, Seed: seed, Dealer: 1})
				if err != nil {
					t.Fatal(err)
				}
				same(t, g, strength, bot.New(strength, rules), dealt, table)
			}
		})
	}
}

// same plays the same hand on the engine and on a table.
func same(t *testing.T, g game.Game, strength game.Strength, p *bot.Player, dealt *mahjong.Hand, table game.Hand) {
	t.Helper()
	for !dealt.Finished() {
		for seat := range mahjong.Seats {
			view := dealt.View(seat)
			if view.Prompt.Kind == mahjong.PromptNone {
				continue
			}
			c := p.Choose(&view)
			if _, err := dealt.Apply(c); err != nil {
				t.Fatal(err)
			}
			if dealt.Finished() {
				return
			}
			if table.Prompt(seat).Serial == 0 { // a locked hand's turn without a choice
				if _, err := table.Release(); err != nil {
					t.Fatal(err)
				}
				continue
			}
			move, err := think(g, table, seat, strength)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := table.Move(seat, move); err != nil {
				t.Fatal(err)
			}
			was, is := dealt.View(seat), unmarshal(t, table.View(seat), new(mahjongpb.View))
			if !slices.EqualFunc(was.Hand, is.GetHand(), func(a mahjong.Tile, b uint32) bool { return uint32(a.Kind()) == b }) ||
				was.Wall != int(is.GetWall()) || len(was.Seats[seat].Melds) != len(is.GetSeats()[seat].GetMelds()) {
				t.Fatalf("%v, seat %d: %+v from the view, %v from the prompt", strength, seat, c,
					unmarshal(t, move, new(mahjongpb.Move)))
			}
		}
	}
}
