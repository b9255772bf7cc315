package game_test

import (
	"testing"

	"teahouse/pkg/game"
)

func TestStrength(t *testing.T) {
	for _, s := range game.Strengths() {
		if again, err := game.ParseStrength(s.String()); err != nil || again != s || !s.Valid() {
			t.Errorf("%v is read as %v, %v", s, again, err)
		}
	}
	for _, name := range []string{"", "Strong", "random", "Strength(0)"} {
		if s, err := game.ParseStrength(name); err == nil || s.Valid() {
			t.Errorf("%q is read as %v", name, s)
		}
	}
}
