package session

import (
	"time"

	"teahouse/pkg/game"
)

// readBindingEvery is how often the binding of a client with a ticket is read: a push is a
// hint that may be lost, the binding is the truth.
const readBindingEvery = 2 * time.Second

// binding is what the client knows of its ticket and table, so that it is told of a match
// exactly once, whichever way the news comes. It is pure. The zero value knows of neither.
type binding struct {
	ticket uint64       // held by the client, or 0
	newest uint64       // the newest ticket that was heard of; they count up
	told   game.TableID // the last table that the client knows of
	asking bool         // a reading is on its way
	next   time.Time    // when to read again
}

// holds notes that the client holds the ticket (0 = none) and knows of the table (0 = none).
func (b *binding) holds(ticket uint64, table game.TableID, now time.Time) {
	b.ticket = ticket
	b.newest = max(b.newest, ticket)
	b.next = now.Add(readBindingEvery)
	if table != 0 {
		b.told = table
	}
}

// due reports whether to read the binding now, and notes that this is on its way.
func (b *binding) due(now time.Time) bool {
	if b.ticket == 0 || b.asking || now.Before(b.next) {
		return false
	}
	b.asking = true
	b.next = now.Add(readBindingEvery)
	return true
}

// soon makes the next reading due at once.
func (b *binding) soon() { b.next = time.Time{} }

// read takes the truth over, as it was for who held asked at that time. News means that the
// client must be told that the ticket has become the table; with table 0, that it is gone: the
// round that it was matched with is over, and the hint was lost.
func (b *binding) read(asked, ticket uint64, table game.TableID) (news bool) {
	if asked == 0 || asked != b.ticket {
		return false // the client has joined or cancelled meanwhile
	}
	b.ticket = ticket
	if table == 0 {
		return ticket != asked
	}
	return b.matched(asked, table)
}

// matched notes a match. False means that the client knows already, or that the hint is about
// an older ticket than the client's: a node has slept on it.
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
