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

// readyTimeout is how long a child may take until it reports that it serves. It is long because a machine
// with cold caches opens databases slowly.
const readyTimeout = 60 * time.Second

// child is one named process of the cluster, whether it runs or not. The supervisor's mu guards all of
// it.
type child struct {
	name string
	role string
	spec roleSpec

	run        *run // the newest; nil before the first
	addresses  map[string]string
	respawning bool // it ended by itself, and Respawn is about to start it again
}

// condition is the condition of a child. Only a child that is down can be started: one that is ending must
// end first, and one that is starting must not be started again.
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
	case r.endSignal != 0 || r.dead():
		return ending
	case !closed(r.ready):
		return starting
	case r.err != nil: // it has reported an error instead of serving, and is about to exit
		return ending
	}
	return serving
}

// pid returns the process id, 0 if the child is down.
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

// run is one process of a child, from its start to its end.
type run struct {
	cmd      *exec.Cmd
	stdin    io.Closer     // closing it ends the process
	reported chan struct{} // closed once it has reported where it serves, or an error, or has ended
	ready    chan struct{} // closed once the supervisor has recorded that
	exited   chan struct{} // closed once the process has ended and was waited for
	gone     chan struct{} // closed once the supervisor has recorded that

	// May be read once reported is closed.
	addresses map[string]string
	err       error // why it does not serve

	endSignal syscall.Signal // the signal that told it to end, 0 = none; guarded by the supervisor's mu

	mu     sync.Mutex
	waited bool // the process was waited for; from then on its id may belong to another process
}

// readiness is the one line that a child reports: its addresses, or why it does not serve.
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
	// A process group of its own, so that Ctrl-C in the terminal reaches only the supervisor, which
	// ends its children in order. Servers that the child starts are in the group too and get the same
	// signals.
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
	r := &run{cmd: cmd, stdin: stdin, reported: make(chan struct{}), ready: make(chan struct{}), exited: make(chan struct{}), gone: make(chan struct{})}
	c.run, c.addresses, c.respawning = r, nil, false
	if err := json.NewEncoder(stdin).Encode(c.spec); err != nil {
		r.signal(syscall.SIGKILL)
	}
	name := c.name
	go func() { // ends with the process
		defer close(r.exited)
		r.addresses, r.err = readReadiness(name, stdout, log.Name())
		close(r.reported)
		io.Copy(io.Discard, stdout)
		r.signal(syscall.SIGKILL) // processes that it has started and left behind
		r.wait()
	}()
	return nil
}

// readReadiness reads a child's line.
func readReadiness(name string, stdout io.Reader, log string) (addresses map[string]string, err error) {
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

// lastLine returns the last line of a log file: usually why the process has ended, or what it waits for.
func lastLine(file string) string {
	text, err := os.ReadFile(file)
	if err != nil {
		return err.Error()
	}
	if len(text) == 0 {
		return "its log is empty (or is in --log-file)"
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return lines[len(lines)-1]
}

// signal signals the process and all that it has started. The error is os.ErrProcessDone if all have
// ended.
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

// signal signals a child that runs and records if that ends it; the supervisor's mu is held. After SIGKILL
// the child counts as not running.
func (c *child) signal(signal syscall.Signal) error {
	isDown := c.condition() == down
	if isDown && !(c.respawning && ends(signal)) || !isDown && c.run.endSignal == syscall.SIGKILL {
		return fmt.Errorf("%s %w", c.name, ErrNotRunning)
	}
	if isDown { // killed between its end and its respawn
		c.respawning = false
		return nil
	}
	err := c.run.signal(signal)
	switch {
	case ends(signal) && (err == nil || errors.Is(err, os.ErrProcessDone)):
		// Also if the process has ended by itself just before: that cannot be distinguished, and the
		// caller wants it to stay down.
		c.run.endSignal = signal
		return nil
	case errors.Is(err, os.ErrProcessDone):
		return fmt.Errorf("%s %w", c.name, ErrNotRunning)
	case err != nil:
		return fmt.Errorf("%s: %w", c.name, err)
	}
	return nil
}

// awaitEnd waits until an ending process has ended, at most endsWithin.
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

// ends reports whether a signal tells a process to end. Others pause it, or the process decides.
func ends(signal syscall.Signal) bool {
	switch signal {
	case syscall.SIGKILL, syscall.SIGTERM, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGABRT:
		return true
	}
	return false
}

// stop ends the process: it closes the pipe, and after grace it kills the process.
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
