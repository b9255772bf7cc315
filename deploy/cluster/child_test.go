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
	"syscall"
	"testing"
	"time"
)

// TestMain lets the test binary also run as a supervisor's children.
func TestMain(m *testing.M) {
	switch {
	case len(os.Args) == 2 && os.Args[1] == RoleArgument:
		if err := pretend(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	case len(os.Args) == 3 && os.Args[1] == "hold":
		os.Open(os.Args[2]) // returns once somebody opens it for writing
	default:
		os.Exit(m.Run())
	}
}

// pretend is a child that serves nothing. Files in the cluster's folder control it: NAME.refuse makes it
// fail; the pipe NAME.start delays its readiness until the pipe is opened; with the pipe NAME.hold, a
// process that no signal reaches keeps its standard output open after its death, so that the
// supervisor does not notice the death until the pipe is opened.
func pretend() error {
	line, err := bufio.NewReader(os.Stdin).ReadBytes('\n')
	if err != nil {
		return err
	}
	var spec roleSpec
	if err := json.Unmarshal(line, &spec); err != nil {
		return err
	}
	file := filepath.Join(spec.Data, spec.Name)
	if _, err := os.Stat(file + ".refuse"); err == nil {
		return errors.New("it was told to refuse")
	}
	if _, err := os.Stat(file + ".hold"); err == nil {
		hold := exec.Command(os.Args[0], "hold", file+".hold")
		hold.Stdout, hold.SysProcAttr = os.Stdout, &syscall.SysProcAttr{Setsid: true}
		if err := hold.Start(); err != nil {
			return err
		}
	}
	if _, err := os.Stat(file + ".start"); err == nil {
		if _, err := os.Open(file + ".start"); err != nil {
			return err
		}
	}
	fmt.Println(`{"addresses":{"link":"nowhere"}}`)
	io.Copy(io.Discard, os.Stdin)
	return nil
}

// fake is a supervisor of children that only pretend: a registry, three nodes and a gateway.
type fake struct {
	*testing.T
	*Supervisor
}

func newFake(t *testing.T, cfg Config) fake {
	executable, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cfg.Executable, cfg.Data, cfg.Nodes, cfg.Listen = executable, t.TempDir(), 3, "127.0.0.1:0"
	cfg.State = filepath.Join(t.TempDir(), "state.json")
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.end)
	return fake{t, s}
}

// pipe makes one of the pipes that block a child; open unblocks it.
func (f fake) pipe(name string) (open func()) {
	f.Helper()
	file := filepath.Join(f.data, name)
	if err := syscall.Mkfifo(file, 0o600); err != nil {
		f.Fatal(err)
	}
	open = func() {
		os.Remove(file + ".opened")
		if os.Rename(file, file+".opened") != nil { // renamed, so that it does not block later processes
			return
		}
		p, err := os.OpenFile(file+".opened", os.O_RDWR, 0)
		if err != nil {
			f.Error(err)
			return
		}
		f.Cleanup(func() { p.Close() })
	}
	f.Cleanup(open)
	return open
}

func (f fake) startAll() {
	f.Helper()
	if err := f.StartAll(f.Context()); err != nil {
		f.Fatal(err)
	}
}

// is waits until a child is in a condition.
func (f fake) is(name string, want condition) {
	f.Helper()
	f.until(name, func(c *child) bool { return c.condition() == want })
}

// until polls, because there is no event for every change of a process.
func (f fake) until(name string, holds func(*child) bool) {
	f.Helper()
	ctx, cancel := context.WithTimeout(f.Context(), time.Minute)
	defer cancel()
	for {
		f.mu.Lock()
		c, err := f.findLocked(name)
		ok := err == nil && holds(c)
		f.mu.Unlock()
		if ok {
			return
		}
		if ctx.Err() != nil {
			f.Fatalf("waited a minute for %s", name)
		}
		time.Sleep(time.Millisecond)
	}
}

func (f fake) process(name string) Process {
	for _, p := range f.State().Processes {
		if p.Name == name {
			return p
		}
	}
	return Process{}
}

