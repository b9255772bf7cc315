// Package versions says what this build knows: the cluster's level, the protocols
// between processes, and whether a message holds something that it does not know.
//
//	levels := versions.Levels()
//	if common, ok := versions.Common(ours, theirs); !ok {
//		// refuse, naming both ranges
//	}
//	if what := versions.Unknown(command); what != "" {
//		return raftgroup.Halt{Reason: what}
//	}
//
// It decides nothing: who halts, refuses or negotiates does so itself. It is pure.
// Everybody may import it.
package versions

import "fmt"

// What this build knows. A number is raised in the commit that first writes or says
// something that the number before did not have; the lowest one rises when a build
// can no longer read what was written, or say what was said, before.
const (
	// FirstLevel is that of logs, snapshots and member lists that name none.
	FirstLevel = 1

	minLevel, maxLevel = FirstLevel, 2
	minLink, maxLink   = 1, 4 // pkg/link
	minRaft, maxRaft   = 1, 1 // between the hosts of Raft groups, pkg/raftgroup
)

// Levels are those of the cluster that this build can run at.
func Levels() Range { return Range{minLevel, maxLevel} }

// Link are the versions of the protocol on links.
func Link() Range { return Range{minLink, maxLink} }

// Raft are the versions of the protocol between the hosts of Raft groups.
func Raft() Range { return Range{minRaft, maxRaft} }

// Range is what one build knows of something: everything from Min to Max.
type Range struct{ Min, Max uint32 }

// Valid reports whether the range holds anything; 0 is no version.
func (r Range) Valid() bool { return 1 <= r.Min && r.Min <= r.Max }

// Holds reports whether v is in the range.
func (r Range) Holds(v uint32) bool { return r.Min <= v && v <= r.Max }

// Or is the range, or the other one where nothing is set.
func (r Range) Or(other Range) Range {
	if r == (Range{}) {
		return other
	}
	return r
}

func (r Range) String() string {
	if r.Min == r.Max {
		return fmt.Sprint(r.Min)
	}
	return fmt.Sprintf("%d to %d", r.Min, r.Max)
}

// Common is the highest version that both sides know. ok is false if there is
// none, also where a side's range is not valid.
func Common(a, b Range) (v uint32, ok bool) {
	v = min(a.Max, b.Max)
	return v, a.Valid() && b.Valid() && a.Holds(v) && b.Holds(v)
}
