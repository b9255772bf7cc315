//go:build !leak

package tablegame

const leakDraws = false
