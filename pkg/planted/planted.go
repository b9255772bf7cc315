// Package planted has bugs that are made on purpose, to show that the simulation of a cluster
// finds bugs of their kind. Without the build tag `planted` there are none: Is is a constant false,
// and the compiler leaves the bugs out.
//
//	if planted.Is(planted.LowerEpoch) { … }
//
// Each breaks a promise of DESIGN.md, or a rule that keeps one. Package bench/simulate has a table of
// them, with the effect of each. Is may be called only in the code that enforces the rule, and only
// tests may choose a bug.
package planted

// Bug is a planted bug.
type Bug uint8

// The bugs by package, each with the promise (by number) or the rule (by its heading) of DESIGN.md that
// it breaks.
const (
	None Bug = iota

	// node/table
	RepeatBehindEpoch // Moves: a resent move is looked up only after its epoch is checked
	ReplyWithoutHash  // promise 1: any content under the last number gets the last reply
	RefusalUsesNumber // Moves: a refused move uses up its number
	TimeCarriedOver   // Time: after a change of leaders, open prompts keep only the time they had left
	NoSnapshot        // promise 3: a client that is too far behind gets the remaining events instead of a snapshot
	LowerEpoch        // Sessions: an attach with a lower epoch is accepted

	// node/shard
	AnswerInDoubt   // promise 1: a command is answered OK although it may never be applied
	CreatedAgain    // Outboxes: a creation that was confirmed makes its table again
	RefusalForgot   // Outboxes: a creation that was refused is confirmed when it is repeated
	SettledUnasked  // promise 5: a hand counts as settled whatever the database says
	SettleTimeInSum // promise 5: the hash of a result covers the time of its settlement, so a retry conflicts

	// node/coordinator
	PairForgotten // Sessions: a repeated queue command is decided again
	CancelMatched // promise 4: a cancel takes back a ticket that has matched
	UnbindsAnyone // promise 4: the end of a table unbinds its players from whatever table they are at

	// pkg/client, pkg/link
	GivesUpInDoubt // Moves: an unknown outcome counts as a refusal
	LowerTerm      // Leaders: an announcement of a lower term replaces the route

	// gateway/session
	ForwardedTwice // promise 3: the last event is forwarded again
	NoReattach     // promise 3: a session does not attach again at a new leader, which could send what the old one did not push
)
