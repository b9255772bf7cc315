//go:build race

package bot_test

// The race detector finds nothing in a package without goroutines, and makes everything
// ten times as slow.
const (
	duplicateDeals = 30
	botHands       = 3
)
