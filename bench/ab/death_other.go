//go:build !linux

package ab

import "syscall"

// dieWithParent can do nothing: no other kernel offers it.
func dieWithParent(*syscall.SysProcAttr, bool) {}
