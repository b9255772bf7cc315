//go:build !race

package bot_test

const botHands = 15
