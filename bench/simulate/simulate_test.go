package simulate

import (
	"bytes"
	"os"
	"runtime"
	"testing"
)

// TestSeeds is the simulation as every run of the tests has it; CI runs many more seeds. A failure
// names the command that repeats it.
func TestSeeds(t *testing.T) {
	seeds := uint64(200)
	if os.Getenv("TEAHOUSE_SLOW") != "" {
		seeds = 10_000
	}
	sum, err := RunMany(t.Context(), 1, seeds, runtime.GOMAXPROCS(0), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range sum.Failed {
		t.Errorf("seed %d: %s\n%s", r.Seed, r.Violation, r.Command())
	}
	if sum.Runs != seeds || uint64(sum.Moves) < 5*seeds || uint64(sum.Hands) < seeds {
		t.Errorf("nobody has played: %+v", sum)
	}
	t.Logf("%+v", sum)
}

// One seed is one run: without that, no failure could be looked at.
func TestASeedIsOneRun(t *testing.T) {
	for seed := range uint64(10) {
		var first, second bytes.Buffer
		a, b := Run(seed, &first), Run(seed, &second)
		if a != b || !bytes.Equal(first.Bytes(), second.Bytes()) {
			t.Errorf("seed %d: %+v, then %+v", seed, a, b)
		}
	}
}
