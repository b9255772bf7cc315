// Package rulebook reads rules by a game's catalogue of options, and shows them to people:
//
//	rules, err := g.Rules([]byte(`{"cap":6}`)) // or of a table, or of a queue's mode
//	sheet, err := rulebook.Read(g.Options(), rules)
//	err = sheet.Write(os.Stdout, game.English) // what differs from the default, then everything
//
// A game can read its rules by its catalogue alone: Complete is all that its Rules needs then. JSON is
// the catalogue as a file, for clients that are not in Go.
//
// It knows no game. Whoever has a game may import it; it is pure.
package rulebook
