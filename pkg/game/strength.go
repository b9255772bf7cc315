package game

import (
	"fmt"
	"strings"
)

// Strength is how well a player made of code plays. A game that has fewer players made of
// code than there are strengths lets one stand for several.
type Strength uint8

// The strengths.
const (
	Weak Strength = iota + 1
	Middle
	Strong
)

var strengthNames = [...]string{"", "weak", "middle", "strong"}

// Strengths lists them, weakest first.
func Strengths() []Strength { return []Strength{Weak, Middle, Strong} }

// String gives the name that ParseStrength reads.
func (s Strength) String() string {
	if s.Valid() {
		return strengthNames[s]
	}
	return fmt.Sprintf("Strength(%d)", uint8(s))
}

// Valid says whether s is one of the strengths; the zero Strength is none.
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
