package cluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// Everything names all processes together, for Client.Kill and Client.Start.
const Everything = "all"

// minWipe is the smallest number of nodes with which a cluster can replace a lost disk.
const minWipe = 3

// KillAll sends a signal to every child that runs. Respawn does not restart those that it ends.
func (s *Supervisor) KillAll(signal syscall.Signal) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	killed := 0
	var failed []error
	for _, c := range s.children {
		switch err := c.signal(signal); {
		case err == nil:
			killed++
		case !errors.Is(err, ErrNotRunning):
			failed = append(failed, err)
		}
	}
	s.writeStateLocked()
	if killed == 0 && len(failed) == 0 {
		return fmt.Errorf("anything %w", ErrNotRunning)
	}
	return errors.Join(failed...)
}

// StartAll starts all children that have ended or are ending, and waits until all serve. The error names
// those that do not run.
func (s *Supervisor) StartAll(ctx context.Context) error {
	err := s.startAll(ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	var missing []string
	for _, c := range s.children {
		if now := c.condition(); now == down || now == ending { // one that is still starting may yet serve
			missing = append(missing, c.name)
		}
	}
	switch {
	case len(missing) == 0:
		return err
	case err == nil: // it has ended again, by itself or by another caller's kill
		err = fmt.Errorf("%s: %s", missing[0], lastLine(filepath.Join(s.logs(), missing[0]+".log")))
	}
	return fmt.Errorf("%w\nnot running: %s", err, strings.Join(missing, ", "))
}

// Wipe kills a node and empties its folder, as if its disk was lost: when the node is started again, it
// gets another server id.
func (s *Supervisor) Wipe(ctx context.Context, name string) error {
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
	c.respawning = false
	for c.condition() != down {
		if err := c.signal(syscall.SIGKILL); err != nil && !errors.Is(err, ErrNotRunning) { // ErrNotRunning: it has been killed already
			return err
		}
		r := c.run
		s.mu.Unlock()
		err := r.awaitEnd(ctx, name)
		s.mu.Lock()
		if err != nil {
			return err
		}
		if c.run != r {
			return fmt.Errorf("%s is not wiped: it %w, another command has started it meanwhile", name, ErrRunning)
		}
	}
	folder := filepath.Join(s.data, name)
	if err := os.RemoveAll(folder); err != nil {
		return err
	}
	return os.Mkdir(folder, 0o700) // checkNodes counts the nodes' folders
}
