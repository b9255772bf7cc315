//go:build leak

package audit

import "testing"

// With the tag leak every seat is told every drawn tile. Live play and replay agree
// then, so that only the look at the tiles can find it.
func TestLeakIsCaught(t *testing.T) {
	r := check(t, simulate(t, 1))
	if r.HiddenTilesSeen == 0 || r.EventsWrong != 0 {
		t.Errorf("%+v, %q", r.Audit, r.Notes)
	}
}
