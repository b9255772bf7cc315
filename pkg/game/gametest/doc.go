// Package gametest is the contract of a game as a suite that any game runs: what package game's comments
// promise to tables, clients and bots, tried on hands that a seeded source plays.
//
//	func TestContract(t *testing.T) {
//		gametest.Run(t, mygame.New(), gametest.Config{
//			Legal: legal,                // answers to a prompt that the hand must accept
//			Twins: twins,                // pairs of hands that a viewer must not tell apart; or Open: true
//			OptionsFile: "options.json", // the catalogue for clients in other languages
//		})
//	}
//
// Each promise is a subtest of its name (Promises lists them), so one of them runs by -run
// 'TestContract/snapshots'. Everything is drawn from the number of a hand, so what fails once fails again. With
// TEAHOUSE_SLOW=1 there are many more hands.
//
// It knows no game and cannot see what a game hides: that is what Twins are for. It shows that promises are
// broken, never that a game is right. Only tests import it.
package gametest
