package raftgroup

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"teahouse/pkg/versions"
)

// Halt is returned by a Machine that has met something that this binary does not know: by Apply, or by
// Restore inside an error. The replica then stops: it does not vote, acknowledge, lead or take
// snapshots. The entry stays in the log, so a binary that knows it can continue from there. The
// host's other groups are not affected.
//
// A Machine must halt only if the decision depends on the binary. A command that every replica refuses
// in the same way, because of the replicated state, is no reason to halt.
type Halt struct {
	// Reason tells the operator what is not known. It must not contain a secret.
	Reason string
}

func (h Halt) Error() string { return "halted: " + h.Reason }

// errEnded is what the raft of a halted replica gets for every request that it wants to send.
var errEnded = errors.New("raftgroup: this replica is halted")

// finalError is a refusal by a process that does not know what it was sent, so it would refuse it again.
// A retry makes sense only once another process runs there.
type finalError string

func (e finalError) Error() string { return string(e) }

const errHalted = finalError("this replica is halted")

// halting records whether, and why, a replica is halted.
type halting struct {
	once   sync.Once
	reason atomic.Pointer[string]
	done   chan struct{} // closed when the replica halts
}

// halted reports whether the replica is halted.
func (h *halting) halted() bool { return h.reason.Load() != nil }

// why returns the reason, or "".
func (h *halting) why() string {
	if p := h.reason.Load(); p != nil {
		return *p
	}
	return ""
}

// halt stops the replica for good. It may be called from inside raft, so it must not block.
func (g *Group) halt(reason string) {
	g.halting.once.Do(func() {
		g.halting.reason.Store(&reason)
		close(g.halting.done)
		g.host.cfg.Logger.Error("halted: this replica stops until it is restarted with a binary that knows more",
			"group", g.id, "applied", g.fsm.applied.Load(), "reason", reason)
		g.notify()
	})
}

// haltLoop shuts raft down when the replica halts.
func (g *Group) haltLoop() {
	select {
	case <-g.halting.done:
		_ = g.endRaft()
	case <-g.done:
	}
}

// SetLevel sets the cluster's level, which entries proposed here carry from now on. A lower one has no
// effect. If this binary does not know the level, all groups halt, including those that start later.
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

// Level returns the cluster's level, as far as SetLevel was told.
func (h *Host) Level() uint32 { return max(versions.FirstLevel, h.level.Load()) }

// checkLevel halts a group whose host does not know the cluster's level.
func (g *Group) checkLevel() {
	if level := g.host.level.Load(); level != 0 && !g.host.cfg.Levels.Holds(level) {
		g.halt(fmt.Sprintf("the cluster runs at level %d, this binary knows %v", level, g.host.cfg.Levels))
	}
}

// unknownLevel says why an entry or a snapshot of this level cannot be accepted, or "".
func (g *Group) unknownLevel(level uint32) string {
	if g.host.cfg.Levels.Holds(level) {
		return ""
	}
	return fmt.Sprintf("level %d, this binary knows %v", level, g.host.cfg.Levels)
}
