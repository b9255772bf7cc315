package cluster

import (
	"errors"

	"golang.org/x/sys/unix"
)

// awaitDeath waits until our child pid is dead, and leaves it to be waited for, so
// that its number is not given to somebody else yet.
func awaitDeath(pid int) {
	for errors.Is(unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil), unix.EINTR) {
	}
}

// dead reports whether our child pid, which nobody has waited for, is dead.
func dead(pid int) bool {
	var info unix.Siginfo
	err := unix.Waitid(unix.P_PID, pid, &info, unix.WEXITED|unix.WNOWAIT|unix.WNOHANG, nil)
	return err == nil && info.Signo != 0
}
