package simulate

import (
	"bytes"
	"errors"
	"slices"
	"time"

	"teahouse/pkg/game"
	"teahouse/pkg/raftgroup"
)

// group is a Raft group as its machines see it: committed entries survive, others may be lost or
// commit later. Elections are drawn at random instead of timed; all else follows Raft: terms, no
// votes for a shorter log, the check of the preceding entry, commitment by a majority only in one's
// own term.
type group struct {
	w        *world
	id       game.GroupID
	replicas []*replica
}

type logged struct {
	term uint64
	data []byte // nil = the empty entry of a new leader
}

// replica is one node's part of a group.
type replica struct {
	g *group
	n *node

	// on disk
	term     uint64
	log      []logged // index i at log[i-1]
	snapshot []byte   // nil = none
	snapped  uint64   // index of it

	// in memory
	machine  raftgroup.Machine
	stepper  *stepper
	onState  func(raftgroup.State)
	leading  bool
	told     raftgroup.State
	telling  bool
	applying bool
	commit   uint64
	applied  uint64
	match    []uint64 // leader only: by place in g.replicas
	heard    []time.Duration
	futures  map[uint64]*future
}

type future struct {
	done        chan struct{}
	result      any
	index, term uint64
	err         error
}

func newFuture() *future                { return &future{done: make(chan struct{})} }
func (f *future) Done() <-chan struct{} { return f.done }
func (f *future) Result() (any, uint64, uint64, error) {
	return f.result, f.index, f.term, f.err
}
func (f *future) resolve(result any, err error) {
	f.result, f.err = result, err
	close(f.done)
}

func (r *replica) last() uint64 { return uint64(len(r.log)) }

func (r *replica) lastTerm() uint64 {
	if len(r.log) == 0 {
		return 0
	}
	return r.log[len(r.log)-1].term
}

// live reports whether the replica is taking part.
func (r *replica) live() bool { return r.n.up && !r.n.paused }

func (r *replica) reaches(o *replica) bool { return r == o || !r.g.w.isCut(r.n.name, o.n.name) }

// restart starts a new life of the replica from its disk.
func (r *replica) restart() {
	r.leading, r.told, r.telling, r.applying = false, raftgroup.State{}, false, false
	r.commit, r.applied = 0, 0
	r.futures = map[uint64]*future{}
	if r.snapshot != nil {
		if err := r.machine.Restore(bytes.NewReader(r.snapshot)); err != nil {
			r.g.w.book.violate("group %d on %s: restore: %v", r.g.id, r.n.name, err)
		}
		r.commit, r.applied = r.snapped, r.snapped
	}
}

// propose is raftgroup's Group.Propose.
func (r *replica) propose(data []byte) *future {
	w, f := r.g.w, newFuture()
	switch {
	case !r.leading:
		f.resolve(nil, raftgroup.ErrNotLeader)
	case w.fault(w.plan.busy):
		f.resolve(nil, raftgroup.ErrBusy)
	default:
		r.log = append(r.log, logged{r.term, bytes.Clone(data)})
		f.index, f.term = r.last(), r.term
		r.futures[f.index] = f
		r.replicate()
		return f
	}
	r.stepper.soon()
	return f
}

// replicate sends everybody what they may be missing.
func (r *replica) replicate() {
	for i, o := range r.g.replicas {
		if o != r {
			r.send(i, o)
		}
	}
}

func (r *replica) send(i int, o *replica) {
	w := r.g.w
	if !r.reaches(o) || !o.n.up || w.fault(w.plan.drop) {
		return
	}
	term, entries, commit := r.term, r.log[:len(r.log):len(r.log)], r.commit
	life := r.n.life
	o.n.after(w.delay(), func() {
		matched, newer := o.accept(term, entries, commit)
		if !o.reaches(r) || w.fault(w.plan.drop) {
			return
		}
		w.after(w.delay(), func() {
			r.n.act(life, func() { r.acknowledged(i, term, matched, newer) })
		})
	})
}

