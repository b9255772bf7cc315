//go:build !race

package bots_test

const raceFactor = 1
