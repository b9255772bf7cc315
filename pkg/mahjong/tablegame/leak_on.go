//go:build leak

package tablegame

// leakDraws shows every drawn tile to all seats: a leak built on purpose, to see
// that audits catch it.
const leakDraws = true
