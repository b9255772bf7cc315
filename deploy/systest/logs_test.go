package systest

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"teahouse/bench/swarm"
	"teahouse/deploy/cluster"
	"teahouse/registry/embedded"
)

// program is a process of a cluster put up by hand.
type program struct {
	*exec.Cmd
	name  string
	ended chan struct{} // closed when it has been waited for
}

// launch runs a program until the test ends, at the longest.
func launch(t *testing.T, name string, stderr *os.File, binary string, args ...string) *program {
	t.Helper()
	p := &program{Cmd: exec.Command(binary, args...), name: name, ended: make(chan struct{})}
	p.Stderr = stderr
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		p.Wait() // ProcessState has the outcome
		close(p.ended)
	}()
	t.Cleanup(func() {
		p.Process.Kill()
		<-p.ended
	})
	return p
}

func (p *program) signal(t *testing.T, s syscall.Signal) {
	t.Helper()
	if err := p.Process.Signal(s); err != nil {
		t.Fatalf("%s: %v: %v", p.name, s, err)
	}
}

// status waits for its end. Who was ended by a signal has none: -1.
func (p *program) status(t *testing.T) int {
	t.Helper()
	select {
	case <-p.ended:
		return p.ProcessState.ExitCode()
	case <-time.After(patience):
		t.Fatalf("%s does not end", p.name)
		return 0
	}
}

// contents is what a file holds, nothing if it is not there.
func contents(file string) string {
	text, _ := os.ReadFile(file)
	return string(text)
}

var welcome = regexp.MustCompile(`msg="clients are welcome" addr=(\S+)`)

