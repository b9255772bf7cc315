package cluster

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
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

// readiness is the line that a child says once: where it serves, or why it
// does not.
type readiness struct {
	Addresses map[string]string `json:"addresses,omitempty"`
	Error     string            `json:"error,omitempty"`

	err error // for the supervisor: Error, or what went wrong with the line
}

// start runs the executable as this child. It returns once the process exists;
// ready says once how it went on.
func (c *child) start(executable, logDir string) (ready <-chan readiness, err error) {
	log, err := os.OpenFile(filepath.Join(logDir, c.name+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	cmd := exec.Command(executable, RoleArgument)
	cmd.Stderr = log
	// Its own process group: Ctrl-C in the terminal reaches the supervisor
	// alone, which ends its children in order. A server that the child starts is
	// in it too, and gets the same signals.
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
		signalGroup(cmd, syscall.SIGKILL)
	}
	said := make(chan readiness, 1)
	go func() { // ends with the process
		defer close(exited)
		var r readiness
		line, err := bufio.NewReader(stdout).ReadBytes('\n')
		if err == nil {
			err = json.Unmarshal(line, &r)
		}
		switch {
		case errors.Is(err, io.EOF):
			r.err = fmt.Errorf("%s ended before it was ready: %s", c.name, lastLine(log.Name()))
		case err != nil:
			r.err = fmt.Errorf("%s: %w", c.name, err)
		case r.Error != "":
			r.err = fmt.Errorf("%s: %s", c.name, r.Error)
		}
		said <- r
		io.Copy(io.Discard, stdout)
		signalGroup(cmd, syscall.SIGKILL) // whom it has left behind; its own number is taken until Wait
		cmd.Wait()
	}()
	return said, nil
}

// signalGroup reaches a child and what it has started.
func signalGroup(cmd *exec.Cmd, signal syscall.Signal) error {
	return syscall.Kill(-cmd.Process.Pid, signal)
}

// lastLine is the end of a log: what a process said before it died, or what
// keeps it waiting.
func lastLine(file string) string {
	text, err := os.ReadFile(file)
	if err != nil {
		return err.Error()
	}
	if len(text) == 0 {
		return "its log says nothing (or stands in --log-file)"
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return lines[len(lines)-1]
}

// signal signals a running child.
func (c *child) signal(signal syscall.Signal) error {
	c.stopping = signal != syscall.SIGSTOP && signal != syscall.SIGCONT
	return signalGroup(c.cmd, signal)
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
		signalGroup(c.cmd, syscall.SIGKILL)
		<-c.exited
	}
}
