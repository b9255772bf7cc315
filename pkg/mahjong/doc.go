// Package mahjong is the rules engine of Sichuan mahjong 四川麻将: Xuezhan 血战到底 and Xueliu 血流成河, from
// the deal to the settlement of one hand.
//
// The engine is a deterministic state machine. A Hand is made from a rule set and a Deal (which
// holds the whole wall), takes Commands, and answers each with the Events that it caused:
//
//	h, err := mahjong.New(mahjong.DefaultRules(), mahjong.DealFromSeed(seed, dealer))
//	opening := h.Opening()          // the deal, as an event
//	for !h.Finished() {
//		for seat := 0; seat < mahjong.Seats; seat++ {
//			if p := h.Prompt(seat); p.Serial != 0 {
//				events, err := h.Apply(choose(p))
//			}
//		}
//		if h.Holding() { // only with the option min_claim_ms, once that time is over
//			events, err := h.Apply(mahjong.Command{Action: mahjong.ActRelease})
//		}
//	}
//	result, _ := h.Result()
//
// Events and states show everything, hidden tiles included. What one viewer may know of them is
// what Event.For, Hand.View and Hand.Prompt return; nothing else of this package may be shown to a
// player.
//
// The package has no clock, no goroutine, no I/O and no randomness of its own: a time limit is a
// Timeout command that the owner of the clock sends, and the end of a window's least time is a
// Release command. Equal inputs give equal bytes everywhere. Any package may import it; it imports
// only the standard library.
package mahjong
