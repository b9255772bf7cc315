// Package history records what players asked of a queue and the answers, and checks that it could
// have happened: that some order of the commands, each taking effect between its call and its
// answer, explains every answer.
//
//	ops = append(ops, history.Op{Player: 7, Kind: history.Join, Call: t0, Return: t1, Got: 33})
//	result := history.Check(ops, history.Config{Seats: 4})
//
// Porcupine searches for the order, for each player alone and then for all players of a table
// together, against a sequential model (see step). A match and its confirmation, which nobody
// calls, are put into the history wherever a player was told of its table.
//
// The package has no clock and does no I/O. Only bench imports it.
package history

import (
	"fmt"
	"math"

	"teahouse/pkg/game"
	"teahouse/pkg/wire/wirepb"
)

// Kind is what was asked or told.
type Kind uint8

// The kinds. Calls are what a player asks; Told is unsolicited.
const (
	Join   Kind = iota + 1 // for a ticket
	Cancel                 // Op.Ticket
	Read                   // of the binding; a resume answers it too
	Told                   // that the ticket Op.Got became Op.Table

	// Nobody calls these; Check adds them.
	earlier // the effect of a join's attempt before a resume, if any
	match   // four tickets become a table that its shard has not confirmed
	refuse  // the shard takes no tables: the tickets are queued again
	seat    // the shard has confirmed
	release // the table is over
)

// Open is the Return of an unanswered Op: it may take effect at any later time.
const Open = math.MaxInt64

// Op is one call of a player and its answer.
type Op struct {
	Player game.PlayerID
	Kind   Kind
	Queue  string // Join: players of one queue meet
	Ticket uint64 // Cancel: which

	Call, Return int64 // any clock that never goes back; Return: Open = no answer

	Code  wirepb.Code
	Got   uint64       // ticket in the answer, or 0
	Table game.TableID // in the answer, or 0
	// Doubt means that the call was sent again after a resume: its success may also be the effect
	// of the earlier attempt.
	Doubt bool
}

func (o Op) open() bool { return o.Return == Open }

// String is for reading findings.
func (o Op) String() string {
	text := fmt.Sprintf("player %d ", o.Player)
	switch o.Kind {
	case Join:
		text += "join"
	case Cancel:
		text += fmt.Sprintf("cancel %d", o.Ticket)
	case Read:
		text += "read"
	case Told:
		text += "told"
	case earlier:
		text += "perhaps join"
	default:
		return fmt.Sprintf("%s of table %v", map[Kind]string{match: "match", refuse: "refusal", seat: "seating", release: "release"}[o.Kind], o.Table)
	}
	if o.open() {
		return fmt.Sprintf("%s [%d, ?]", text, o.Call)
	}
	if o.Code != wirepb.Code_OK {
		text += " " + o.Code.String()
	}
	if o.Got != 0 {
		text += fmt.Sprintf(" ticket %d", o.Got)
	}
	if o.Table != 0 {
		text += fmt.Sprintf(" table %v", o.Table)
	}
	if o.Doubt {
		text += " (in doubt)"
	}
	return fmt.Sprintf("%s [%d, %d]", text, o.Call, o.Return)
}
