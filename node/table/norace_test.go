//go:build !race

package table_test

const (
	hiddenHands     = 100
	manyHiddenHands = 10_000
)
