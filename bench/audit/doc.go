// Package audit compares what the seats of a table lived through with the
// records of the table's hands and with what the database says, and counts broken
// promises:
//
//	seat.Stream.Event(push.Number, push.Payload) // of each push, while it plays
//	result, err := audit.Check(audit.Table{ID: id, Seats: seats, Hands: hands})
//
// Each hand is replayed from its archive. The streams that come out must be those
// that the seats received, byte for byte; and every tile in every message that a
// seat received must be one that it could know then, by the engine's full events
// and not by the code that decides what to show.
//
// It is pure: it asks nobody and starts nothing. Only bench imports it.
package audit
