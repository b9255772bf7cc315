//go:build !planted

package planted

// Is reports whether the bug is there: never.
func Is(Bug) bool { return false }