// TestLogsAndSignals: whatever happens to the logs of processes, and however often SIGHUP is sent to
// them, nobody ends and nobody who plays notices; what is logged meanwhile stands in the file that
// has the name, or is counted. The second SIGTERM ends whoever is held up in ending.
func TestLogsAndSignals(t *testing.T) {
	slow(t)
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip(err)
	}
	dir := t.TempDir()
	build := exec.Command("go", "build", "-o", dir+"/", "./node", "./gateway")
	build.Dir = "../.."
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	keys, err := cluster.MakeKeys(filepath.Join(dir, "keys"))
	if err != nil {
		t.Fatal(err)
	}
	registry, err := embedded.New(embedded.Config{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ran := make(chan error, 1)
	go func() { ran <- registry.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		<-ran
	})
	log := func(name string) string { return filepath.Join(dir, name+".log") }
	t.Cleanup(func() {
		for _, name := range []string{"node-1", "gateway-1"} {
			if t.Failed() {
				text := contents(log(name))
				t.Logf("%s:\n%s", name, text[max(0, len(text)-4000):])
			}
		}
	})
	db := "sqlite:" + filepath.Join(dir, "teahouse.db")
	node := func(name string, stderr *os.File, more ...string) *program {
		return launch(t, name, stderr, filepath.Join(dir, "node"), append([]string{
			"--name", name, "--expect", "3", "--registry", registry.Addr(), "--db", db, "--data", filepath.Join(dir, name),
			"--secret-file", keys.Secret, "--token-key-file", keys.Token,
		}, more...)...)
	}
	gateway := func(name string) *program {
		return launch(t, name, nil, filepath.Join(dir, "gateway"), "--name", name, "--listen", "127.0.0.1:0", "--registry", registry.Addr(),
			"--secret-file", keys.Secret, "--token-public-file", keys.TokenPublic, "--log-file", log(name))
	}
	addresses := make(map[string]string) // of gateways; a log may be gone later
	address := func(gateway string) string {
		if addresses[gateway] == "" {
			eventually(t, "the address of "+gateway, func() bool {
				found := welcome.FindStringSubmatch(contents(log(gateway)))
				if found != nil {
					addresses[gateway] = found[1]
				}
				return found != nil
			})
		}
		return addresses[gateway]
	}

	// One node and the gateway have files, one node a disk that is full, and nobody reads any more
	// what the third one says on its standard error.
	if err := os.Symlink("/dev/full", log("node-2")); err != nil {
		t.Fatal(err)
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	all := []*program{
		node("node-1", nil, "--log-file", log("node-1")),
		node("node-2", nil, "--log-file", log("node-2")),
		node("node-3", w),
	}
	w.Close()
	if line, err := bufio.NewReader(r).ReadString('\n'); err != nil {
		t.Fatalf("node-3 says %q: %v", line, err)
	}
	r.Close()
	all = append(all, gateway("gateway-1"))
	crowd := startSwarm(t, swarm.Config{Addr: address("gateway-1"), DB: db, Players: 40, Pace: 30 * time.Millisecond})

	hangup := func() {
		for range 3 {
			for _, p := range all {
				p.signal(t, syscall.SIGHUP)
			}
		}
	}
	visits := 0
	// A gateway that comes and goes gives the nodes something to say.
	visit := func() (name string) {
		visits++
		name = fmt.Sprintf("visitor-%d", visits)
		says := func(word string) {
			line := fmt.Sprintf(`msg="ingress: link %s" peer=%s `, word, name)
			eventually(t, "the line "+line, func() bool { return strings.Contains(contents(log("node-1")), line) })
		}
		g := gateway(name)
		address(name)
		says("up")
		g.signal(t, syscall.SIGTERM)
		if status := g.status(t); status != 0 {
			t.Errorf("%s ended with status %d", name, status)
		}
		says("down") // so that nothing is said of it later on
		return name
	}
	known := visit()
	for harm, do := range map[string]func(path string) error{
		"renamed":   func(path string) error { return os.Rename(path, path+".old") },
		"truncated": func(path string) error { return os.Truncate(path, 0) },
		"deleted":   os.Remove,
	} {
		hangup()
		for _, name := range []string{"node-1", "gateway-1"} {
			if err := do(log(name)); err != nil {
				t.Fatal(err)
			}
		}
		last := visit()
		hangup()
		eventually(t, "a new file", func() bool { _, err := os.Stat(log("gateway-1")); return err == nil })
		if text := contents(log("node-1")); strings.Contains(text, known) || strings.Contains(text, "\x00") {
			t.Errorf("%s: the log is\n%q", harm, text)
		}
		if old := contents(log("node-1") + ".old"); harm == "renamed" && (!strings.Contains(old, known) || strings.Contains(old, last)) {
			t.Errorf("the log that was renamed is\n%s", old)
		}
		known = last
		crowd.plays(t)
	}
	sum := crowd.audited(t)
	if sum.Disconnects != 0 {
		t.Errorf("%d disconnects", sum.Disconnects)
	}
	for _, p := range all {
		select {
		case <-p.ended:
			t.Errorf("%s has ended: %v", p.name, p.ProcessState)
		default:
		}
	}

	// The disk has room again: all that was lost is counted, at least that each visitor came.
	if err := os.Remove(log("node-2")); err != nil {
		t.Fatal(err)
	}
	counted := regexp.MustCompile(`msg="log lines were lost" lines=(\d+)`)
	eventually(t, "the count of the lost lines", func() bool {
		found := counted.FindStringSubmatch(contents(log("node-2")))
		if found == nil {
			return false
		}
		if n, _ := strconv.Atoi(found[1]); n < visits {
			t.Errorf("%d lines were lost, want at least %d", n, visits)
		}
		return true
	})

	endsAtOnce(t, all[3], address, gateway)
	for _, p := range all[:3] {
		p.signal(t, syscall.SIGTERM)
	}
	for _, p := range all[:3] {
		if status := p.status(t); status != 0 {
			t.Errorf("%s ended with status %d", p.name, status)
		}
	}
}

// endsAtOnce sends a second SIGTERM to a gateway that waits for a client to go. It does not wait for
// ever, so on a slow machine it may be gone before: then another one is asked.
func endsAtOnce(t *testing.T, g *program, address func(string) string, next func(name string) *program) {
	t.Helper()
	for i := range 8 {
		stays := dialRaw(t, address(g.name))
		stays.hello()
		g.signal(t, syscall.SIGTERM)
		if e := stays.next(); e.GetGoingAway() == nil {
			t.Fatalf("got %v, want to hear that the gateway goes away", e)
		}
		err := g.Process.Signal(syscall.SIGTERM)
		status := g.status(t)
		if err == nil && status == 128+int(syscall.SIGTERM) {
			return
		}
		if status != 0 {
			t.Fatalf("%s ended with %v", g.name, g.ProcessState)
		}
		g = next(fmt.Sprintf("held-%d", i+1))
	}
	t.Error("no gateway was held up for long enough")
}
