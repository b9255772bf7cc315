package raftgroup

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/hashicorp/raft"
)

// caughtUp is how many entries a server may be behind and still get a vote: as many as one append request
// carries.
const caughtUp = maxAppend

// ChangeKind says what a Change does.
type ChangeKind int

// The kinds of a Change.
const (
	NoChange     ChangeKind = iota // the group has the wanted members
	WaitToChange                   // the next change would be unsafe now
	AddMember                      // as a non-voter
	PromoteMember
	DropMember
)

// Change is the next step from a group's current members to the wanted ones.
type Change struct {
	Kind   ChangeKind
	Server ServerID
	Why    string // of WaitToChange, for the operator; the text does not change while the reason lasts
}

// Changes reports whether the step changes the members.
func (c Change) Changes() bool { return c.Kind != NoChange && c.Kind != WaitToChange }

// String is for logs.
func (c Change) String() string {
	switch c.Kind {
	case NoChange:
		return "none"
	case AddMember:
		return "add " + string(c.Server)
	case PromoteMember:
		return "promote " + string(c.Server)
	case DropMember:
		return "drop " + string(c.Server)
	default:
		return "wait: " + c.Why
	}
}

// NextChange returns the step that a leader may take now to give its group the wanted members: add the
// new server as a non-voter, let it catch up, remove the one that it replaces, make it a voter. It
// returns one step at a time, and one that changes the voters only if a majority of the new voters
// answers the leader. It never makes a voter a non-voter. st is the leader's status.
func NextChange(self ServerID, st Status, want []Member) Change {
	byID := func(id ServerID) func(Member) bool { return func(m Member) bool { return m.ID == id } }
	has := func(list []Member, id ServerID) bool { return slices.ContainsFunc(list, byID(id)) }

	for _, m := range want {
		if !has(st.Members, m.ID) {
			return Change{Kind: AddMember, Server: m.ID}
		}
	}
	var promote ServerID           // one that has caught up
	for _, m := range st.Members { // want may list a server twice; the group does not
		i := slices.IndexFunc(want, byID(m.ID))
		switch {
		case i < 0 && !m.Voter:
			return Change{Kind: DropMember, Server: m.ID}
		case i >= 0 && want[i].Voter && !m.Voter:
			if matched, heard := st.Matched[m.ID]; !heard || matched+caughtUp < st.LastIndex {
				return Change{Kind: WaitToChange, Server: m.ID, Why: fmt.Sprintf("%s has not caught up", m.ID)}
			}
			promote = m.ID
		}
	}
	voters := slices.DeleteFunc(slices.Clone(st.Members), func(m Member) bool { return !m.Voter })
	wait := Change{}
	for _, m := range voters {
		switch {
		case has(want, m.ID):
		case m.ID == self:
			wait = Change{Kind: WaitToChange, Server: m.ID, Why: "a leader does not remove itself"}
		case st.majority(self, slices.DeleteFunc(slices.Clone(voters), byID(m.ID))):
			return Change{Kind: DropMember, Server: m.ID}
		default: // keep looking: another voter may be dead and can be removed first
			wait = Change{Kind: WaitToChange, Server: m.ID, Why: fmt.Sprintf("no majority would answer without %s", m.ID)}
		}
	}
	if wait.Kind != NoChange {
		return wait
	}
	switch {
	case promote == "":
		return Change{Kind: NoChange}
	case !st.majority(self, append(voters, Member{ID: promote, Voter: true})):
		return Change{Kind: WaitToChange, Server: promote, Why: fmt.Sprintf("no majority would answer with %s", promote)}
	}
	return Change{Kind: PromoteMember, Server: promote}
}

// answers returns the fields Matched and Silent of a leader's Status.
func (g *Group) answers(term uint64, members []Member) (matched map[ServerID]uint64, silent map[ServerID]time.Duration) {
	matched, silent = make(map[ServerID]uint64), make(map[ServerID]time.Duration)
	g.mu.Lock()
	defer g.mu.Unlock()
	if term != g.matchedTerm {
		return matched, silent
	}
	now := time.Now()
	for id, m := range g.matched {
		if now.Sub(m.sent) < g.host.cfg.Timings.answer() {
			matched[id] = m.index
		}
	}
	for _, m := range members {
		if m.ID == g.host.cfg.Self {
			continue
		}
		since := g.matchedSince
		if last, heard := g.matched[m.ID]; heard {
			since = last.sent
		}
		silent[m.ID] = now.Sub(since)
	}
	return matched, silent
}

// Quorate reports whether a majority of the voters currently answers the leader.
func (s Status) Quorate() bool {
	return s.majority(s.Leader, slices.DeleteFunc(slices.Clone(s.Members), func(m Member) bool { return !m.Voter }))
}

// majority reports whether a majority of the given voters currently answers the leader.
func (s Status) majority(self ServerID, voters []Member) bool {
	answer := 0
	for _, m := range voters {
		if _, heard := s.Matched[m.ID]; heard || m.ID == self {
			answer++
		}
	}
	return answer > len(voters)/2
}

// Align takes the step that NextChange returns, and returns it once it is committed. Leader only, and one
// call at a time (ErrBusy): a step that waits for another one was decided for members that have
// changed since, and could make a server a voter again that was removed meanwhile. Errors:
// ErrNotLeader, ErrBusy, ErrStopped, ErrUnknown.
func (g *Group) Align(ctx context.Context, want []Member) (Change, error) {
	if !g.stepping.CompareAndSwap(false, true) {
		return Change{}, ErrBusy
	}
	st := g.Status()
	c := NextChange(g.host.cfg.Self, st, want)
	if !st.Leading || !c.Changes() {
		g.stepping.Store(false)
		if !st.Leading {
			return Change{}, ErrNotLeader
		}
		return c, nil
	}
	return c, g.change(ctx, func() error {
		defer g.stepping.Store(false) // only when raft has finished the step, even if ctx ends earlier
		return g.applyChange(c)
	})
}

// applyChange changes the members. A removed replica is not notified: its host must stop it.
func (g *Group) applyChange(c Change) error {
	id, addr, patience := raft.ServerID(c.Server), raft.ServerAddress(c.Server), g.host.cfg.Timings.Election
	switch c.Kind {
	case AddMember:
		return g.raft.AddNonvoter(id, addr, 0, patience).Error()
	case PromoteMember:
		return g.raft.AddVoter(id, addr, 0, patience).Error()
	case DropMember:
		return g.raft.RemoveServer(id, 0, patience).Error()
	}
	return nil
}

// Used reports whether any group has ever been started on the disk under its current id.
func (d *Disk) Used() bool {
	if len(d.extents) > 0 {
		return true
	}
	entries, err := os.ReadDir(filepath.Join(d.dir, snapDir))
	return err == nil && len(entries) > 0
}
