package systest

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"teahouse/deploy/cluster"
	"teahouse/node/host"
)

// TestLostDisks loses one disk after the other while players play. None of them
// notices more than a pause.
func TestLostDisks(t *testing.T) {
	slow(t)
	l := lossy{T: t, data: t.TempDir()}
	state := filepath.Join(t.TempDir(), "state.json")
	// Without syncing, so that a node that died with its machine has lost its disk too.
	l.Client = start(t, cluster.Config{Nodes: 3, Data: l.data, State: state})
	crowd := startCrowd(t, state)

	t.Log("the folder is gone")
	first := l.status("node-2")
	l.kill("node-2")
	l.move("node-2", "old")
	l.start("node-2")
	second := l.replaced("node-2", first.Server)

	t.Log("only with the new server's vote can the others go on without node-1")
	l.kill("node-1")
	l.served("node-2", "node-3")
	crowd.plays(t)
	l.start("node-1")
	l.whole()

	t.Log("the old folder comes back")
	l.kill("node-2")
	l.move("node-2", "new")
	l.move("old", "node-2")
	if err := l.Start(t.Context(), "node-2"); err != nil && !strings.Contains(err.Error(), "taken the place") {
		t.Errorf("the old disk is refused with %v", err)
	}
	eventually(t, "the end of the old server", func() bool { return l.pid("node-2") == 0 })
	if text := l.log("node-2"); !strings.Contains(text, first.Server+": another disk has taken the place") {
		t.Error("its log does not say why")
	}
	l.move("node-2", "old")
	l.move("new", "node-2")
	l.start("node-2")
	l.whole()
	if got := l.status("node-2").Server; got != second {
		t.Errorf("%s is back as %s", second, got)
	}

	t.Log("the machine went down under a log that was not synced")
	third := l.status("node-3").Server
	l.kill("node-3")
	l.rebooted("node-3")
	l.start("node-3")
	l.replaced("node-3", third)
	if _, err := os.Stat(filepath.Join(l.data, "node-3", "lost-"+strings.TrimPrefix(third, "node-3-"))); err != nil {
		t.Errorf("what was there is not set aside: %v", err)
	}

	t.Log("the coordinator's leader dies while it replaces a disk")
	var victim, last string
	for caught := false; !caught; { // it may be over before anybody has seen it
		leader := l.leads(0)
		nodes := []string{"node-1", "node-2", "node-3"}
		victim = nodes[slices.IndexFunc(nodes, func(n string) bool { return n != leader })]
		last = l.status(victim).Server
		if err := l.Wipe(t.Context(), victim); err != nil {
			t.Fatal(err)
		}
		started := make(chan error, 1)
		go func() { started <- l.Start(t.Context(), victim) }()
		over := false
		eventually(t, "the beginning of the replacement", func() bool {
			caught = l.status(leader).Replacing == victim
			select {
			case err := <-started:
				over = true
				started <- err
			default:
			}
			return caught || over
		})
		if caught {
			l.kill(leader)
		}
		if err := <-started; err != nil {
			t.Errorf("%s: %v", victim, err)
		}
		if caught {
			l.start(leader)
		}
		l.whole()
	}
	l.replaced(victim, last)

	sum := crowd.audited(t)
	if sum.Disconnects != 0 {
		t.Errorf("%d disconnects", sum.Disconnects)
	}
}

// lossy is a cluster whose disks get lost.
type lossy struct {
	*testing.T
	*cluster.Client
	data string
}

func (l lossy) state() cluster.State {
	l.Helper()
	state, err := l.Client.State(l.Context())
	if err != nil {
		l.Fatal(err)
	}
	return state
}

func (l lossy) statuses() map[string]host.Status { return l.state().Statuses(l.Context()) }

