package cluster

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// Everything names all processes together, for Client.Kill and Client.Start.
const Everything = "all"

// minWipe is the smallest cluster that can put a new disk into the place of a
// lost one.
const minWipe = 3

// KillAll sends a signal to every running child. None that it ends is started
// again by Respawn.
func (s *Supervisor) KillAll(signal syscall.Signal) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	killed := 0
	for _, c := range s.children {
		if !c.running() {
			continue
		}
		if err := c.signal(signal); err != nil {
			return err
		}
		killed++
	}
	if killed == 0 {
		return fmt.Errorf("anything %w", ErrNotRunning)
	}
	return nil
}

// StartAll runs all children that have ended, and waits until they serve.
func (s *Supervisor) StartAll(ctx context.Context) error { return s.startAll(ctx) }

// Wipe kills a node and empties its folder, as a lost disk would: it comes back
// as another server.
func (s *Supervisor) Wipe(name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, err := s.findLocked(name)
	switch {
	case err != nil:
		return err
	case c.role != roleNode:
		return fmt.Errorf("%s has no data folder: %w", name, ErrUnknownProcess)
	case s.cfg.Nodes < minWipe:
		return fmt.Errorf("a cluster of %d nodes cannot replace a lost disk: it needs %d", s.cfg.Nodes, minWipe)
	}
	if c.running() {
		if err := c.signal(syscall.SIGKILL); err != nil {
			return err
		}
		<-c.exited
	}
	folder := filepath.Join(s.data, name)
	if err := os.RemoveAll(folder); err != nil {
		return err
	}
	return os.Mkdir(folder, 0o700) // empty, but there: it counts as one of the cluster's
}
