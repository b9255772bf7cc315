package cluster

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// readyTimeout is how long a child may take until it says that it serves. A
// cold machine opens databases slowly.
const readyTimeout = 60 * time.Second

// child is one process and what it was started with.
type child struct {
	name string
	role string
	spec roleSpec

	// Owned by the supervisor, guarded by its mu.
	cmd       *exec.Cmd
	stdin     io.Closer     // closing it ends the child
	exited    chan struct{} // closed when cmd has been waited for; nil before the first start
	addresses map[string]string
	stopping  bool // told to end: Respawn leaves it alone
}

func (c *child) running() bool {
	if c.exited == nil {
		return false
	}
	select {
	case <-c.exited:
		return false
	default:
		return true
	}
}

func (c *child) pid() int {
	if !c.running() {
		return 0
	}
	return c.cmd.Process.Pid
}

// readiness is what a child says once: where it serves, or why it does not.
type readiness struct {
	addresses map[string]string
	err       error
}

// start runs the executable as this child. It returns once the process exists;
// ready says how it went on.
func (c *child) start(executable, logDir string) (ready <-chan readiness, err error) {
	log, err := os.OpenFile(filepath.Join(logDir, c.name+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	cmd := exec.Command(executable, RoleArgument)
	cmd.Stderr = log
	// Its own process group: Ctrl-C in the terminal reaches the supervisor
	// alone, which ends its children in order.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	c.cmd, c.stdin, c.stopping = cmd, stdin, false
	exited := make(chan struct{})
	c.exited = exited

	if err := json.NewEncoder(stdin).Encode(c.spec); err != nil {
		cmd.Process.Kill()
	}
	said := make(chan readiness, 1)
	go func() { // ends with the process
		defer close(exited)
		var r readiness
		line, err := bufio.NewReader(stdout).ReadBytes('\n')
		switch {
		case errors.Is(err, io.EOF):
			r.err = fmt.Errorf("%s ended before it was ready; see %s", c.name, log.Name())
		case err != nil:
			r.err = err
		default:
			r.err = json.Unmarshal(line, &r.addresses)
		}
		said <- r
		io.Copy(io.Discard, stdout)
		cmd.Wait()
	}()
	return said, nil
}

// await waits until the child serves.
func await(ctx context.Context, name string, ready <-chan readiness) (addresses map[string]string, err error) {
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	select {
	case r := <-ready:
		return r.addresses, r.err
	case <-ctx.Done():
		return nil, fmt.Errorf("%s is not ready: %w", name, ctx.Err())
	}
}

// stop ends the child: first by its pipe, then by force.
func (c *child) stop(grace time.Duration) {
	if c.cmd == nil {
		return
	}
	c.stdin.Close()
	timer := time.NewTimer(grace)
	defer timer.Stop()
	select {
	case <-c.exited:
	case <-timer.C:
		c.cmd.Process.Kill()
		<-c.exited
	}
}