// accept is AppendEntries at a follower, with the whole log.
func (r *replica) accept(term uint64, entries []logged, commit uint64) (matched, newer uint64) {
	if term < r.term {
		return 0, r.term
	}
	if term > r.term || r.leading {
		r.term = term
		r.stepDown()
	}
	same := min(len(entries), len(r.log))
	for same > 0 && entries[same-1].term != r.log[same-1].term {
		same--
	}
	if same < len(entries) {
		if uint64(same) < r.commit {
			r.g.w.book.violate("group %d on %s: the model of Raft overwrites a committed entry", r.g.id, r.n.name)
		}
		r.log = entries // clipped, so that appending copies
	}
	r.advance(min(commit, uint64(len(entries))))
	return uint64(len(entries)), 0
}

func (r *replica) acknowledged(i int, term, matched, newer uint64) {
	if newer > r.term {
		r.term = newer
		r.stepDown()
	}
	if !r.leading || r.term != term {
		return
	}
	r.heard[i] = r.g.w.now
	r.match[i] = max(r.match[i], matched)
	r.count()
}

// count commits what a majority has.
func (r *replica) count() {
	have := slices.Clone(r.match)
	for i, o := range r.g.replicas {
		if o == r {
			have[i] = r.last()
		}
	}
	slices.Sort(have)
	if n := have[(len(have)-1)/2]; n > r.commit && r.log[n-1].term == r.term {
		r.advance(n)
		r.replicate() // tells the others
	}
}

func (r *replica) advance(commit uint64) {
	r.commit = max(r.commit, min(commit, r.last()))
	if r.commit > r.applied && !r.applying {
		r.applying = true
		d := r.g.w.between(0, time.Millisecond)
		if !r.leading && r.g.w.fault(r.g.w.plan.lag) {
			d = r.g.w.between(0, 300*time.Millisecond)
		}
		r.n.after(d, r.apply)
	}
}

// apply applies some committed entries.
func (r *replica) apply() {
	r.applying = false
	for n := 1 + r.g.w.rand.IntN(4); n > 0 && r.applied < r.commit; n-- {
		r.applied++
		e := r.log[r.applied-1]
		var result any
		if e.data != nil {
			result = r.machine.Apply(raftgroup.Entry{Index: r.applied, Term: e.term, Level: r.g.w.plan.level, Data: e.data})
			if h, is := result.(raftgroup.Halt); is { // every replica runs this binary
				r.g.w.book.violate("group %d on %s: entry %d: %v", r.g.id, r.n.name, r.applied, h)
			}
			r.g.w.book.applied(r, e)
		}
		if f := r.futures[r.applied]; f != nil && f.term == e.term {
			delete(r.futures, r.applied)
			f.resolve(result, nil)
		}
	}
	r.stepper.soon()
	r.advance(r.commit)
}

// stepDown ends a leadership, if there is one.
func (r *replica) stepDown() {
	if !r.leading {
		return
	}
	r.leading = false
	r.g.w.tracef("group %d: %s leads no longer", r.g.id, r.n.name)
	r.tell()
	var open []uint64
	for index := range r.futures {
		open = append(open, index)
	}
	slices.Sort(open)
	for _, index := range open {
		r.futures[index].resolve(nil, raftgroup.ErrUnknown)
		delete(r.futures, index)
	}
	r.stepper.soon()
}

// tell tells the machine the current leadership.
func (r *replica) tell() {
	if r.telling {
		return
	}
	r.telling = true
	r.n.after(r.g.w.between(0, 2*time.Millisecond), func() {
		r.telling = false
		s := raftgroup.State{Leading: r.leading, Term: r.term}
		if s.Leading == r.told.Leading && (!s.Leading || s.Term == r.told.Term) {
			return
		}
		r.told = s
		r.onState(s)
		r.stepper.soon()
	})
}

