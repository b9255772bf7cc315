package shard

import (
	"testing"
	"time"

	"teahouse/node/table"
	"teahouse/pkg/game"
)

// pauses returns the pauses at a hundred different times.
func pauses(p Pace, prompt table.BotPrompt) (all []time.Duration) {
	for now := range uint64(100) {
		all = append(all, p.pause(game.MakeTableID(3, 9), prompt, 1000+now))
	}
	return all
}

func TestPace(t *testing.T) {
	for name, c := range map[string]struct {
		prompt      table.BotPrompt
		least, most time.Duration
	}{
		"turn":         {table.BotPrompt{Seat: 1, Limit: 15 * time.Second}, 600 * time.Millisecond, 3750 * time.Millisecond},
		"claim":        {table.BotPrompt{Seat: 1, Limit: 8 * time.Second, Secret: true}, 200 * time.Millisecond, 600 * time.Millisecond},
		"held claim":   {table.BotPrompt{Seat: 1, Limit: 8 * time.Second, Secret: true, Hold: 700 * time.Millisecond}, 175 * time.Millisecond, 525 * time.Millisecond},
		"without time": {table.BotPrompt{}, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			different := make(map[time.Duration]bool)
			for _, d := range pauses(PaceHuman, c.prompt) {
				if d < c.least || d > c.most {
					t.Errorf("%v is not from %v to %v", d, c.least, c.most)
				}
				different[d] = true
			}
			if len(different) < 50 && c.most > 0 {
				t.Errorf("only %d different pauses", len(different))
			}
			for _, d := range pauses(PaceNone, c.prompt) {
				if d != 0 {
					t.Fatalf("no pace, and %v", d)
				}
			}
		})
	}
}

// How long a bot takes does not depend on what the others cannot see: neither on the payload nor on
// the prompt's number, which counts the secret prompts before it.
func TestPaceTellsNothing(t *testing.T) {
	a := table.BotPrompt{Seat: 2, Number: 17, Payload: []byte("peng?"), Limit: 8 * time.Second, Secret: true, Hold: time.Second}
	b := a
	b.Number, b.Payload = 23, []byte("gang, or hu?")
	one, other := pauses(PaceHuman, a), pauses(PaceHuman, b)
	for i := range one {
		if one[i] != other[i] {
			t.Fatalf("%v with one secret, %v with another", one[i], other[i])
		}
	}
}

func TestParsePace(t *testing.T) {
	for _, p := range []Pace{PaceNone, PaceHuman} {
		if again, err := ParsePace(p.String()); err != nil || again != p {
			t.Errorf("%v is read as %v, %v", p, again, err)
		}
	}
	if p, err := ParsePace("slow"); err == nil {
		t.Errorf("slow is %v", p)
	}
}
