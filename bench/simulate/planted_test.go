//go:build planted

package simulate

import (
	"regexp"
	"testing"

	"teahouse/pkg/planted"
)

// plantedBugs lists each deliberate bug, and the promise by which the simulation finds it. Package
// planted says what each breaks.
var plantedBugs = []struct {
	name  string
	bug   planted.Bug
	wrong string // what is wrong
	finds string // pattern of the violation
}{
	{"RepeatBehindEpoch", planted.RepeatBehindEpoch, "a repeat is looked up after the epoch is checked", `counts and was refused`},
	{"ReplyWithoutHash", planted.ReplyWithoutHash, "any content under the last number gets the last reply", `was acknowledged and is another one`},
	{"RefusalUsesNumber", planted.RefusalUsesNumber, "a refused move uses up its number", `NUMBER_GAP|stands twice`},
	{"GivesUpInDoubt", planted.GivesUpInDoubt, "an unknown outcome counts as a refusal", `no end|counts and was refused`},
	{"LowerTerm", planted.LowerTerm, "an announcement of a lower term takes the route", `no end|never told its end`},
	{"AnswerInDoubt", planted.AnswerInDoubt, "what is not known to be applied is answered as done", `was acknowledged and is lost|no end|never told its end`},
	{"TimeCarriedOver", planted.TimeCarriedOver, "a take-over leaves open prompts the time they had left", `the time of prompt`},
	{"NoSnapshot", planted.NoSnapshot, "who is too far behind gets the events that are left", `has attached again`},
	{"ForwardedTwice", planted.ForwardedTwice, "the last event is forwarded again", `forwards event`},
	{"NoReattach", planted.NoReattach, "a new leader is not asked for what the old one did not push", `no end|never told its end`},
	{"LowerEpoch", planted.LowerEpoch, "an attach with a lower epoch is accepted", `the epoch of player \d+ fell`},
	{"PairForgotten", planted.PairForgotten, "a repeated queue command is decided again", `has got \d+ tickets`},
	{"CancelMatched", planted.CancelMatched, "a cancel takes back a ticket that has matched", `^ticket`},
	{"CreatedAgain", planted.CreatedAgain, "a creation that was confirmed makes its table again", `fell from|sits at|two different events`},
	{"RefusalForgot", planted.RefusalForgot, "a repeated creation that was refused is confirmed", `no end|never told its end`},
	{"UnbindsAnyone", planted.UnbindsAnyone, "the end of a table frees its players from any table", `sits at|is bound to`},
	{"SettledUnasked", planted.SettledUnasked, "a hand counts as settled whatever the database says", `is not in the database`},
	{"SettleTimeInSum", planted.SettleTimeInSum, "the hash of a result covers the time of its settlement", `settled with two results`},
}

// foundWithin is the number of seeds within which a planted bug must be found.
const foundWithin = 3000

// TestPlantedBugs shows that the simulation can fail: it finds each bug by the promise that the bug
// breaks.
func TestPlantedBugs(t *testing.T) {
	defer planted.Choose(planted.None)
	for _, b := range plantedBugs {
		t.Run(b.name, func(t *testing.T) {
			planted.Choose(b.bug)
			for seed := range uint64(foundWithin) {
				r := Run(seed+1, nil)
				if r.Violation == "" {
					continue
				}
				t.Logf("%s: seed %d: %s", b.wrong, r.Seed, r.Violation)
				if !regexp.MustCompile(b.finds).MatchString(r.Violation) {
					t.Errorf("it is not found by %q", b.finds)
				}
				return
			}
			t.Errorf("%s: not found within %d seeds", b.wrong, foundWithin)
		})
	}
}