// TestStartAfterKill: a child that is dead but was not waited for does not count as running, and a start
// waits for it and starts it again, whoever has killed it and with whichever command it is started.
func TestStartAfterKill(t *testing.T) {
	const name = "node-2"
	kills := map[string]func(f fake) error{
		"kill":     func(f fake) error { return f.Kill(name, syscall.SIGKILL) },
		"kill all": func(f fake) error { return f.KillAll(syscall.SIGKILL) },
		"term":     func(f fake) error { return f.Kill(name, syscall.SIGTERM) },
		"from outside": func(f fake) error {
			pid := f.process(name).PID
			if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
				return err
			}
			f.is(name, ending)
			return nil
		},
	}
	starts := map[string]func(f fake) error{
		"start":     func(f fake) error { return f.Start(f.Context(), name) },
		"start all": func(f fake) error { return f.StartAll(f.Context()) },
		"wipe and start": func(f fake) error {
			if err := f.Wipe(f.Context(), name); err != nil {
				return err
			}
			return f.Start(f.Context(), name)
		},
	}
	for how, kill := range kills {
		for what, start := range starts {
			t.Run(what+" after "+how, func(t *testing.T) {
				t.Parallel()
				f := newFake(t, Config{Respawn: true}) // Respawn must not interfere
				bury := f.pipe(name + ".hold")
				f.startAll()
				before := f.process(name)
				if !before.Runs() || before.PID == 0 {
					t.Fatalf("%+v", before)
				}
				if err := kill(f); err != nil {
					t.Fatal(err)
				}
				if p := f.process(name); p.Runs() || p.PID != before.PID {
					t.Errorf("after the kill it is %+v", p)
				}
				if missing := f.State().Unhealthy(t.Context()); missing == "" {
					t.Error("the cluster counts as healthy")
				}
				started := make(chan error, 1)
				go func() { started <- start(f) }()
				select {
				case err := <-started:
					t.Fatalf("it was not waited for: %v", err)
				case <-time.After(20 * time.Millisecond): // a wrong start would have returned by now, or fails below
				}
				bury()
				if err := <-started; err != nil {
					t.Fatal(err)
				}
				if p := f.process(name); !p.Runs() || p.PID == before.PID {
					t.Errorf("it is back as %+v, it was %+v", p, before)
				}
			})
		}
	}
}

// TestStartOfOneThatStays: a child that was told to end and does not is named in the error, and a start
// waits for it no longer than endsWithin.
func TestStartOfOneThatStays(t *testing.T) {
	f := newFake(t, Config{})
	f.startAll()
	for _, signal := range []syscall.Signal{syscall.SIGSTOP, syscall.SIGTERM} { // the paused process does not see the second one
		if err := f.Kill("node-2", signal); err != nil {
			t.Fatal(err)
		}
	}
	for what, start := range map[string]func(context.Context) error{
		"start":     func(ctx context.Context) error { return f.Start(ctx, "node-2") },
		"start all": f.StartAll,
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		err := start(ctx)
		cancel()
		if !errors.Is(err, ErrRunning) || !strings.Contains(err.Error(), "node-2") {
			t.Errorf("%s: %v", what, err)
		}
	}
	if err := f.Kill("node-2", syscall.SIGKILL); err != nil { // works where SIGTERM did not
		t.Error(err)
	}
	if err := f.Start(t.Context(), "node-2"); err != nil {
		t.Error(err)
	}
	if err := f.Start(t.Context(), "node-2"); !errors.Is(err, ErrRunning) {
		t.Errorf("the start of one that serves: %v", err)
	}
}

