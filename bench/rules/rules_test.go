package rules_test

import (
	"strings"
	"testing"

	"teahouse/bench/rules"
	"teahouse/pkg/game"
	"teahouse/pkg/wire/wirepb"
)

func printed(cfg rules.Config) (string, error) {
	var out strings.Builder
	err := rules.Print(&out, cfg)
	return out.String(), err
}

// TestEveryOptionIsShown: the options and the default rule set of each game, in both languages.
func TestEveryOptionIsShown(t *testing.T) {
	games, err := rules.Games()
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range games {
		for _, lang := range []game.Language{game.English, game.Chinese} {
			options, err := printed(rules.Config{Game: g.Name(), Language: lang})
			if err != nil {
				t.Fatal(err)
			}
			sheet, err := printed(rules.Config{Game: g.Name(), Language: lang, Overrides: "{}"})
			if err != nil {
				t.Fatal(err)
			}
			for _, group := range g.Options().Groups {
				for _, o := range group.Options {
					if !strings.Contains(options, "\n  "+o.Key+" ") || !strings.Contains(options, o.Help.In(lang)) || !strings.Contains(sheet, "\n  "+o.Label.In(lang)) {
						t.Errorf("%s, %s: %s is not shown", g.Name(), lang, o.Key)
					}
				}
			}
		}
	}
}

func TestPrint(t *testing.T) {
	for _, c := range []struct {
		cfg   rules.Config
		lines []string
	}{
		{rules.Config{Game: "mahjong", Language: game.English, Overrides: `{"mode":"xueliu","cap":5,"swap":false}`}, []string{
			"Differs from the default:", "  Game: Xueliu: winners play on (default: Xuezhan: winners leave)", "  Cap: 5 fan (default: 6 fan)",
			"* Swap three: no", "  Tiles to swap: three of one suit (no effect here)",
		}},
		{rules.Config{Game: "mahjong", Language: game.Chinese, Preset: "sbr"}, []string{"  封顶：3 番（默认：4 番）", "* 呼叫转移：退还各家"}},
		{rules.Config{Game: "gomoku", Language: game.English, Overrides: "{}"}, []string{"All as by default.", "  Lines: 15"}},
	} {
		out, err := printed(c.cfg)
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range c.lines {
			if !strings.Contains("\n"+out, "\n"+line+"\n") {
				t.Errorf("%+v: no line %q in\n%s", c.cfg, line, out)
			}
		}
	}
	for _, c := range []struct {
		cfg  rules.Config
		want string
	}{
		{rules.Config{Game: "mahjong", Overrides: `{"cap":31}`}, `option "cap": 31 is not in 0..30`},
		{rules.Config{Game: "mahjong", Overrides: `{"bankrupt":"clip"}`}, `option "balances": missing`},
		{rules.Config{Game: "gomoku", Overrides: `{"komi":6}`}, `option "komi": there is no such option`},
		{rules.Config{Game: "go"}, `game "go": want mahjong or gomoku`},
		{rules.Config{Game: "mahjong", Preset: "x"}, `preset "x": want xuezhan, xueliu, sbr`},
		{rules.Config{Game: "gomoku", Preset: "x"}, `preset "x": the game has none`},
		{rules.Config{Game: "mahjong", Preset: "sbr", Overrides: "{}"}, "exclude each other"},
	} {
		out, err := printed(c.cfg)
		if err == nil || !strings.Contains(err.Error(), c.want) || out != "" {
			t.Errorf("%+v: %v, %q", c.cfg, err, out)
		}
	}
	if _, err := printed(rules.Config{Game: "mahjong", Overrides: "["}); game.CodeOf(err, 0) != wirepb.Code_RULES_INVALID {
		t.Errorf("no rules: %v", err)
	}
	if l, err := game.ParseLanguage("de"); err == nil {
		t.Errorf("de is %q", l)
	}
}
