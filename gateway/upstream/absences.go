package upstream

import (
	"time"

	"teahouse/gateway/route"
	"teahouse/pkg/game"
)

const (
	// waitAfter is how long a group is without a leader before players are told. A failover is usually
	// over by then, and is no news.
	waitAfter = 300 * time.Millisecond
	// longestSweep is how much of the time between two sweeps counts: if it is more, this process did
	// not run, and what was announced meanwhile is still unread.
	longestSweep = 250 * time.Millisecond
)

// absences notes which groups have no known leader, and what was told of it. It is pure.
type absences struct {
	groups map[game.GroupID]absence // without a leader at the last sweep
	moved  map[game.GroupID]uint64  // the last term whose leader has said that it gives the group away
	swept  time.Time                // the last sweep
}

type absence struct {
	lasts time.Duration // since the first sweep that found it
	told  bool
}

func newAbsences() *absences {
	return &absences{groups: map[game.GroupID]absence{}, moved: map[game.GroupID]uint64{}}
}

// led records that the group has a leader.
func (a *absences) led(group game.GroupID) { delete(a.groups, group) }

// moving reports whether it is news that the leader of the term gives the group away.
func (a *absences) moving(group game.GroupID, term uint64) bool {
	if a.moved[group] >= term {
		return false
	}
	a.moved[group] = term
	return true
}

// sweep returns the shards of which it has become news that nobody leads them.
func (a *absences) sweep(now time.Time, s *route.Snapshot) (news []game.GroupID) {
	step := min(now.Sub(a.swept), longestSweep)
	a.swept = now
	for group := game.Coordinator + 1; group <= s.Shards(); group++ {
		leader := s.Leader(group)
		if leader.Node != "" || leader.Term == 0 { // or nobody has led it yet, and nobody sits there
			delete(a.groups, group)
			continue
		}
		was, absent := a.groups[group]
		if absent {
			was.lasts += step
		}
		if !was.told && was.lasts >= waitAfter {
			was.told = true
			news = append(news, group)
		}
		a.groups[group] = was
	}
	return news
}
