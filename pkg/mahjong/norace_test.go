//go:build !race

package mahjong_test

const (
	randomHands  = 200
	randomShapes = 30_000
	evenDeals    = 20_000
)
