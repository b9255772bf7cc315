// Package audit compares what the seats of a table experienced with the records of the table's
// hands and with the database, and counts broken promises:
//
//	seat.Stream.Event(push.Number, push.Payload, now) // of each push, while it plays
//	result, err := audit.Check(audit.Table{ID: id, Seats: seats, Hands: hands})
//
// Each hand is replayed from its archive. The resulting streams must be those that the seats
// received, byte for byte; and every tile in every message that a seat received must be one that it
// could know then, according to the engine's full events and not to the code that decides what to
// show.
//
// It is pure: it does no I/O and starts nothing. Only bench imports it.
package audit
