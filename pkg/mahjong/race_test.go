//go:build race

package mahjong_test

// The race detector finds nothing in a package without goroutines, and makes everything ten times
// as slow.
const (
	randomHands     = 12
	hiddenHands     = 12
	oracleHands     = 12
	manyOracleHands = 12
	manyHiddenHands = 12
	manyHands       = 0
	randomShapes    = 3_000
	evenDeals       = 4_000
	manyEvenDeals   = 4_000
)
