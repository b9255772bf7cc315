//go:build race

package bots_test

// raceFactor divides the hands: the race detector makes everything ten times as slow.
const raceFactor = 15
