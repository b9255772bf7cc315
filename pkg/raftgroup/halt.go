package raftgroup

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
)

// Halt is how a Machine says that it met something that this binary does not know:
// Apply returns one, or Restore an error that wraps one. The replica then stops where
// it is: it votes for nobody, acknowledges nothing, leads nothing and takes no snapshot. The
// entry stays in the log, so a binary that knows it goes on from there. The host's other
// groups are not touched.
//
// What the replicated state alone refuses is no reason to halt: every replica refuses it
// alike. What depends on the binary is.
type Halt struct {
	// Reason is for the operator: what is not known. It must hold no secret.
	Reason string
}

func (h Halt) Error() string { return "halted: " + h.Reason }

// errEnded is what a halted replica's own raft gets for what it would send.
var errEnded = errors.New("raftgroup: this replica is halted")

// finalError is a refusal that holds as long as the process that gave it: it does not
// know what it was sent. To send it again is of use only to another process.
type finalError string

func (e finalError) Error() string { return string(e) }

const errHalted = finalError("this replica is halted")

// halting is whether, and why, a replica is halted.
type halting struct {
	once   sync.Once
	reason atomic.Pointer[string]
	done   chan struct{} // closed with the halt
}

// is reports whether the replica is halted.
func (h *halting) is() bool { return h.reason.Load() != nil }

// why is the reason, or "".
func (h *halting) why() string {
	if p := h.reason.Load(); p != nil {
		return *p
	}
	return ""
}

// halt stops the replica for good. It may run inside of raft, so it waits for nothing.
func (g *Group) halt(reason string) {
	g.halting.once.Do(func() {
		g.halting.reason.Store(&reason)
		close(g.halting.done)
		g.host.cfg.Logger.Error("halted: this replica stops until a binary runs here that knows more",
			"group", g.id, "applied", g.fsm.applied.Load(), "reason", reason)
		g.notify()
	})
}

// haltLoop ends raft when the replica halts.
func (g *Group) haltLoop() {
	select {
	case <-g.halting.done:
		_ = g.endRaft()
	case <-g.done:
	}
}

// SetLevel says that the cluster runs at a level: entries that are proposed here carry it
// from now on. A lower one changes nothing. Where this binary does not know the level,
// all groups halt, also those that start later.
func (h *Host) SetLevel(level uint32) {
	h.mu.Lock()
	rises := level > h.level.Load()
	if rises {
		h.level.Store(level)
	}
	h.mu.Unlock()
	if !rises {
		return
	}
	for _, g := range h.all() {
		g.checkLevel()
	}
}

// checkLevel halts a group whose host does not know the cluster's level.
func (g *Group) checkLevel() {
	if level := g.host.level.Load(); level != 0 && !g.host.cfg.Levels.Holds(level) {
		g.halt(fmt.Sprintf("the cluster runs at level %d, this binary knows %v", level, g.host.cfg.Levels))
	}
}

// unknownLevel says why an entry or a snapshot of this level cannot be taken, or "".
func (g *Group) unknownLevel(level uint32) string {
	if g.host.cfg.Levels.Holds(level) {
		return ""
	}
	return fmt.Sprintf("level %d, this binary knows %v", level, g.host.cfg.Levels)
}
