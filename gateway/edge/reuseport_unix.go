//go:build unix

package edge

import (
	"syscall"

	"golang.org/x/sys/unix"
)

func controlReusePort(_, _ string, c syscall.RawConn) (err error) {
	failed := c.Control(func(fd uintptr) {
		err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEPORT, 1)
	})
	if failed != nil {
		return failed
	}
	return err
}