// elect lets the replica stand for election among those that it can reach.
func (r *replica) elect() bool {
	if !r.live() {
		return false
	}
	term := r.term
	for _, o := range r.g.replicas {
		if o.live() && r.reaches(o) {
			term = max(term, o.term)
		}
	}
	var voters []*replica
	for _, o := range r.g.replicas {
		if o.live() && r.reaches(o) &&
			(r.lastTerm() > o.lastTerm() || r.lastTerm() == o.lastTerm() && r.last() >= o.last()) {
			voters = append(voters, o)
		}
	}
	if 2*len(voters) <= len(r.g.replicas) {
		return false
	}
	for _, o := range voters {
		o.stepDown()
		o.term = term + 1
	}
	r.leading = true
	r.match = make([]uint64, len(r.g.replicas))
	r.heard = slices.Repeat([]time.Duration{r.g.w.now}, len(r.g.replicas))
	r.g.w.tracef("group %d: %s leads in term %d", r.g.id, r.n.name, r.term)
	r.log = append(r.log, logged{term: r.term})
	r.tell()
	r.replicate()
	return true
}

// leader is the leader of the newest term, if a majority follows it.
func (g *group) leader() *replica {
	var newest *replica
	for _, r := range g.replicas {
		if r.leading && r.live() && (newest == nil || r.term > newest.term) {
			newest = r
		}
	}
	if newest == nil {
		return nil
	}
	with := 0
	for _, r := range g.replicas {
		if r.live() && newest.reaches(r) && r.term <= newest.term {
			with++
		}
	}
	if 2*with <= len(g.replicas) {
		return nil
	}
	return newest
}

// watch runs periodically: leaders resend what was lost, and step down when nobody answers;
// replicas without a leader elect one.
func (g *group) watch() {
	w := g.w
	for _, r := range g.replicas {
		if !r.leading || !r.live() {
			continue
		}
		alone := 0
		for i, o := range g.replicas {
			if o == r {
				continue
			}
			if r.match[i] < r.last() || o.commit < r.commit || o.term != r.term {
				r.send(i, o)
			} else if o.live() && r.reaches(o) {
				r.heard[i] = w.now
			}
			if w.now-r.heard[i] > 500*time.Millisecond {
				alone++
			}
		}
		if 2*(len(g.replicas)-alone) <= len(g.replicas) {
			r.stepDown()
		}
	}
	if g.leader() == nil && w.chance(3) {
		for _, i := range w.rand.Perm(len(g.replicas)) {
			if g.replicas[i].elect() {
				break
			}
		}
	}
	w.after(w.between(40*time.Millisecond, 120*time.Millisecond), g.watch)
}

// snap takes a snapshot of the machine.
func (r *replica) snap() []byte {
	image, err := r.machine.Snapshot()
	if err == nil {
		var buf bytes.Buffer
		if _, err = image.WriteTo(&buf); err == nil {
			return buf.Bytes()
		}
	}
	r.g.w.book.violate("group %d on %s: snapshot: %v", r.g.id, r.n.name, err)
	return nil
}

// keep writes a snapshot to the disk, from which a restart begins.
func (r *replica) keep() {
	if r.applied == 0 {
		return
	}
	r.snapshot, r.snapped = r.snap(), r.applied
	r.g.w.book.image(r, r.snapshot)
	r.g.w.tracef("group %d: %s keeps a snapshot at %d", r.g.id, r.n.name, r.applied)
}

// install brings a lagging replica up to the leader's state.
func (r *replica) install(o *replica) error {
	if !r.leading || o.term > r.term || o.applied >= r.applied || !r.reaches(o) {
		return errors.New("not now")
	}
	image := r.snap()
	o.term = r.term
	o.stepDown()
	if err := o.machine.Restore(bytes.NewReader(image)); err != nil {
		return err
	}
	if o.last() < r.applied || o.log[r.applied-1].term != r.log[r.applied-1].term {
		o.log = r.log[:r.applied:r.applied] // else the entries after it may already count
	}
	o.commit, o.applied = r.applied, r.applied
	o.snapshot, o.snapped = image, r.applied
	o.stepper.soon()
	r.g.w.tracef("group %d: %s gets a snapshot at %d", r.g.id, o.n.name, o.applied)
	return nil
}
