package wiretest_test

import (
	"testing"

	"teahouse/pkg/wire/wirepb"
	"teahouse/pkg/wire/wiretest"
)

// failures is a testing.TB that only takes notes.
type failures struct {
	testing.TB
	n int
}

func (f *failures) Helper()               {}
func (f *failures) Errorf(string, ...any) { f.n++ }

func TestWhatIsNotSaidIsFound(t *testing.T) {
	for _, c := range []struct {
		method string
		code   wirepb.Code
		wrong  bool
	}{
		{"table.leave", wirepb.Code_OK, false},
		{"table.leave", wirepb.Code_NOT_OVER, false},
		{"table.leave", wirepb.Code_PROMPT_GONE, true},
		{"table.leave", wirepb.Code_NOT_LEADER, false},
		{"queue.join", wirepb.Code_SESSION_FORGOTTEN, false},
		{"queue.join", wirepb.Code_TOO_SLOW, true},
		{"cluster.create", wirepb.Code_TOO_SLOW, false},
	} {
		f := &failures{TB: t}
		if wiretest.Answered(f, c.method, c.code); (f.n > 0) != c.wrong {
			t.Errorf("%s and %v: %d failures", c.method, c.code, f.n)
		}
	}
	for bound, wrong := range map[int64]bool{1_000_000: false, 64: false, 1: true, 65: true} {
		f := &failures{TB: t}
		if wiretest.Bounded(f, "queue.join", bound); (f.n > 0) != wrong {
			t.Errorf("the bound %d: %d failures", bound, f.n)
		}
	}
}
