//go:build !unix

package edge

import (
	"errors"
	"syscall"
)

func controlReusePort(string, string, syscall.RawConn) error {
	return errors.New("several gateways cannot share an address on this system")
}
