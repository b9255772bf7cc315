package coordinator

import (
	"testing"

	"pgregory.net/rapid"
)

// The waits are bounded, whatever is noted; what is known of a kind lies within what was noted of it, and old news
// end.
func TestWaits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var w waits
		now := uint64(0)
		type span struct{ lo, hi, at uint64 }
		noted := map[queueKey]span{}
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			now += rapid.SampledFrom([]uint64{0, 1000, keepWaits / 2, keepWaits + 1}).Draw(t, "pause")
			key := queueKey{stake: rapid.Uint32Range(1, 3).Draw(t, "kind")}
			ms := rapid.Uint64Range(0, 2*longestWait).Draw(t, "ms")
			w.note([]wait{{key, ms}}, now)
			s, known := noted[key]
			if ms = min(max(ms, 1), longestWait); !known {
				s = span{lo: ms, hi: ms}
			}
			noted[key] = span{min(s.lo, ms), max(s.hi, ms), now}
			typical := w.typical(now)
			for key, s := range noted {
				ms, told := typical[key]
				if told != (now-s.at <= keepWaits) {
					t.Fatalf("noted at %d, told at %d: %v", s.at, now, told)
				}
				if told && (uint64(ms) < s.lo || uint64(ms) > s.hi) {
					t.Fatalf("%d ms, of waits between %d and %d", ms, s.lo, s.hi)
				}
				if !told {
					delete(noted, key)
				}
			}
			if len(w.kinds) > len(noted) {
				t.Fatalf("%d kinds are kept, %d have news", len(w.kinds), len(noted))
			}
		}
	})
}

func TestManyKindsOfWaits(t *testing.T) {
	var w waits
	for i := range uint32(3 * maxWaitKinds) {
		w.note([]wait{{queueKey{stake: i}, 5}}, uint64(i))
	}
	typical := w.typical(3 * maxWaitKinds)
	if len(typical) != maxWaitKinds || typical[queueKey{stake: 3*maxWaitKinds - 1}] != 5 || typical[queueKey{stake: 0}] != 0 {
		t.Errorf("%d kinds", len(typical))
	}
}

// The middle of the last waits counts, not those long before them.
func TestTypicalWait(t *testing.T) {
	var w waits
	for range maxWaits {
		w.note([]wait{{queueKey{}, 60_000}}, 1)
	}
	for i := range uint64(maxWaits) {
		w.note([]wait{{queueKey{}, 100 * i}}, 2)
	}
	if ms := w.typical(3)[queueKey{}]; ms != 100*maxWaits/2 {
		t.Errorf("%d ms", ms)
	}
}
