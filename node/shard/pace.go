package shard

import (
	"encoding/binary"
	"fmt"
	"time"

	"github.com/cespare/xxhash/v2"

	"teahouse/node/table"
	"teahouse/pkg/game"
)

// Pace is how long bots take to answer. The time must not reveal anything hidden, so it depends only on
// what everybody at the table sees: the kind of the open prompt, and when it opened.
type Pace uint8

// The paces.
const (
	PaceNone  Pace = iota // at once
	PaceHuman             // as people do: mostly one or two of fifteen seconds, sometimes more
)

var paceNames = [...]string{"none", "human"}

// String returns the name that ParsePace accepts.
func (p Pace) String() string {
	if int(p) < len(paceNames) {
		return paceNames[p]
	}
	return fmt.Sprintf("Pace(%d)", uint8(p))
}

// ParsePace returns the pace of that name.
func ParsePace(name string) (Pace, error) {
	for p, n := range paceNames {
		if n == name {
			return Pace(p), nil
		}
	}
	return 0, fmt.Errorf("shard: pace %q is none of %q", name, paceNames)
}

// secretPause is the longest pause of a bot before it answers a secret prompt, if no minimum time holds the
// window open to hide the prompt. The window then shows that somebody was asked, but not who.
const secretPause = 600 * time.Millisecond

// pause returns how long a bot takes to answer a prompt that opened at log time now, in milliseconds.
//
// An answer to a secret prompt comes well within the time that the window stays open anyway, so it
// never shows whether a bot was asked at all. The draw does not use the prompt's number, because
// that counts the secret prompts that the seat has had.
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
	// One answer in eight takes longer.
	limit, draw := prompt.Limit, draw>>3|draw<<61
	if draw>>61 == 0 {
		return between(limit/8, limit/4, draw)
	}
	return between(limit/25, limit/8, draw)
}

// between returns a time from lo to hi, chosen by the low 16 bits of draw.
func between(lo, hi time.Duration, draw uint64) time.Duration {
	const steps = 1 << 16
	return lo + (hi-lo)*time.Duration(draw%steps)/steps
}
