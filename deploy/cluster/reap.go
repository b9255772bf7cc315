package cluster

import (
	"os"
	"syscall"
)

// reapSpec tells the reaper what to remove if its supervisor cannot.
type reapSpec struct {
	Data       string // folder to remove, or empty
	State      string // state file to remove if it is still this supervisor's
	Supervisor int
}

// startReaper starts the child that cleans up if the supervisor is killed and cannot do so itself.
func (s *Supervisor) startReaper() (*child, error) {
	spec := reapSpec{State: s.cfg.State, Supervisor: os.Getpid()}
	if s.cfg.Data == "" {
		spec.Data = s.data
	}
	c := &child{name: roleReaper, role: roleReaper, spec: roleSpec{Name: roleReaper, Role: roleReaper, Data: s.data, Reap: &spec}}
	if err := c.launch(s.cfg.Executable, s.logs()); err != nil {
		return nil, err
	}
	return c, nil
}

// reap runs once the supervisor's pipe has closed. lock is the one of the cluster's folder.
func reap(spec reapSpec, lock *os.File) error {
	if state, err := ReadState(spec.State); err == nil && state.Supervisor == spec.Supervisor {
		for _, p := range state.Processes {
			if p.PID > 0 {
				syscall.Kill(-p.PID, syscall.SIGCONT) // a paused process does not notice that its pipe has closed
			}
		}
		os.Remove(spec.State)
	}
	if spec.Data == "" {
		return nil
	}
	// The exclusive lock is granted once all other processes of the cluster have ended.
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return err
	}
	return os.RemoveAll(spec.Data)
}
