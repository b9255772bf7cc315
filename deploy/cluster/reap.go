package cluster

import (
	"os"
	"path/filepath"
	"syscall"
)

// reapSpec tells the reaper what its supervisor would remove.
type reapSpec struct {
	Data       string // folder to remove, or empty
	State      string // state file to remove if it is still this supervisor's
	Supervisor int
}

// startReaper starts the child that cleans up after a supervisor that was
// killed and could not do so itself.
func (s *Supervisor) startReaper() (*child, error) {
	spec := reapSpec{State: s.cfg.State, Supervisor: os.Getpid()}
	if s.cfg.Data == "" {
		spec.Data = s.data
	}
	c := &child{name: roleReaper, role: roleReaper, spec: roleSpec{Name: roleReaper, Role: roleReaper, Reap: &spec}}
	if err := c.launch(s.cfg.Executable, s.logs()); err != nil {
		return nil, err
	}
	return c, nil
}

// reap runs once the supervisor's pipe has closed.
func reap(spec reapSpec) error {
	if state, err := ReadState(spec.State); err == nil && state.Supervisor == spec.Supervisor {
		for _, p := range state.Processes {
			if p.PID > 0 {
				syscall.Kill(-p.PID, syscall.SIGCONT) // who is paused does not see that its pipe has closed
			}
		}
		os.Remove(spec.State)
	}
	if spec.Data == "" {
		return nil
	}
	// The exclusive lock is free when the last process of the cluster is gone.
	f, err := os.Open(filepath.Join(spec.Data, lockFile))
	if err == nil {
		defer f.Close()
		if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
			return err
		}
	}
	return os.RemoveAll(spec.Data)
}
