// Package bots lets two players made of code play duplicate mahjong against each other and
// says which one is better, and how sure that is:
//
//	report, err := bots.Run(ctx, bots.Config{A: "strong", B: "middle", Hands: 10000})
//
// Each deal (wall, dealer, direction of the swap) is played six times, once for each way to
// give two of the four seats to A and two to B. Whatever luck lies in a deal, both get it
// equally often, and what remains is compared deal by deal.
//
// The players see what View gives their seat and nothing else. The results depend on the
// configuration alone; only the times in a Report do not. The bench tool imports it.
package bots
