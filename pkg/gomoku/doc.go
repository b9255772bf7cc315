// Package gomoku is five in a row (五子棋) as a game.Game: two seats, no hidden information, no luck.
//
//	g := gomoku.New()
//	rules, err := g.Rules([]byte(`{"size":15}`))
//	hand, err := g.Deal(game.Setup{Rules: rules, Dealer: 0}) // the dealer is black and begins
//	step, err := hand.Move(0, move)                          // a gomokupb.Move
//
// Its rules are what Options says: size, exact and base.
//
// It is the smallest complete example of what a game must provide, and pure like every game: no
// clock, no goroutine, no randomness. Openings that compensate for the first move (swap2, renju's
// forbidden moves) are not included. Packages that choose games (a node's host, tools) import it;
// clients need only gomokupb.
package gomoku
