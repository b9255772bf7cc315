package ab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// process is a program that runs for a while. Its output goes to a file.
type process struct {
	name string
	args []string
	dir  string
	log  string // file for all that it says
	// polite is a program that ends its own children when it is told to end.
	polite bool

	cmd   *exec.Cmd
	ended chan struct{} // closed when it has been waited for
	err   error         // then
}

// grace is how long a polite process may take to end.
const grace = 20 * time.Second

// start runs p in a process group of its own, so that Ctrl-C in the terminal reaches this
// process alone, which ends the others in order.
func start(p process) (*process, error) {
	out, err := os.OpenFile(p.log, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer out.Close()
	p.cmd = exec.Command(p.name, p.args...)
	p.cmd.Dir, p.cmd.Stdout, p.cmd.Stderr = p.dir, out, out
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	dieWithParent(p.cmd.SysProcAttr, p.polite)
	p.ended = make(chan struct{})
	started := make(chan error)
	go func() { // ends with the process
		// The kernel's word for parent is the thread that started it, so that must not end before.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := p.cmd.Start()
		started <- err
		if err == nil {
			p.err = p.cmd.Wait()
			close(p.ended)
		}
	}()
	return &p, <-started
}

// wait waits for a process that ends by itself, or ends it with ctx.
func (p *process) wait(ctx context.Context) error {
	select {
	case <-p.ended:
	case <-ctx.Done():
		p.stop()
		return context.Cause(ctx)
	}
	return p.failure()
}

// failure is why an ended process failed, with the last that it said.
func (p *process) failure() error {
	if p.err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w%s", filepath.Base(p.name), p.err, p.lastWords())
}

// stop ends the process and what it has started.
func (p *process) stop() error {
	if p.polite {
		p.cmd.Process.Signal(syscall.SIGTERM)
		timer := time.NewTimer(grace)
		defer timer.Stop()
		select {
		case <-p.ended:
			return p.failure()
		case <-timer.C:
		}
	}
	syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
	<-p.ended
	if p.polite {
		return errors.New(filepath.Base(p.name) + " did not end and was killed" + p.lastWords())
	}
	return nil
}

const (
	lastLines = 12
	lastBytes = 4096
)

// lastWords are the last lines of the output, to be put behind an error.
func (p *process) lastWords() string {
	f, err := os.Open(p.log)
	if err != nil {
		return ""
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil && info.Size() > lastBytes {
		f.Seek(-lastBytes, 2)
	}
	text := make([]byte, lastBytes)
	n, _ := f.Read(text)
	lines := strings.Split(strings.TrimSpace(string(text[:n])), "\n")
	if len(lines) == 1 && lines[0] == "" {
		return ""
	}
	lines = lines[max(0, len(lines)-lastLines):]
	return "\n  " + strings.Join(lines, "\n  ")
}
