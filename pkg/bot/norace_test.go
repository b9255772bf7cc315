//go:build !race

package bot_test

const (
	duplicateDeals = 1000
	botHands       = 50
)
