// Package daemon runs a server that Teahouse can use, MariaDB or Consul, as a
// private process of this program: for tests and for clusters on one machine.
//
//	db, err := daemon.StartMariaDB(ctx, dir) // errors.Is(err, daemon.ErrNotInstalled)
//	defer db.Stop()
//	err = db.CreateDatabase(ctx, "teahouse") // then db.DSN("teahouse")
//	db.Kill()
//	db, err = daemon.StartMariaDB(ctx, dir)  // the same data again
//
// Nothing of it is reachable from other machines, and nothing is installed or
// downloaded. It is no way to run a server that matters. Only deploy and tests
// import it.
package daemon

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// ErrNotInstalled says that the server's program is not on this machine; the
// text names the package that brings it.
var ErrNotInstalled = errors.New("not installed")

const (
	// readyEvery is how often a starting server is asked whether it serves.
	readyEvery = 20 * time.Millisecond
	// grace is how long a server may take to end by itself.
	grace = 3 * time.Second
)

// Daemon is a running server. Its methods may be called from any goroutine.
type Daemon struct {
	process *os.Process
	done    chan struct{} // closed when the process has been waited for
}

// start runs cmd and waits until ready has no error any more. What the server
// says is appended to the file log.
func start(ctx context.Context, cmd *exec.Cmd, log string, ready func(context.Context) error) (*Daemon, error) {
	out, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer out.Close()
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	d := &Daemon{process: cmd.Process, done: make(chan struct{})}
	go func() { // ends with the process
		defer close(d.done)
		cmd.Wait()
	}()
	name := filepath.Base(cmd.Path)
	tick := time.NewTicker(readyEvery)
	defer tick.Stop()
	for {
		if err = ready(ctx); err == nil {
			return d, nil
		}
		select {
		case <-d.done:
			return nil, fmt.Errorf("daemon: %s ended before it served: %s", name, lastLine(log))
		case <-ctx.Done():
			d.Kill()
			return nil, fmt.Errorf("daemon: %s does not serve (%w): %w", name, err, ctx.Err())
		case <-tick.C:
		}
	}
}

// Done is closed when the server has ended, by itself or not.
func (d *Daemon) Done() <-chan struct{} { return d.done }

// Signal sends a signal, such as SIGSTOP; to one that has ended it is an error.
func (d *Daemon) Signal(s syscall.Signal) error { return d.process.Signal(s) }

// Kill ends the server as kill -9 does, and waits.
func (d *Daemon) Kill() {
	d.process.Kill()
	<-d.done
}

// Stop lets the server end by itself for a moment, then kills it, and waits.
func (d *Daemon) Stop() {
	d.process.Signal(syscall.SIGTERM)
	timer := time.NewTimer(grace)
	defer timer.Stop()
	select {
	case <-d.done:
	case <-timer.C:
		d.Kill()
	}
}

// lastLine is the end of a log.
func lastLine(file string) string {
	text, err := os.ReadFile(file)
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return lines[len(lines)-1]
}