// TestStartAllNames: the error names all children that do not run, including those not tried.
func TestStartAllNames(t *testing.T) {
	f := newFake(t, Config{})
	refuse := filepath.Join(f.data, "node-3.refuse")
	if err := os.WriteFile(refuse, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	err := f.StartAll(t.Context())
	if err == nil || !strings.Contains(err.Error(), "told to refuse") || !strings.Contains(err.Error(), "node-3, gateway-1") {
		t.Errorf("node-3 refuses: %v", err)
	}
	if err := os.Remove(refuse); err != nil {
		t.Fatal(err)
	}
	f.startAll()
	for _, p := range f.State().Processes {
		if !p.Runs() {
			t.Errorf("%+v", p)
		}
	}
	f.startAll() // nothing to do
}

// TestStartUnderWay: a second start of a child that is starting waits for the first, and is not refused.
func TestStartUnderWay(t *testing.T) {
	f := newFake(t, Config{})
	f.startAll()
	if err := f.Kill("node-1", syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	open := f.pipe("node-1.start")
	started := make(chan error, 3)
	go func() { started <- f.Start(t.Context(), "node-1") }()
	f.is("node-1", starting)
	go func() { started <- f.Start(t.Context(), "node-1") }()
	go func() { started <- f.StartAll(t.Context()) }()
	select {
	case err := <-started:
		t.Errorf("returned before it serves: %v", err)
	case <-time.After(20 * time.Millisecond):
	}
	open()
	for range cap(started) {
		if err := <-started; err != nil && !errors.Is(err, ErrRunning) { // the second Start may have come too late to join
			t.Error(err)
		}
	}
	if !f.process("node-1").Runs() {
		t.Error("it does not run")
	}
}

// TestRespawnAndKill: a child that is killed or wiped while Respawn is about to restart it stays down; a
// signal that does not end processes does not stop Respawn.
func TestRespawnAndKill(t *testing.T) {
	for what, end := range map[string]func(fake) error{
		"kill":     func(f fake) error { return f.Kill("node-1", syscall.SIGKILL) },
		"kill all": func(f fake) error { return f.KillAll(syscall.SIGTERM) },
		"wipe":     func(f fake) error { return f.Wipe(f.Context(), "node-1") },
		"nothing":  nil,
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			f := newFake(t, Config{Respawn: true})
			f.startAll()
			if err := f.Kill("node-1", syscall.SIGWINCH); err != nil {
				t.Fatal(err)
			}
			if err := syscall.Kill(f.process("node-1").PID, syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
			if end == nil {
				f.is("node-1", serving)
				return
			}
			f.until("node-1", func(c *child) bool { return c.respawning })
			if err := end(f); err != nil {
				t.Fatal(err)
			}
			for _, name := range []string{"registry", "node-2", "node-3", "gateway-1"} {
				f.Kill(name, syscall.SIGKILL)
			}
			f.watchers.Wait() // includes pending respawns
			if p := f.process("node-1"); p.PID != 0 {
				t.Errorf("it is back: %+v", p)
			}
			if err := f.Kill("node-1", syscall.SIGKILL); !errors.Is(err, ErrNotRunning) {
				t.Errorf("killed when it is down: %v", err)
			}
		})
	}
}

// TestKillTwice: a second SIGKILL is refused, whether the supervisor has noticed the effect of the first
// or not.
func TestKillTwice(t *testing.T) {
	f := newFake(t, Config{})
	f.pipe("node-1.hold")
	f.startAll()
	if err := f.Kill("node-1", syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if err := f.Kill("node-1", syscall.SIGKILL); !errors.Is(err, ErrNotRunning) {
		t.Errorf("the second time: %v", err)
	}
	if err := f.KillAll(syscall.SIGKILL); err != nil { // the others
		t.Error(err)
	}
	if err := f.KillAll(syscall.SIGKILL); !errors.Is(err, ErrNotRunning) {
		t.Errorf("the second time: %v", err)
	}
}

// TestRefusalsCrossTheWire: a client can recognize the supervisor's errors.
func TestRefusalsCrossTheWire(t *testing.T) {
	f := newFake(t, Config{})
	go f.control.serve()
	f.startAll()
	c, err := Open(f.cfg.State)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(t.Context(), "node-1"); !errors.Is(err, ErrRunning) {
		t.Errorf("start: %v", err)
	}
	if err := c.Kill(t.Context(), "node-7", syscall.SIGKILL); !errors.Is(err, ErrUnknownProcess) {
		t.Errorf("unknown: %v", err)
	}
	for _, want := range []error{nil, ErrNotRunning} {
		if err := c.Kill(t.Context(), "node-1", syscall.SIGKILL); !errors.Is(err, want) {
			t.Errorf("kill: %v, want %v", err, want)
		}
	}
}
