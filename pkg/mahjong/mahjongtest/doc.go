// Package mahjongtest makes pairs of hands that one viewer must not be able to tell apart: two
// deals that differ only in tiles that are hidden from the viewer, with the inputs for each.
//
//	inputs := mahjongtest.Play(rules, deal, rng)
//	pair, err := mahjongtest.NewPair(rules, deal, inputs, viewer, rng)
//	for _, step := range pair.Steps {
//		// apply step[0] to a hand of pair.Deals[0] and step[1] to one of
//		// pair.Deals[1]: whatever the viewer is told of them must be equal
//	}
//
// Which tiles may differ follows from what happens to them in the engine's full events; nothing
// here asks what the engine would show to whom. Only tests import the package.
package mahjongtest
