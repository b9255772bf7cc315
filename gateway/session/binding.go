package session

import (
	"time"

	"teahouse/pkg/game"
)

// readBindingEvery is how often the binding of a client with a ticket is read: pushes are hints and
// may get lost; the binding is authoritative.
const readBindingEvery = 2 * time.Second

// binding is what the client knows about its ticket and table. It makes sure that the client hears
// of a match exactly once, whichever way the news arrives. It is pure; the zero value knows of
// neither.
type binding struct {
	ticket uint64       // held by the client, or 0
	newest uint64       // the highest ticket seen; tickets count up
	told   game.TableID // the last table the client was told of
	asking bool         // a read is in flight
	news   bool         // the client has logged in with the ticket and does not know how far it has come
	next   time.Time    // when to read again
}

// holds records that the client holds the ticket (0 = none) and knows of the table (0 = none).
func (b *binding) holds(ticket uint64, table game.TableID, now time.Time) {
	b.ticket = ticket
	b.newest = max(b.newest, ticket)
	b.next = now.Add(readBindingEvery)
	if table != 0 {
		b.told = table
	}
}

// due reports whether to read the binding now, and records that a read is in flight.
func (b *binding) due(now time.Time) bool {
	if b.ticket == 0 || b.asking || now.Before(b.next) {
		return false
	}
	b.asking = true
	b.next = now.Add(readBindingEvery)
	return true
}

// soon makes the next read due at once.
func (b *binding) soon() { b.next = time.Time{} }

// waits reports whether the client holds this ticket.
func (b *binding) waits(ticket uint64) bool { return ticket != 0 && ticket == b.ticket }

// read takes in the binding that a read returned; asked is the ticket that the client held when it
// was sent. News means that the client must be told that its ticket has become the table or, if
// table is 0, that the ticket is gone: its round is already over and the hint was lost.
func (b *binding) read(asked, ticket uint64, table game.TableID) (news bool) {
	if asked == 0 || asked != b.ticket {
		return false // the client has joined or cancelled since
	}
	b.ticket = ticket
	if table == 0 {
		return ticket != asked
	}
	return b.matched(asked, table)
}

// matched takes in a match. It reports false if the client already knows, or if the hint is about
// an older ticket than the client's: it was held up in a node that was paused.
func (b *binding) matched(ticket uint64, table game.TableID) (news bool) {
	if ticket < b.newest {
		return false
	}
	b.newest = ticket
	if ticket == b.ticket {
		b.ticket = 0
	}
	news = table != b.told
	b.told = table
	return news
}
