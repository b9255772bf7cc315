package gomoku

import (
	"encoding/json"
	"fmt"

	"teahouse/pkg/game"
	"teahouse/pkg/game/rulebook"
)

// rules are what Options says, in its order.
type rules struct {
	Size  int   `json:"size"`
	Exact bool  `json:"exact"`
	Base  int64 `json:"base"`
}

const (
	minSize, maxSize = 9, 19
	maxBase          = 1_000_000
)

func (gomoku) Options() game.Catalogue {
	say := func(english, chinese string) game.Text { return game.Text{English: english, Chinese: chinese} }
	return game.Catalogue{Groups: []game.OptionGroup{
		{Name: "board", Label: say("Board", "棋盘"), Options: []game.Option{
			{
				Key: "size", Kind: game.OptionNumber, Default: json.RawMessage("15"), Range: game.Range{Min: minSize, Max: maxSize},
				Label: say("Lines", "路数"), Help: say("How many lines the board has each way.", "棋盘横竖各有几路。"),
			},
			{
				Key: "exact", Kind: game.OptionBool, Default: json.RawMessage("false"),
				Label: say("Exactly five", "长连不算"), Help: say("Only exactly five in a row win, six or more do not.", "恰好五子连珠才赢，六子以上不算。"),
			},
		}},
		{Name: "stake", Label: say("Stake", "输赢"), Options: []game.Option{
			{
				Key: "base", Kind: game.OptionNumber, Default: json.RawMessage("1"), Range: game.Range{Min: 1, Max: maxBase},
				Label: say("Points", "底分"), Help: say("What a game is worth.", "一局值多少分。"),
			},
		}},
	}}
}

func (g gomoku) Rules(overrides []byte) ([]byte, error) {
	return rulebook.Complete(g.Options(), overrides)
}

// parseRules applies overrides to the default rules; errors name what is wrong, with the code
// RULES_INVALID.
func parseRules(overrides []byte) (r rules, err error) {
	whole, err := gomoku{}.Rules(overrides)
	if err != nil {
		return r, fmt.Errorf("gomoku: %w", err)
	}
	return r, json.Unmarshal(whole, &r)
}
