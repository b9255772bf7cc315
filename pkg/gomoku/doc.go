// Package gomoku is five in a row (五子棋) as a game.Game: two seats, no hidden
// information, no luck.
//
//	g := gomoku.New()
//	rules, err := g.Rules([]byte(`{"size":15}`))
//	hand, err := g.Deal(game.Setup{Rules: rules, Dealer: 0}) // the dealer is black and begins
//	step, err := hand.Move(0, move)                          // a gomokupb.Move
//
// Rules, as JSON: size (9 to 19 lines, default 15), exact (true: only exactly five
// in a row win; default false), base (points that a game is worth, 1 to 1,000,000,
// default 1).
//
// It is the smallest whole example of what a game has to bring, and pure as every
// game: no clock, no goroutine, no randomness. Openings that make up for the first
// move (swap2, renju's forbidden moves) are not there. Whoever chooses games (a
// node's host, tools) imports it; clients need gomokupb only.
package gomoku
