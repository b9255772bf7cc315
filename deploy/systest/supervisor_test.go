package systest

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"teahouse/deploy/cluster"
)

func gone(pid int) bool {
	// A zombie has ended: only its parent, who may be somebody else's, has not looked.
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err != nil || strings.Contains(string(stat), ") Z ")
}

// TestKilledSupervisor: children end when their parent's pipe closes, a paused
// one too, and nothing stays behind.
func TestKilledSupervisor(t *testing.T) {
	stateFile := filepath.Join(t.TempDir(), "state.json")
	cmd := supervisor(t, cluster.Config{Nodes: 1, Listen: "127.0.0.1:0", State: stateFile})
	state, err := cluster.ReadState(stateFile)
	if err != nil {
		t.Fatal(err)
	}
	if len(state.Processes) != 3 {
		t.Fatalf("processes: %+v", state.Processes)
	}
	client, err := cluster.Open(stateFile)
	if err != nil {
		t.Fatal(err)
	}
	if err := client.Kill(t.Context(), "node-1", syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	cmd.Wait()
	eventually(t, "the children to end", func() bool {
		for _, p := range state.Processes {
			if !gone(p.PID) {
				return false
			}
		}
		return true
	})
	eventually(t, "the files to go", func() bool {
		_, err1 := os.Stat(state.Data)
		_, err2 := os.Stat(stateFile)
		return os.IsNotExist(err1) && os.IsNotExist(err2)
	})
}

// TestStartupErrors: what keeps a cluster from starting is said, not only
// logged, and what it made is taken back.
func TestStartupErrors(t *testing.T) {
	executable, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	missing := filepath.Join(t.TempDir(), "missing")
	for _, c := range []struct {
		name string
		cfg  cluster.Config
		want string
	}{
		{"database", cluster.Config{Database: "sqlite:" + filepath.Join(missing, "x.db")}, "x.db"},
		{"profile", cluster.Config{Profile: missing}, "registry.cpu"},
	} {
		t.Run(c.name, func(t *testing.T) {
			tmp := t.TempDir()
			t.Setenv("TMPDIR", tmp)
			c.cfg.Executable, c.cfg.Nodes, c.cfg.Listen = executable, 2, "127.0.0.1:0"
			c.cfg.State = filepath.Join(t.TempDir(), "state.json")
			sup, err := cluster.New(c.cfg)
			if err != nil {
				t.Fatal(err)
			}
			if err := sup.Run(t.Context()); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want one about %s", err, c.want)
			}
			if left, err := os.ReadDir(tmp); err != nil || len(left) > 0 {
				t.Errorf("left behind: %v %v", left, err)
			}
			if _, err := os.Stat(c.cfg.State); !os.IsNotExist(err) {
				t.Errorf("the state file is left: %v", err)
			}
		})
	}
}

// TestRespawn: a node that dies by itself comes back, and the state says where.
func TestRespawn(t *testing.T) {
	c := start(t, cluster.Config{Nodes: 1, Respawn: true})
	before, err := c.State(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(before.Processes, func(p cluster.Process) bool { return p.Name == "node-1" })
	if err := syscall.Kill(before.Processes[i].PID, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	eventually(t, "another process", func() bool {
		now, err := c.State(t.Context())
		return err == nil && now.Processes[i].PID != 0 && now.Processes[i].PID != before.Processes[i].PID
	})
	if err := c.AwaitHealthy(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// TestSecondRun: a kept folder goes on with its cluster, whether the run before
// ended or every process of it was killed.
func TestSecondRun(t *testing.T) {
	data := t.TempDir()
	id := ""
	for run, end := range []syscall.Signal{syscall.SIGKILL, syscall.SIGTERM, 0} {
		t.Run(fmt.Sprint(run), func(t *testing.T) {
			c := start(t, cluster.Config{Nodes: 1, Data: data})
			state, err := c.State(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			status := state.Statuses(t.Context())["node-1"]
			if id != "" && status.Cluster != id {
				t.Errorf("cluster %q, before it was %q", status.Cluster, id)
			}
			id = status.Cluster
			for _, p := range state.Processes {
				if end != 0 {
					if err := c.Kill(t.Context(), p.Name, end); err != nil {
						t.Fatal(err)
					}
				}
			}
			eventually(t, "the end of all", func() bool {
				return end == 0 || !slices.ContainsFunc(state.Processes, func(p cluster.Process) bool { return !gone(p.PID) })
			})
		})
	}
	log, err := os.ReadFile(filepath.Join(data, "logs", "node-1.log"))
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(log), "level=ERROR") { // being told to end is no failure
		t.Errorf("%s", log)
	}
}