// status is that of a node, empty if it does not run. A slow node is asked again.
func (l lossy) status(name string) (status host.Status) {
	l.Helper()
	eventually(l.T, "the status of "+name, func() (ok bool) {
		state := l.state()
		status, ok = state.Statuses(l.Context())[name]
		return ok || !slices.ContainsFunc(state.Processes, func(p cluster.Process) bool { return p.Name == name && p.Runs() })
	})
	return status
}

func (l lossy) pid(name string) int {
	for _, p := range l.state().Processes {
		if p.Name == name {
			return p.PID
		}
	}
	return 0
}

func (l lossy) kill(name string) {
	l.Helper()
	if err := l.Kill(l.Context(), name, syscall.SIGKILL); err != nil {
		l.Fatal(err)
	}
	eventually(l.T, "the end of "+name, func() bool { return l.pid(name) == 0 })
}

func (l lossy) start(name string) {
	l.Helper()
	if err := l.Start(l.Context(), name); err != nil {
		l.Fatal(err)
	}
}

func (l lossy) move(from, to string) {
	l.Helper()
	if err := os.Rename(filepath.Join(l.data, from), filepath.Join(l.data, to)); err != nil {
		l.Fatal(err)
	}
}

func (l lossy) log(name string) string {
	l.Helper()
	text, err := os.ReadFile(filepath.Join(l.data, "logs", name+".log"))
	if err != nil {
		l.Fatal(err)
	}
	return string(text)
}

// rebooted makes a node's last run look as if it was under another boot of the
// kernel.
func (l lossy) rebooted(name string) {
	l.Helper()
	file := filepath.Join(l.data, name, "disk.json")
	text, err := os.ReadFile(file)
	if err != nil {
		l.Fatal(err)
	}
	identity := make(map[string]any)
	if err := json.Unmarshal(text, &identity); err != nil {
		l.Fatal(err)
	}
	identity["boot_id"] = "another"
	if text, err = json.Marshal(identity); err == nil {
		err = os.WriteFile(file, text, 0o600)
	}
	if err != nil {
		l.Fatal(err)
	}
}

// whole waits until nothing is missing.
func (l lossy) whole() {
	l.Helper()
	if err := l.AwaitHealthy(l.Context()); err != nil {
		l.Fatal(err)
	}
}

// replaced waits until a node takes part everywhere as another server than old,
// and returns that.
func (l lossy) replaced(name, old string) (server string) {
	l.Helper()
	l.whole()
	statuses := make(map[string]host.Status)
	for _, p := range l.state().Processes {
		if p.Role == "node" {
			statuses[p.Name] = l.status(p.Name)
		}
	}
	status := statuses[name]
	if status.Server == old || !strings.HasPrefix(status.Server, name+"-") || len(status.Replicas) != status.Groups {
		l.Errorf("%s, which was %s, keeps %d of %d groups as %q", name, old, len(status.Replicas), status.Groups, status.Server)
	}
	for other, status := range statuses {
		for _, g := range status.Replicas {
			if !g.Voting || g.Members != 3 {
				l.Errorf("group %d on %s: voting %v, %d members", g.Group, other, g.Voting, g.Members)
			}
		}
	}
	return status.Server
}

// leads is the node that leads a group.
func (l lossy) leads(group uint32) (name string) {
	l.Helper()
	eventually(l.T, "a leader", func() bool {
		for other, status := range l.statuses() {
			for _, g := range status.Replicas {
				if g.Group == group && g.Serving {
					name = other
					return true
				}
			}
		}
		return false
	})
	return name
}

// served waits until the nodes lead all groups between them.
func (l lossy) served(names ...string) {
	l.Helper()
	eventually(l.T, "leaders of all groups", func() bool {
		led, groups := make(map[uint32]bool), 0
		for name, status := range l.statuses() {
			groups = max(groups, status.Groups)
			for _, g := range status.Replicas {
				if g.Serving && slices.Contains(names, name) {
					led[g.Group] = true
				}
			}
		}
		return groups > 0 && len(led) == groups
	})
}
