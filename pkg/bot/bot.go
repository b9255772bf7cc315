// Package bot holds players made of code. A bot decides from what its seat may see and
// from nothing else: a View and the Prompt in it.
package bot

import (
	"math/rand/v2"

	"teahouse/pkg/mahjong"
)

// Choose gives the sensible answer to the open prompt of view. It is a pure function.
func Choose(rules *mahjong.Rules, view *mahjong.View) mahjong.Command {
	return mahjong.Command{}
}

// Random gives a legal answer to a prompt, drawn evenly from rng among the kinds of
// answer and then among their tiles. hand is needed for the swap only.
func Random(prompt mahjong.Prompt, seat int, hand []mahjong.Tile, rng *rand.Rand) mahjong.Command {
	return mahjong.Command{}
}
