// Package mahjongtest makes pairs of hands that one viewer must not be able to tell
// apart: two deals that differ in nothing but tiles that are hidden from the viewer,
// with the inputs for each.
//
//	inputs := mahjongtest.Play(rules, deal, rng)
//	pair, err := mahjongtest.NewPair(rules, deal, inputs, viewer, rng)
//	for _, step := range pair.Steps {
//		// apply step[0] to a hand of pair.Deals[0] and step[1] to one of
//		// pair.Deals[1]: whatever the viewer is told of them must be equal
//	}
//
// How the two deals are related is decided by what happens to the tiles, by the engine's
// events for somebody who sees everything; nothing here asks what the engine would show
// to whom. Only tests import the package.
package mahjongtest
