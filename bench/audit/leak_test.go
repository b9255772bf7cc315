//go:build leak

package audit

import "testing"

// With the tag leak every seat is told every drawn tile. Live play and replay then agree, so only
// the check of the tiles can find it.
func TestLeakIsCaught(t *testing.T) {
	r := check(t, simulate(t, 1))
	if r.HiddenTilesSeen == 0 || r.EventsWrong != 0 {
		t.Errorf("%+v, %q", r.Audit, r.Notes)
	}
}
