//go:build race

package bot_test

// The race detector makes everything ten times as slow.
const botHands = 2
