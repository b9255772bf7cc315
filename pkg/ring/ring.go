// Package ring is consistent hashing: it says which member owns a key, such that everybody who
// knows the same members gets the same answer, and a member that joins or leaves moves only the
// keys that must move.
//
//	r, err := ring.New([]ring.Member{{Name: "node-1"}, {Name: "node-2"}, {Name: "node-3", Weight: 2}})
//	home, ok := r.Owner(uint64(player))
//	home, ok = r.Without("node-2").Owner(uint64(player)) // node-2 is suspect: skip it at once
//
// A Ring is an immutable value: build a new one from each member list and swap a pointer. Equal
// members, in any order, give equal rings on every machine and in every run, so the placement of a
// point is part of this package's contract and must not change.
//
// Place is the other half: it puts a NEW table on one of several shards, close to where hashing
// wants it, but never on one that already has more than its share.
//
// The package has no clock, no network and no randomness. Anybody may import it.
package ring

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/cespare/xxhash/v2"
)

const (
	// PointsPerWeight is the number of virtual nodes that one unit of weight puts on the
	// ring. With 128 of them a member's share deviates from its weight by about 9 percent
	// (one standard deviation).
	PointsPerWeight = 128
	// MaxWeight bounds the size of a ring.
	MaxWeight = 16
	// MaxMembers bounds the size of a ring.
	MaxMembers = 1024
)

// ErrMembers is wrapped by the errors of New.
var ErrMembers = errors.New("ring: invalid members")

// Member is one owner of keys.
type Member struct {
	// Name identifies the member; it decides where its points lie.
	Name string
	// Weight is the member's share relative to others, 1 to MaxWeight; 0 means 1.
	Weight int
	// Zone groups members that fail together, such as a rack. Successors prefers different zones.
	Zone string
}

// Ring maps keys to members. The zero value has no member. Its methods may be called from
// any goroutine.
type Ring struct {
	members []Member // sorted by name
	hashes  []uint64 // the points, ascending; separate from owners so that a search touches few cache lines
	owners  []uint16 // owners[i] is the index in members of the owner of hashes[i]
}

// New places the members on a ring. The error wraps ErrMembers: an empty or repeated name, a weight
// out of range, too many members. No members is not an error; such a ring owns nothing.
func New(members []Member) (*Ring, error) {
	if len(members) > MaxMembers {
		return nil, fmt.Errorf("%w: %d, at most %d", ErrMembers, len(members), MaxMembers)
	}
	sorted := slices.Clone(members)
	slices.SortFunc(sorted, func(a, b Member) int { return cmp.Compare(a.Name, b.Name) })
	total := 0
	for i := range sorted {
		m := &sorted[i]
		if m.Weight == 0 {
			m.Weight = 1
		}
		switch {
		case m.Name == "":
			return nil, fmt.Errorf("%w: empty name", ErrMembers)
		case i > 0 && sorted[i-1].Name == m.Name:
			return nil, fmt.Errorf("%w: %q twice", ErrMembers, m.Name)
		case m.Weight < 0 || m.Weight > MaxWeight:
			return nil, fmt.Errorf("%w: weight %d of %q", ErrMembers, m.Weight, m.Name)
		}
		total += m.Weight * PointsPerWeight
	}

	type point struct {
		hash  uint64
		owner uint16
	}
	points := make([]point, 0, total)
	for i, m := range sorted {
		buf := append([]byte(m.Name), 0, 0, 0, 0, 0)
		number := buf[len(m.Name)+1:]
		for n := range m.Weight * PointsPerWeight {
			binary.BigEndian.PutUint32(number, uint32(n))
			points = append(points, point{xxhash.Sum64(buf), uint16(i)})
		}
	}
	// Members are sorted by name, so ordering by owner makes the result deterministic even if two
	// hashes collide.
	slices.SortFunc(points, func(a, b point) int {
		return cmp.Or(cmp.Compare(a.hash, b.hash), cmp.Compare(a.owner, b.owner))
	})

	r := &Ring{members: sorted, hashes: make([]uint64, total), owners: make([]uint16, total)}
	for i, p := range points {
		r.hashes[i], r.owners[i] = p.hash, p.owner
	}
	return r, nil
}

// Members returns the members, sorted by name, with their weights filled in.
func (r *Ring) Members() []Member { return slices.Clone(r.members) }

