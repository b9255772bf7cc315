// Package tablegame puts Sichuan mahjong on a table: it implements game.Game on top of pkg/mahjong,
// with the messages of mahjongpb toward the seats.
//
//	g, err := tablegame.New(tablegame.Config{})
//	rules, err := g.Rules([]byte(`{"mode":"xuezhan"}`))
//	hand, err := g.Deal(game.Setup{Rules: rules, Seed: seed, Dealer: 0})
//	step, err := hand.Move(seat, move) // a mahjongpb.Move
//
// It adds time limits, codes and bytes; it decides nothing about the rules, and what a seat may
// know is what mahjong's own Event.For, Hand.View and Hand.Prompt return. Audit checks exactly that
// from the outside, for tests and tools.
//
// Like the engine it is pure: no clock, no goroutine, no randomness, and equal inputs give equal
// bytes. Packages that choose games (a node's host, tools) import it; clients need only mahjongpb.
package tablegame
