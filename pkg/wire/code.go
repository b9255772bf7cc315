package wire

import "teahouse/pkg/wire/wirepb"

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
