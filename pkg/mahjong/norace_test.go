//go:build !race

package mahjong_test

const (
	randomHands     = 1000
	hiddenHands     = 200
	oracleHands     = 800
	manyOracleHands = 5_000
	manyHiddenHands = 10_000
	manyHands       = 100_000
	randomShapes    = 30_000
	evenDeals       = 100_000
	manyEvenDeals   = 1_000_000
)
