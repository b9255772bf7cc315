// Package bots lets two bots play duplicate mahjong against each other and reports which one is
// better, and how certain that is:
//
//	report, err := bots.Run(ctx, bots.Config{A: "strong", B: "middle", Hands: 10000})
//
// Each deal (wall, dealer, direction of the swap) is played six times, once for each way to give
// two of the four seats to A and two to B. So both get the luck of a deal equally often, and what
// remains is compared deal by deal.
//
// The players see only what View gives their seat. The results depend on the configuration alone;
// only the times in a Report do not. The bench tool imports it.
package bots
