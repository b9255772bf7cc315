// Package planted has bugs that are made on purpose, to show that the simulation of a cluster
// finds their like. Without the build tag `planted` there are none: Is is a constant false, and
// the compiler leaves the bugs out.
//
//	if planted.Is(planted.LowerEpoch) { … }
//
// Each breaks one rule of the design; package bench/simulate has the table of them, with what each
// does. Only places where a rule is kept may ask, and only tests may choose one.
package planted

// Bug is one of them.
type Bug uint8

// The bugs, by the part that has them.
const (
	None Bug = iota

	// node/table
	RepeatBehindEpoch // M1: a repeat is looked up after the epoch is checked
	ReplyWithoutHash  // M1: any content under the last number gets the last reply
	RefusalUsesNumber // M2: a refused move uses up its number
	TimeCarriedOver   // L3: a take-over leaves open prompts the time they had left
	NoSnapshot        // S2: who is too far behind gets the events that are left
	LowerEpoch        // B1: an attach with a lower epoch is accepted

	// node/shard
	AnswerInDoubt   // L2: what is not known to be applied is answered as done
	CreatedAgain    // B4: a creation that was confirmed makes its table again
	RefusalForgot   // B4: a repeated creation that was refused is confirmed
	SettledUnasked  // T1: a hand counts as settled whatever the database says
	SettleTimeInSum // T1: the hash of a result covers the time of its settlement

	// node/coordinator
	PairForgotten // B3: a repeated queue command is decided again
	CancelMatched // B3: a cancel takes back a ticket that has matched
	UnbindsAnyone // B4: the end of a table frees its players from any table

	// pkg/client, pkg/link
	GivesUpInDoubt // M3: an unknown outcome counts as a refusal
	LowerTerm      // L1: an announcement of a lower term takes the route

	// gateway/session
	ForwardedTwice // S3: the last event is forwarded again
	NoReattach     // S3: a new leader is not asked for what the old one did not push
)
