package gametest_test

import (
	"testing"

	"teahouse/pkg/game/gametest"
)

func TestCards(t *testing.T) { gametest.Run(t, cards{}, cardConfig()) }
