// Package outage measures for how long a player could not act or could not hear although he was
// entitled to. An answered move tells nothing of that: who has no connection sends none, and who
// is not asked answers nothing.
//
//	keeper.Sent(envelope, now)     // each message, as it goes
//	keeper.Received(envelope, now) // and as it comes
//	keeper.Lost(now)               // the connection
//	if since, late := table.Heard(player, push, now); late {
//		keeper.Late(since, now)
//	}
//	longest := keeper.Longest(now)
//
// An outage begins with the first send that is not answered (a heartbeat is one too), with the
// connection's loss, or with an event that others at the table were told. It ends with the next
// proof of life of that kind: a definite answer; after a lost connection that of the login and, for
// whoever sits at a table, that of the table; the event itself, or a snapshot. An answer to a heartbeat
// is no proof that a move is answered, nor that events come. Each beginning counts by itself: of two
// that overlap the longer one is reported, not both together.
//
// What keeps this process from running keeps the players of it from hearing, and counts.
//
// It is pure: it asks no clock and starts nothing. Only bench imports it.
package outage
