//go:build unix

package session

import (
	"errors"
	"syscall"
)

const canReadRaw = true

// readRaw reads what is there without blocking; EAGAIN means nothing is.
func readRaw(fd uintptr, buf []byte) (n int, err error) {
	for {
		n, err = syscall.Read(int(fd), buf)
		if !errors.Is(err, syscall.EINTR) {
			return max(n, 0), err
		}
	}
}
