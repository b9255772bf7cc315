//go:build !race

package mahjong_test

const randomHands = 200
