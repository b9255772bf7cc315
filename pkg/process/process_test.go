package process

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/spf13/cobra"
)

// TestMain lets the test binary be a program.
func TestMain(m *testing.M) {
	if os.Getenv("TEAHOUSE_TEST_PROGRAM") != "" {
		Main(program)
	}
	os.Exit(m.Run())
}

// program says "ready", and when it is asked to end "ending"; then it takes its time. It
// logs a line for each that it reads.
func program(p *Process) *cobra.Command {
	p.Renamed = map[string]string{"secret": "secret-file"}
	cmd := &cobra.Command{Use: "program [flags]", Short: "A program", Args: NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
		fmt.Println("ready")
		stop := context.AfterFunc(cmd.Context(), func() {
			p.Logger().Info("ending")
			fmt.Println("ending")
		})
		defer stop()
		in := bufio.NewScanner(os.Stdin)
		for in.Scan() {
			if p.Logger().Info(in.Text()); in.Text() == "no way on" {
				p.Exit(3, errors.New("the reason"))
			}
		}
		return nil
	}}
	cmd.Flags().String("secret-file", "", "a file")
	return cmd
}

type child struct {
	*exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
	err *bytes.Buffer
}

func start(t *testing.T, prepare func(*exec.Cmd), args ...string) *child {
	t.Helper()
	r := &child{Cmd: exec.Command(os.Args[0], args...), err: new(bytes.Buffer)}
	r.Env = append(os.Environ(), "TEAHOUSE_TEST_PROGRAM=1")
	r.Stderr = r.err
	in, err := r.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := r.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if prepare != nil {
		prepare(r.Cmd)
	}
	if err := r.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Process.Kill(); r.Wait() })
	r.in, r.out = in, bufio.NewReader(out)
	return r
}

func (r *child) reads(t *testing.T, want string) {
	t.Helper()
	if line, err := r.out.ReadString('\n'); err != nil || line != want+"\n" {
		t.Fatalf("it contains %q, %v, want %s", line, err, want)
	}
}

// status ends standard input and waits.
func (r *child) status() int {
	r.in.Close()
	r.Wait()
	return r.ProcessState.ExitCode()
}

func TestSignals(t *testing.T) {
	r := start(t, nil)
	r.reads(t, "ready")
	r.Process.Signal(syscall.SIGTERM)
	r.reads(t, "ending")
	if got := r.status(); got != 0 {
		t.Errorf("asked to end, it exits with %d", got)
	}
	if !strings.Contains(r.err.String(), "msg=ending") {
		t.Errorf("the last line is missing: %q", r.err)
	}
	for _, c := range []struct {
		first, second syscall.Signal
		status        int
	}{{syscall.SIGTERM, syscall.SIGTERM, 143}, {syscall.SIGINT, syscall.SIGINT, 130}, {syscall.SIGINT, syscall.SIGTERM, 143}} {
		r := start(t, nil)
		r.reads(t, "ready")
		r.Process.Signal(c.first)
		r.reads(t, "ending")
		r.Process.Signal(c.second)
		r.Wait() // its standard input is still open
		if got := r.ProcessState.ExitCode(); got != c.status {
			t.Errorf("%v and %v: status %d, want %d", c.first, c.second, got, c.status)
		}
	}
}

// TestExit: the log is written by a goroutine of its own, and who ends the process at once
// waits for that.
func TestExit(t *testing.T) {
	for range 20 {
		r := start(t, nil)
		r.reads(t, "ready")
		fmt.Fprintln(r.in, strings.Repeat("a line\n", 100)+"no way on")
		r.Wait() // its standard input is still open
		said := strings.Split(strings.TrimSpace(r.err.String()), "\n")
		if got := r.ProcessState.ExitCode(); got != 3 || strings.Count(r.err.String(), `msg="a line"`) != 100 || said[len(said)-1] != "error: the reason" {
			t.Fatalf("status %d, it said %q", got, said)
		}
	}
}

func TestHangup(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	r := start(t, nil, "--log-file", path, "--log-format", "json")
	r.reads(t, "ready")
	for range 3 {
		r.Process.Signal(syscall.SIGHUP)
		fmt.Fprintln(r.in, "after a hangup")
	}
	if got := r.status(); got != 0 {
		t.Fatalf("status %d: %s", got, r.err)
	}
	if text, err := os.ReadFile(path); err != nil || strings.Count(string(text), `"msg":"after a hangup"`) != 3 {
		t.Errorf("%q, %v", text, err)
	}
}

