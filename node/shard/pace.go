package shard

import (
	"encoding/binary"
	"fmt"
	"time"

	"github.com/cespare/xxhash/v2"

	"teahouse/node/table"
	"teahouse/pkg/game"
)

// Pace is how long bots take to answer. They may take as long as they like only where
// nothing can be read from it, so the time depends on what everybody at the table sees:
// what kind of question is open, and since when.
type Pace uint8

// The paces.
const (
	PaceNone  Pace = iota // at once
	PaceHuman             // as people do: mostly a second or two of fifteen, now and then some more
)

var paceNames = [...]string{"none", "human"}

// String gives the name that ParsePace reads.
func (p Pace) String() string {
	if int(p) < len(paceNames) {
		return paceNames[p]
	}
	return fmt.Sprintf("Pace(%d)", uint8(p))
}

// ParsePace reads the name of a pace.
func ParsePace(name string) (Pace, error) {
	for p, n := range paceNames {
		if n == name {
			return Pace(p), nil
		}
	}
	return 0, fmt.Errorf("shard: pace %q is none of %q", name, paceNames)
}

// secretPause is the longest that a bot takes for a question that nobody else may know of
// and no least time hides. The window then shows that somebody was asked, whoever it is.
const secretPause = 600 * time.Millisecond

// pause is how long the bot of a prompt takes that opened at log time now, in milliseconds.
//
// An answer to a secret question comes well within the time that the window stays open
// anyway: so it never shows whether a bot was asked at all. The prompt's number is not
// drawn from, since it counts the secret questions that the seat has had.
func (p Pace) pause(id game.TableID, prompt table.BotPrompt, now uint64) time.Duration {
	if p == PaceNone {
		return 0
	}
	key := binary.BigEndian.AppendUint64(nil, uint64(id))
	key = binary.BigEndian.AppendUint64(key, now)
	draw := xxhash.Sum64(append(key, byte(prompt.Seat)))
	if prompt.Secret {
		longest := secretPause
		if prompt.Hold > 0 {
			longest = prompt.Hold * 3 / 4
		}
		return between(longest/3, longest, draw)
	}
	// An eighth of all answers takes some thought.
	limit, draw := prompt.Limit, draw>>3|draw<<61
	if draw>>61 == 0 {
		return between(limit/8, limit/4, draw)
	}
	return between(limit/25, limit/8, draw)
}

// between gives a time from lo to hi by the low bits of a draw.
func between(lo, hi time.Duration, draw uint64) time.Duration {
	const steps = 1 << 16
	return lo + (hi-lo)*time.Duration(draw%steps)/steps
}
