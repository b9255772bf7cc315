package gomoku

import (
	"testing"

	"teahouse/pkg/game/gametest"
)

func TestContract(t *testing.T) {
	gametest.Run(t, New(), gametest.Config{OptionsFile: "options.json"})
}
