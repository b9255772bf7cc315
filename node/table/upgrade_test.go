package table_test

import (
	"testing"

	"google.golang.org/protobuf/proto"

	"teahouse/node/table"
	"teahouse/node/table/tabletest"
	"teahouse/pkg/game"
	"teahouse/pkg/wire/wirepb"
)

// newer is the game of a later build, which tells the seats other things.
type newer struct{ tabletest.Game }

func (newer) Version() uint32 { return 2 }

// TestUpgrade: what an earlier version of the game told is not told again. A client that returns is given
// the view, its numbers go on, and the hand is played to its end.
func TestUpgrade(t *testing.T) {
	r := newRig(t, ``, 2)
	r.attachAll()
	r.finishHand()
	r.pass()
	last := r.pushed[1][len(r.pushed[1])-1].Number
	raw, err := proto.Marshal(r.table.Message())
	if err != nil {
		t.Fatal(err)
	}
	for version, g := range []game.Game{tabletest.Game{}, newer{}} {
		if r.table, err = table.Restore(raw, func(string) (game.Game, bool) { return g, true }); err != nil {
			t.Fatal(err)
		}
		r.want(r.attach(12, 1, last-1), wirepb.Code_OK)
		if version == 0 {
			if len(r.out.Pushes) != 1 || r.out.Pushes[0].Kind != wirepb.Push_EVENT || r.out.Pushes[0].Number != last {
				t.Fatalf("of the same version: %v", r.out.Pushes)
			}
			continue
		}
		if v := checkSnapshot(t, r, last); v.GetHand() != 2 {
			t.Errorf("view %v", v)
		}
		r.want(r.attach(12, 1, last), wirepb.Code_OK) // has missed nothing
		if len(r.out.Pushes) != 0 {
			t.Errorf("pushes %v", r.out.Pushes)
		}
		before := len(r.pushed[1])
		r.finishHand()
		for i, p := range r.pushed[1][before:] {
			if p.Number != last+1+uint64(i) {
				t.Errorf("event %d, want %d", p.Number, last+1+uint64(i))
			}
		}
		if has[*wirepb.TableEvent_HandEnded](r, 1) != 2 {
			t.Error("the hand did not end")
		}
	}
}
