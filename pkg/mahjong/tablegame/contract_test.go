package tablegame_test

import (
	"testing"

	"teahouse/pkg/game/gametest"
	"teahouse/pkg/mahjong/tablegame"
)

func TestContract(t *testing.T) {
	gametest.Run(t, newGame(t, tablegame.Config{}), gametest.Config{OptionsFile: "options.json"})
}
