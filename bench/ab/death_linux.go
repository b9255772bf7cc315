package ab

import "syscall"

// dieWithParent lets a child not outlive this process, even one that is killed: a polite
// child is told to end, another one is killed.
func dieWithParent(attr *syscall.SysProcAttr, polite bool) {
	attr.Pdeathsig = syscall.SIGKILL
	if polite {
		attr.Pdeathsig = syscall.SIGTERM
	}
}
