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
	"strings"
	"sync"
	"syscall"
	"time"
)

// readyTimeout is how long a child may take until it says that it serves. A
// cold machine opens databases slowly.
const readyTimeout = 60 * time.Second

// child is a process of the cluster, whether it runs or not. All of it is
// guarded by the supervisor's mu.
type child struct {
	name string
	role string
	spec roleSpec

	run       *run // the newest; nil before the first
	addresses map[string]string
	returns   bool // it ended by itself, and Respawn is about to start it
}

// condition is what a child is in. Only who is down can be started: who was told
// to end is waited for first, whoever starts is left to it.
type condition int

const (
	down condition = iota
	starting
	serving
	ending
)

func (c *child) condition() condition {
	switch r := c.run; {
	case r == nil || closed(r.gone):
		return down
	case r.told != 0 || r.dead():
		return ending
	case !closed(r.ready):
		return starting
	case r.err != nil: // it has said why it does not serve, and is on its way out
		return ending
	}
	return serving
}

// pid is 0 of who is down.
func (c *child) pid() int {
	if c.condition() == down {
		return 0
	}
	return c.run.cmd.Process.Pid
}

func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// run is one process that a child was.
type run struct {
	cmd    *exec.Cmd
	stdin  io.Closer     // closing it ends the process
	heard  chan struct{} // closed once it has said where it serves, or why it does not
	ready  chan struct{} // closed once the supervisor has noted that
	exited chan struct{} // closed when it has been waited for
	gone   chan struct{} // closed once the supervisor has noted that

	// To be read when heard is closed.
	addresses map[string]string
	err       error // it does not serve

	told syscall.Signal // that it was told to end with; guarded by the supervisor's mu

	mu     sync.Mutex
	waited bool // for cmd, whose number may be somebody else's from then on
}

// readiness is the line that a child says once: where it serves, or why it
// does not.
type readiness struct {
	Addresses map[string]string `json:"addresses,omitempty"`
	Error     string            `json:"error,omitempty"`
}

// launch runs the executable as this child. It returns once the process exists.
func (c *child) launch(executable, logDir string) error {
	log, err := os.OpenFile(filepath.Join(logDir, c.name+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
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
		return err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	r := &run{cmd: cmd, stdin: stdin, heard: make(chan struct{}), ready: make(chan struct{}), exited: make(chan struct{}), gone: make(chan struct{})}
	c.run, c.addresses, c.returns = r, nil, false
	if err := json.NewEncoder(stdin).Encode(c.spec); err != nil {
		r.signal(syscall.SIGKILL)
	}
	name := c.name
	go func() { // ends with the process
		defer close(r.exited)
		r.addresses, r.err = hear(name, stdout, log.Name())
		close(r.heard)
		io.Copy(io.Discard, stdout)
		r.signal(syscall.SIGKILL) // whom it has left behind
		r.wait()
	}()
	return nil
}

// hear reads the line that a child says.
func hear(name string, stdout io.Reader, log string) (addresses map[string]string, err error) {
	var said readiness
	line, err := bufio.NewReader(stdout).ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, &said)
	}
	switch {
	case errors.Is(err, io.EOF):
		return nil, fmt.Errorf("%s ended before it was ready: %s", name, lastLine(log))
	case err != nil:
		return nil, fmt.Errorf("%s: %w", name, err)
	case said.Error != "":
		return nil, fmt.Errorf("%s: %s", name, said.Error)
	}
	return said.Addresses, nil
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

// signal reaches the process and what it has started; os.ErrProcessDone says that
// nobody is left.
func (r *run) signal(signal syscall.Signal) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.waited {
		return os.ErrProcessDone
	}
	err := syscall.Kill(-r.cmd.Process.Pid, signal)
	if errors.Is(err, syscall.ESRCH) {
		return os.ErrProcessDone
	}
	return err
}

func (r *run) dead() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.waited || dead(r.cmd.Process.Pid)
}

func (r *run) wait() {
	awaitDeath(r.cmd.Process.Pid)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.waited = true
	r.cmd.Wait()
}

// tell signals a child that runs, and notes what that does to it; the supervisor's
// mu is held. After SIGKILL nothing reaches it any more.
func (c *child) tell(signal syscall.Signal) error {
	isDown := c.condition() == down
	if isDown && !(c.returns && ends(signal)) || !isDown && c.run.told == syscall.SIGKILL {
		return fmt.Errorf("%s %w", c.name, ErrNotRunning)
	}
	if isDown { // killed between its end and its return
		c.returns = false
		return nil
	}
	err := c.run.signal(signal)
	switch {
	case ends(signal) && (err == nil || errors.Is(err, os.ErrProcessDone)):
		c.run.told = signal // also if it was faster: nobody can tell, and it stays down
		return nil
	case errors.Is(err, os.ErrProcessDone):
		return fmt.Errorf("%s %w", c.name, ErrNotRunning)
	case err != nil:
		return fmt.Errorf("%s: %w", c.name, err)
	}
	return nil
}

// awaitEnd waits until a process that is ending has ended.
func (r *run) awaitEnd(ctx context.Context, name string) error {
	ctx, cancel := context.WithTimeout(ctx, endsWithin)
	defer cancel()
	select {
	case <-r.gone:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("%s was told to end and has not, paused perhaps: it %w (%w)", name, ErrRunning, ctx.Err())
	}
}

// ends says which signals tell a process to end. The others pause it, or it does
// as it likes about them.
func ends(signal syscall.Signal) bool {
	switch signal {
	case syscall.SIGKILL, syscall.SIGTERM, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGABRT:
		return true
	}
	return false
}

// stop ends the process: first by its pipe, then by force.
func (r *run) stop(grace time.Duration) {
	r.stdin.Close()
	timer := time.NewTimer(grace)
	defer timer.Stop()
	select {
	case <-r.exited:
	case <-timer.C:
		r.signal(syscall.SIGKILL)
		<-r.exited
	}
}
