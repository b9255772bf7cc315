package game

import (
	"fmt"
	"strings"
)

// Strength is how well a bot plays. A game with fewer kinds of bots than strengths may use one for
// several.
type Strength uint8

const (
	Weak Strength = iota + 1
	Middle
	Strong
)

var strengthNames = [...]string{"", "weak", "middle", "strong"}

// Strengths lists them, weakest first.
func Strengths() []Strength { return []Strength{Weak, Middle, Strong} }

// String returns the name that ParseStrength reads.
func (s Strength) String() string {
	if s.Valid() {
		return strengthNames[s]
	}
	return fmt.Sprintf("Strength(%d)", uint8(s))
}

// Valid reports whether s is one of the strengths; the zero Strength is not.
func (s Strength) Valid() bool { return s >= Weak && s <= Strong }

// ParseStrength reads the name of a strength.
func ParseStrength(name string) (Strength, error) {
	for _, s := range Strengths() {
		if s.String() == name {
			return s, nil
		}
	}
	return 0, fmt.Errorf("game: strength %q is none of %s", name, strings.Join(strengthNames[1:], ", "))
}
