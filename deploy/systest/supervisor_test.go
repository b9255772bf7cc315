package systest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
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

// TestKilledSupervisor: children end when their parent's pipe closes, and
// nothing stays behind.
func TestKilledSupervisor(t *testing.T) {
	executable, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	stateFile := filepath.Join(t.TempDir(), "state.json")
	cmd := exec.Command(executable, superviseArgument, stateFile)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 64)
	if _, err := out.Read(buf); err != nil { // it speaks once everything runs
		t.Fatal(err)
	}
	state, err := cluster.ReadState(stateFile)
	if err != nil {
		t.Fatal(err)
	}
	if len(state.Processes) != 3 {
		t.Fatalf("processes: %+v", state.Processes)
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