// TestClosed: nobody reads what it says, and it lives.
func TestClosed(t *testing.T) {
	broken := func(t *testing.T) *os.File {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		r.Close()
		t.Cleanup(func() { w.Close() })
		return w
	}
	for name, prepare := range map[string]func(*exec.Cmd){
		"broken pipe": func(c *exec.Cmd) { c.Stderr = broken(t) },
		"full": func(c *exec.Cmd) {
			f, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
			if err != nil {
				t.Skip(err)
			}
			t.Cleanup(func() { f.Close() })
			c.Stderr = f
		},
		"closed": func(c *exec.Cmd) {
			c.Path, c.Args = "/bin/sh", []string{"sh", "-c", `exec "$0" 2>&-`, os.Args[0]}
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := start(t, prepare)
			r.reads(t, "ready")
			for range 10 {
				fmt.Fprintln(r.in, "a line")
			}
			r.Process.Signal(syscall.SIGTERM)
			r.reads(t, "ending")
			if got := r.status(); got != 0 {
				t.Errorf("status %d", got)
			}
		})
	}
}

func TestCommandLine(t *testing.T) {
	for _, c := range []struct {
		args   []string
		status int
		says   string // on standard error
	}{
		{[]string{"--help"}, 0, ""},
		{[]string{"--version"}, 0, ""},
		{[]string{"--secret", "x"}, 2, "unknown flag: --secret; it is called --secret-file now"},
		{[]string{"--secret=x"}, 2, "it is called --secret-file now"},
		{[]string{"-secret", "x"}, 2, "it is called --secret-file now"},
		{[]string{"-secret-file", "x"}, 2, "write --secret-file"},
		{[]string{"--nothing"}, 2, "unknown flag: --nothing; see: "},
		{[]string{"--log-level", "loud"}, 2, "log-level"},
		{[]string{"--log-format", "xml"}, 1, "want text or json"},
		{[]string{"--log-file", "/no/such/folder/log"}, 1, "/no/such/folder/log"},
		{[]string{"stray"}, 2, `unexpected argument "stray"`},
		{[]string{"--secret-file", "x", "stray"}, 2, `unexpected argument "stray"`},
	} {
		r := start(t, nil, c.args...)
		out, _ := io.ReadAll(r.out)
		if got := r.status(); got != c.status || !strings.Contains(r.err.String(), c.says) {
			t.Errorf("%q: status %d, %q; want %d, %q", c.args, got, r.err, c.status, c.says)
		}
		if c.status == 0 && !strings.Contains(string(out), filepath.Base(os.Args[0])) {
			t.Errorf("%q says %q", c.args, out)
		}
	}
}

func TestVersion(t *testing.T) {
	got := describe(&debug.BuildInfo{Main: debug.Module{Version: "v1.2.3"}, Settings: []debug.BuildSetting{
		{Key: "vcs.revision", Value: "0123456789abcdef"}, {Key: "vcs.time", Value: "2026-01-02T03:04:05Z"}, {Key: "vcs.modified", Value: "true"}, {Key: "-tags", Value: "faults"},
	}})
	if !strings.HasPrefix(got, "v1.2.3 (revision 0123456789ab, 2026-01-02T03:04:05Z, modified, tags faults)\nprotocol ") {
		t.Error(got)
	}
	if got := describe(nil); !strings.HasPrefix(got, "(devel) (no revision)\n") {
		t.Error(got)
	}
}

func TestMemory(t *testing.T) {
	gc, limit := debug.SetGCPercent(100), debug.SetMemoryLimit(-1)
	defer func() { debug.SetGCPercent(gc); debug.SetMemoryLimit(limit) }()
	set := func(names ...string) {
		debug.SetGCPercent(100)
		debug.SetMemoryLimit(limit)
		setMemory(func(name string) (string, bool) {
			for _, n := range names {
				if n == name {
					return "1", true
				}
			}
			return "", false
		})
	}
	set("GOGC", "GOMEMLIMIT")
	if debug.SetGCPercent(100) != 100 || debug.SetMemoryLimit(-1) != limit {
		t.Error("the environment variable was ignored")
	}
	set()
	if debug.SetGCPercent(100) != gcPercent || debug.SetMemoryLimit(-1) != memoryLimit {
		t.Error("the defaults are not set")
	}
}

// TestRun: Run leaves nothing behind.
func TestRun(t *testing.T) {
	want := fmt.Errorf("an end")
	if err := Run(t.Context(), nil, func(ctx context.Context) error {
		if ctx.Err() != nil {
			t.Error("it ended before it began")
		}
		syscall.Kill(os.Getpid(), syscall.SIGHUP)
		syscall.Kill(os.Getpid(), syscall.SIGTERM)
		select {
		case <-ctx.Done():
		case <-time.After(time.Minute):
			t.Error("the signal had no effect")
		}
		return want
	}); err != want {
		t.Errorf("%v, want %v", err, want)
	}
}