// Len is the number of members.
func (r *Ring) Len() int { return len(r.members) }

// Owner returns the member that owns the key; ok is false on a ring without members.
func (r *Ring) Owner(key uint64) (name string, ok bool) {
	if len(r.hashes) == 0 {
		return "", false
	}
	return r.members[r.owners[r.search(key)]].Name, true
}

// OwnerAmong returns the first member from the key on for which there is true: the owner on a ring
// Without all others. ok is false if there is none.
func (r *Ring) OwnerAmong(key uint64, there func(name string) bool) (name string, ok bool) {
	if name, ok = r.Owner(key); !ok || there(name) {
		return name, ok
	}
	for _, i := range r.walk(-1, key) {
		if name := r.members[i].Name; there(name) {
			return name, true
		}
	}
	return "", false
}

// Successors returns up to n different members for the key: its owner, then the members that follow
// on the ring. Members of a zone that is not among the chosen yet come first.
func (r *Ring) Successors(key uint64, n int) []string {
	return r.successors(-1, key, n)
}

// SuccessorsOf is Successors for a key that the named member owns by decree, like the shards that
// it leads: up to n different other members, preferring zones other than its own. The named member
// need not be on the ring.
func (r *Ring) SuccessorsOf(name string, key uint64, n int) []string {
	first, ok := r.index(name)
	if !ok {
		first = -1
	}
	return r.successors(first, key, n)
}

// successors chooses up to n members from the key on, other than the member first (-1 for none),
// whose zone counts as used.
func (r *Ring) successors(first int, key uint64, n int) []string {
	if n <= 0 || len(r.hashes) == 0 {
		return nil
	}
	taken := map[string]int{} // zone → members chosen; read by key only, so its order is never seen
	if first >= 0 {
		taken[r.members[first].Zone]++
	}
	walk := r.walk(first, key)
	n = min(n, len(walk))
	chosen := make([]string, 0, n)
	for len(chosen) < n {
		best := 0
		for i, m := range walk {
			if taken[r.members[m].Zone] < taken[r.members[walk[best]].Zone] {
				best = i
			}
		}
		m := r.members[walk[best]]
		taken[m.Zone]++
		chosen = append(chosen, m.Name)
		walk = slices.Delete(walk, best, best+1)
	}
	return chosen
}

// walk lists all members but skip in the order of their first points from the key on.
func (r *Ring) walk(skip int, key uint64) []uint16 {
	seen := make([]bool, len(r.members))
	want := len(r.members)
	if skip >= 0 {
		seen[skip] = true
		want--
	}
	order := make([]uint16, 0, want)
	start := r.search(key)
	for i := 0; len(order) < want; i++ {
		owner := r.owners[(start+i)%len(r.owners)]
		if !seen[owner] {
			seen[owner] = true
			order = append(order, owner)
		}
	}
	return order
}

// Without returns a ring that skips the named members, as if it had been built without them; names
// that are not on the ring are ignored.
func (r *Ring) Without(names ...string) *Ring {
	renumbered := make([]int, len(r.members)) // old index → new one, -1 for the skipped
	kept := make([]Member, 0, len(r.members))
	total := 0
	for i, m := range r.members {
		if slices.Contains(names, m.Name) {
			renumbered[i] = -1
			continue
		}
		renumbered[i] = len(kept)
		kept = append(kept, m)
		total += m.Weight * PointsPerWeight
	}
	if len(kept) == len(r.members) {
		return r
	}
	out := &Ring{members: kept, hashes: make([]uint64, 0, total), owners: make([]uint16, 0, total)}
	for i, owner := range r.owners {
		if to := renumbered[owner]; to >= 0 {
			out.hashes = append(out.hashes, r.hashes[i])
			out.owners = append(out.owners, uint16(to))
		}
	}
	return out
}

// search returns the index of the first point at or after the key's hash. The ring must
// have points.
func (r *Ring) search(key uint64) int {
	var buf [8]byte
	binary.BigEndian.PutUint64(buf[:], key)
	i, _ := slices.BinarySearch(r.hashes, xxhash.Sum64(buf[:]))
	if i == len(r.hashes) {
		return 0
	}
	return i
}

func (r *Ring) index(name string) (int, bool) {
	return slices.BinarySearchFunc(r.members, name, func(m Member, name string) int {
		return cmp.Compare(m.Name, name)
	})
}
