package wire

import "teahouse/pkg/wire/wirepb"

// A call ends in one of three ways, and the code of its reply says which:
//
//   - Definite: whoever executes the call has decided. The same call again
//     would get the same answer or be refused as old.
//   - SendAgain: nobody knows. The call may have had its effect or may still
//     have it, so the sender resends it until the answer is definite.
//   - Neither: this one attempt had no effect (it hit a bound, or went to the
//     wrong place). That settles a first attempt; of a repetition it says nothing
//     about earlier attempts, so a call in doubt stays in doubt.

// Definite reports whether code decides the call, as done or as refused. Codes unknown to this
// version count as refusals, so that nobody retries forever.
func Definite(code wirepb.Code) bool { return !SendAgain(code) && !NoEffect(code) }

// SendAgain reports whether the outcome is unknown and the same call must be sent again.
func SendAgain(code wirepb.Code) bool { return code == wirepb.Code_OUTCOME_UNKNOWN }

// NoEffect reports whether this attempt, and only this one, is known to have changed nothing. A new
// attempt may succeed: at once for a router that got NOT_LEADER or MOVED, later for the others.
func NoEffect(code wirepb.Code) bool {
	switch code {
	case wirepb.Code_NOT_SENT, wirepb.Code_BUSY, wirepb.Code_MOVE_IN_FLIGHT,
		wirepb.Code_NOT_LEADER, wirepb.Code_MOVED,
		wirepb.Code_NOT_LOGGED_IN, wirepb.Code_SHUTTING_DOWN, wirepb.Code_SERVER_FULL,
		wirepb.Code_UNAVAILABLE, wirepb.Code_TABLE_UNAVAILABLE,
		wirepb.Code_SESSION_FORGOTTEN, wirepb.Code_TOO_OFTEN:
		return true
	}
	return false
}
