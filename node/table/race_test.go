//go:build race

package table_test

// The race detector cannot find anything in a package without goroutines, and makes everything ten
// times as slow.
const (
	hiddenHands     = 10
	manyHiddenHands = 10
)
