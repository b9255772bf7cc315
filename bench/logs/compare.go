package logs

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"

	"github.com/cespare/xxhash/v2"

	"teahouse/pkg/raftgroup"
)

// server locates one replica each of several groups.
type server struct {
	name      string
	snapshots map[raftgroup.GroupID]uint64 // last index, by group
	entries   iter.Seq2[raftgroup.StoredEntry, error]
}

// entry is what must be equal on two replicas.
type entry struct {
	raftgroup.StoredEntry
	sum uint64
}

// cursor iterates over the log of a server.
type cursor struct {
	server
	pull func() (raftgroup.StoredEntry, error, bool)
	head *entry // the next one; nil = none
}

func (c *cursor) advance() error {
	e, err, ok := c.pull()
	switch {
	case !ok:
		c.head = nil
	case err != nil:
		return fmt.Errorf("logs: %s: %w", c.name, err)
	default:
		c.head = &entry{e, xxhash.Sum64(append([]byte(e.Kind+"\n"), e.Data...))}
	}
	return nil
}

// compare goes through all logs at the same time, in order of group and index.
func compare(ctx context.Context, servers []server, moves []Move) (Report, error) {
	r := Report{Groups: []Group{}, Notes: []string{}}
	var cursors []*cursor
	for _, s := range servers {
		r.Servers = append(r.Servers, s.name)
		pull, stop := iter.Pull2(s.entries)
		defer stop()
		c := &cursor{server: s, pull: pull}
		if err := c.advance(); err != nil {
			return r, err
		}
		cursors = append(cursors, c)
	}
	book := newBook(moves)
	whole := make(map[raftgroup.GroupID]bool)
	for id, some := nextGroup(cursors); some; id, some = nextGroup(cursors) {
		g := newGroup(id, cursors, book, &r)
		for g.step() {
			if err := ctx.Err(); err != nil {
				return r, err
			}
		}
		if g.err != nil {
			return r, g.err
		}
		whole[id] = g.whole
		r.Groups = append(r.Groups, g.Group)
	}
	r.Moves = book.verdict(whole, r.note)
	return r, nil
}

// nextGroup is the lowest group with entries left.
func nextGroup(cursors []*cursor) (id raftgroup.GroupID, some bool) {
	for _, c := range cursors {
		if c.head != nil && (!some || c.head.Group < id) {
			id, some = c.head.Group, true
		}
	}
	return id, some
}

// group compares the replicas of one group.
type group struct {
	Group
	report *Report
	book   *book
	id     raftgroup.GroupID
	err    error

	replicas []*replica
	parted   map[[2]*replica]uint64 // where two replicas first differ
	whole    bool                   // some replica holds the log from its beginning
}

// replica is the log of the group on one server.
type replica struct {
	*cursor
	snapshot uint64
	term     uint64 // of the previous entry
}

func newGroup(id raftgroup.GroupID, cursors []*cursor, b *book, r *Report) *group {
	g := &group{id: id, book: b, report: r, parted: make(map[[2]*replica]uint64)}
	g.Group.Group = uint32(id)
	for _, c := range cursors {
		snapshot, has := c.snapshots[id]
		holds := c.head != nil && c.head.Group == id
		if !has && !holds {
			continue
		}
		g.replicas = append(g.replicas, &replica{cursor: c, snapshot: snapshot})
		g.whole = g.whole || holds && c.head.Index == 1
	}
	g.Replicas = len(g.replicas)
	return g
}

// step compares the next index; it returns false at the end and after an error.
func (g *group) step() bool {
	var index uint64
	for _, r := range g.replicas {
		if r.head != nil && r.head.Group == g.id && (index == 0 || r.head.Index < index) {
			index = r.head.Index
		}
	}
	if index == 0 {
		return false
	}
	held := slices.Collect(func(yield func(*replica) bool) {
		for _, r := range g.replicas {
			if r.head != nil && r.head.Group == g.id && r.head.Index == index && !yield(r) {
				return
			}
		}
	})
	g.terms(held)
	g.pairs(index, held)
	g.moves(index, held)
	g.count(index, held)
	for _, r := range held {
		if g.err = r.advance(); g.err != nil {
			return false
		}
	}
	return true
}

func (g *group) count(index uint64, held []*replica) {
	g.Entries++
	if len(held) >= 2 {
		g.Compared++
	}
	if len(held) == len(g.replicas) {
		if g.First == 0 {
			g.First = index
		}
		g.Last = index
	}
}

// terms checks that no term is below that of the previous entry.
func (g *group) terms(held []*replica) {
	for _, r := range held {
		if r.head.Term < r.term {
			g.TermsDown++
			g.report.note("group %d entry %d on %s: term %d after term %d", g.id, r.head.Index, r.name, r.head.Term, r.term)
		}
		r.term = r.head.Term
	}
}

// pairs compares each pair of replicas. Two logs that differ once may never agree again, and
// whatever a snapshot contains is committed.
func (g *group) pairs(index uint64, held []*replica) {
	apart, conflict := false, false
	for i, a := range held {
		for _, b := range held[i+1:] {
			pair := [2]*replica{a, b}
			since, differed := g.parted[pair]
			same := a.head.Term == b.head.Term
			switch {
			case same && a.head.sum == b.head.sum && !differed:
				continue
			case same && a.head.sum == b.head.sum:
				g.report.note("group %d: %s and %s agree at %d, but not at %d", g.id, a.name, b.name, index, since)
			case same:
				g.report.note("group %d entry %d of term %d: %016x on %s, %016x on %s", g.id, index, a.head.Term, a.head.sum, a.name, b.head.sum, b.name)
			case index <= min(a.snapshot, b.snapshot):
				g.report.note("group %d entry %d: term %d on %s, term %d on %s, and both have snapshots beyond", g.id, index, a.head.Term, a.name, b.head.Term, b.name)
			default:
				apart = true
				if !differed {
					g.parted[pair] = index
				}
				continue
			}
			conflict = true
		}
	}
	switch {
	case conflict:
		g.Conflicts++
	case apart:
		g.Apart++
	}
}

// moves looks for acknowledged moves in the entry that a majority holds. Replicas that have
// compacted the index away had a committed entry there.
func (g *group) moves(index uint64, held []*replica) {
	if g.id == raftgroup.Coordinator {
		return
	}
	holders := make(map[[2]uint64][]*replica)
	for _, r := range held {
		key := [2]uint64{r.head.Term, r.head.sum}
		holders[key] = append(holders[key], r)
	}
	compacted := 0
	for _, r := range g.replicas {
		if !slices.Contains(held, r) && index <= r.snapshot {
			compacted++
		}
	}
	for _, same := range holders {
		e := same[0].head
		if e.Kind != "command" {
			continue
		}
		majority := 2*(len(same)+compacted) > len(g.replicas)
		if err := g.book.entry(e.Data, majority); err != nil {
			g.Malformed++
			g.report.note("group %d entry %d on %s: %v", g.id, index, same[0].name, err)
		}
	}
}

func (r *Report) note(format string, args ...any) {
	if len(r.Notes) < maxNotes {
		r.Notes = append(r.Notes, fmt.Sprintf(format, args...))
	}
}

// sortedKeys keeps reports equal for equal logs.
func sortedKeys[V any](m map[Move]V) []Move {
	return slices.SortedFunc(maps.Keys(m), Move.compare)
}
