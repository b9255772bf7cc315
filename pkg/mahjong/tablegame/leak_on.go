//go:build leak

package tablegame

// leakDraws shows every drawn tile to all seats: a deliberate leak, to check that audits catch it.
const leakDraws = true
