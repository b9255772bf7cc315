//go:build planted

package planted

import "sync/atomic"

var chosen atomic.Uint32

// Is reports whether the bug is in force.
func Is(b Bug) bool { return Bug(chosen.Load()) == b }

// Choose puts a bug in force instead of the previous one.
func Choose(b Bug) { chosen.Store(uint32(b)) }
