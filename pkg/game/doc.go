// Package game holds the nouns that every part of Teahouse shares: ids, error codes, the interface
// that a game implements and the contracts of the stores.
//
//	var g game.Game = …            // e.g. Sichuan mahjong
//	hand, err := g.Deal(game.Setup{Rules: rules, Seed: seed, Dealer: 0})
//	step, err := hand.Move(2, payload)
//
// It has no behaviour beyond small methods on those nouns, starts nothing and imports nothing of
// this module but the generated protocol messages, so everybody may import it.
package game
