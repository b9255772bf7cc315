package cluster

import (
	"errors"

	"golang.org/x/sys/unix"
)

// awaitDeath waits until the child process pid is dead. It leaves the process a zombie, so that the system
// does not reuse its id yet.
func awaitDeath(pid int) {
	for errors.Is(unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil), unix.EINTR) {
	}
}

// dead reports whether the child process pid, which was not waited for, is dead.
func dead(pid int) bool {
	var info unix.Siginfo
	err := unix.Waitid(unix.P_PID, pid, &info, unix.WEXITED|unix.WNOWAIT|unix.WNOHANG, nil)
	return err == nil && info.Signo != 0
}
