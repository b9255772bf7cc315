package systest

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"teahouse/deploy/cluster"
	"teahouse/node/host"
	"teahouse/registry"
	"teahouse/registry/consul"
)

// TestNamesake lets another process take a node's name on an empty disk. While
// the node lives it gets nothing. When the node is paused, it replaces it, and
// the old one, which wakes up with a vote and leaderships as it believes, can do
// nothing with them, is told so and ends.
func TestNamesake(t *testing.T) {
	slow(t)
	const name = "node-2"
	l := lossy{T: t, data: t.TempDir()}
	state := filepath.Join(t.TempDir(), "state.json")
	l.Client = start(t, cluster.Config{Nodes: 3, Data: l.data, State: state, Sync: true})
	crowd := startCrowd(t, state)
	old := l.status(name).Server

	second := l.namesake(name, t.TempDir())
	second.says(t, "this disk is new")
	crowd.plays(t)
	select {
	case <-second.ready:
		t.Fatal("a node that lives is replaced")
	default:
	}

	if err := l.Kill(t.Context(), name, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	select {
	case <-second.ready:
	case <-second.done:
		t.Fatal(second.err)
	case <-t.Context().Done():
		t.Fatal("it never replaces the one that is paused")
	}
	eventually(t, "the end of the replacement", func() bool {
		now := l.state()
		now.Processes = slices.DeleteFunc(now.Processes, func(p cluster.Process) bool { return p.Name == name })
		statuses := now.Statuses(t.Context())
		return len(statuses) == 2 && !slices.ContainsFunc([]host.Status{statuses["node-1"], statuses["node-3"]}, func(s host.Status) bool {
			return s.Replacing != "" || slices.ContainsFunc(s.Replicas, func(g host.GroupStatus) bool { return g.Members != 3 })
		})
	})
	crowd.plays(t)

	if err := l.Kill(t.Context(), name, syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the end of the old server", func() bool { return l.pid(name) == 0 })
	if text := l.log(name); !strings.Contains(text, old+": another disk has taken the place") {
		t.Error("its log does not say why")
	}
	crowd.plays(t)
	if sum := crowd.audited(t); sum.Disconnects != 0 {
		t.Errorf("%d disconnects", sum.Disconnects)
	}
}

// TestOldFolderBeside starts a node on the folder that it had before it was replaced,
// while the new one runs. The old one ends, and leaves nobody with its addresses.
func TestOldFolderBeside(t *testing.T) {
	slow(t)
	const name = "node-2"
	l := lossy{T: t, data: t.TempDir()}
	l.Client = start(t, cluster.Config{Nodes: 3, Data: l.data, State: filepath.Join(t.TempDir(), "state.json"), Sync: true})
	old := l.status(name).Server
	l.kill(name)
	l.move(name, "old")
	l.start(name)
	l.replaced(name, old)

	now := l.state()
	address := func(role, purpose string) string {
		return now.Processes[slices.IndexFunc(now.Processes, func(p cluster.Process) bool {
			return p.Role == role && (role != "node" || p.Name == name)
		})].Addresses[purpose]
	}
	mine := address("node", "link")
	// found wants the new node to be found in the end. Each time somebody asks anew, so that
	// what was there before is not taken for an answer.
	found := func() (index uint64) {
		t.Helper()
		return awaitRegistry(t, address("registry", "http"), now.Services, registry.RoleNode, name+" at its own addresses", func(list []registry.Instance) bool {
			return slices.ContainsFunc(list, func(i registry.Instance) bool { return i.Name == name && i.LinkAddr == mine })
		})
	}
	before := found()

	second := l.namesake(name, filepath.Join(l.data, "old"))
	<-second.done
	if second.err == nil || !strings.Contains(second.err.Error(), old+": another disk has taken the place") {
		t.Errorf("the old one ends with %v", second.err)
	}
	second.err = nil
	found()

	// It may end before it has registered, and is put right faster than anybody looks. So
	// the same by hand: somebody who stays there under the name.
	reg, err := consul.New(consul.Config{Addr: address("registry", "http"), Cluster: now.Services})
	if err != nil {
		t.Fatal(err)
	}
	defer reg.Close()
	if _, err := reg.Register(t.Context(), registry.Instance{ID: name, Name: name, Role: registry.RoleNode, LinkAddr: "127.0.0.1:1", RaftAddr: "127.0.0.1:1"}); err != nil {
		t.Fatal(err)
	}
	if after := found(); after < before+2 {
		t.Errorf("the registry is at %d, it was at %d: nobody was in the way", after, before)
	}
	l.whole()
}

// namesake is a node in this process, which the supervisor does not know of.
type namesake struct {
	log   logLines
	ready chan struct{}
	done  chan struct{}
	err   error
}

// namesake starts a node under a name that is taken, on a folder, until the test ends.
func (l lossy) namesake(name, folder string) *namesake {
	l.Helper()
	now := l.state()
	book := now.Processes[slices.IndexFunc(now.Processes, func(p cluster.Process) bool { return p.Role == "registry" })]
	n := &namesake{log: make(logLines, 1000), ready: make(chan struct{}), done: make(chan struct{})}
	ctx, cancel := context.WithCancel(context.Background())
	cfg := host.Config{
		Name: name, Expect: 3, Registry: book.Addresses["http"], RegistryCluster: now.Services, Database: now.Database,
		Data: folder, Sync: true,
		SecretFile: filepath.Join(l.data, "cluster.secret"), TokenKeyFile: filepath.Join(l.data, "session.key"),
		Ready: func(map[string]string) { close(n.ready) }, Logger: slog.New(slog.NewTextHandler(n.log, nil)),
	}
	go func() {
		defer close(n.done)
		n.err = host.Run(ctx, cfg)
	}()
	l.Cleanup(func() {
		if l.Failed() {
			l.Logf("the first %s:\n%s", name, l.log(name))
		}
		cancel()
		<-n.done
		if n.err != nil && !errors.Is(n.err, context.Canceled) {
			l.Errorf("the namesake: %v", n.err)
		}
	})
	return n
}

// says waits for a log line.
func (n *namesake) says(t *testing.T, text string) {
	t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	for {
		select {
		case line := <-n.log:
			if strings.Contains(line, text) {
				return
			}
		case <-n.done:
			t.Fatal(n.err)
		case <-deadline.C:
			t.Fatalf("it never says %q", text)
		}
	}
}

// logLines are the lines of a log; what nobody reads is dropped.
type logLines chan string

func (l logLines) Write(line []byte) (int, error) {
	select {
	case l <- string(line):
	default:
	}
	return len(line), nil
}
