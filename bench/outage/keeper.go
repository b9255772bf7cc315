package outage

import (
	"slices"
	"strings"
	"time"

	"teahouse/pkg/wire"
	"teahouse/pkg/wire/wirepb"
)

// Cause is what an outage began with.
type Cause uint8

// The causes.
const (
	None       Cause = iota
	Unanswered       // something was sent and not answered
	Connection       // the connection was lost
	Unheard          // others at the table were told something that the player was not
)

// String is the cause in words.
func (c Cause) String() string {
	return [...]string{"none", "unanswered send", "lost connection", "event that others had"}[c]
}

// Span is an outage. To is that of the proof of life, or, of one that lasts, now.
type Span struct {
	From, To time.Time
	Cause    Cause
}

// Length is how long it lasted.
func (s Span) Length() time.Duration { return s.To.Sub(s.From) }

const (
	// remembered is the length from which on Keeper.Out knows of an outage.
	remembered = 100 * time.Millisecond
	// maxSpans bounds those; the oldest go.
	maxSpans = 256
	// maxPings bounds the heartbeats that wait for an answer; the oldest one stays.
	maxPings = 64
	// sendAgain is how soon after a connection is back, or after the last answer, a call is
	// sent again that was in doubt. What comes later is another one, of the same kind.
	sendAgain = 2 * time.Second
)

// Keeper is the book of one player. The zero value is a player who has sent nothing.
//
// It reads no clock: every method is told the time, which never goes back.
type Keeper struct {
	floor   time.Time       // nothing before it counts
	calls   map[uint64]call // on the present connection, without an answer; 0 is the login
	pings   []time.Time     // likewise, oldest first
	down    time.Time       // since when there is no connection; zero = there is one
	cause   Cause           // of down
	back    time.Time       // what down was until the first answer on the next connection; zero = nothing was
	doubt   map[kind]call   // what may be sent again, by its first sending
	said    time.Time       // the last answer, or the login, on the present connection
	longest Span
	spans   []Span
}

// kind tells calls that are sent again from others.
type kind struct {
	method string
	table  uint64
}

type call struct {
	kind
	since time.Time
	cause Cause
}

const attach = "table.attach"

func login(method string) bool { return strings.HasPrefix(method, "auth.") }

// Sent takes what the player sends.
func (k *Keeper) Sent(e *wirepb.Envelope, now time.Time) {
	switch b := e.Body.(type) {
	case *wirepb.Envelope_Hello:
		k.pings = nil // nobody answers those of a connection that is over
	case *wirepb.Envelope_Ping:
		if len(k.pings) < maxPings {
			k.pings = append(k.pings, now)
		}
	case *wirepb.Envelope_Call:
		k.call(b.Call, now)
	}
}

func (k *Keeper) call(c *wirepb.Call, now time.Time) {
	if k.calls == nil {
		k.calls, k.doubt = make(map[uint64]call), make(map[kind]call)
	}
	sent := call{kind: kind{c.Method, c.Table}, since: now, cause: Unanswered}
	if login(c.Method) {
		if before, again := k.calls[0]; again {
			sent.since = before.since // the attempt before was not answered
		}
		k.calls[0] = sent
		return
	}
	first, again := k.doubt[sent.kind]
	delete(k.doubt, sent.kind)
	switch fresh := now.Sub(k.said) <= sendAgain; {
	case again && fresh:
		sent.since, sent.cause = first.since, first.cause
	case c.Method == attach && !k.back.IsZero() && fresh:
		// Whoever sits at a table can do something again only once that has answered.
		sent.since, sent.cause = k.back, k.cause
	}
	k.calls[c.Id] = sent
}

// Received takes what the player is sent.
func (k *Keeper) Received(e *wirepb.Envelope, now time.Time) {
	switch b := e.Body.(type) {
	case *wirepb.Envelope_Pong:
		if len(k.pings) > 0 {
			k.add(Span{k.pings[0], now, Unanswered})
			k.pings = k.pings[1:]
		}
	case *wirepb.Envelope_Reply:
		k.reply(b.Reply, now)
	}
}

func (k *Keeper) reply(r *wirepb.Reply, now time.Time) {
	c, known := k.calls[r.Id]
	switch {
	case !known:
		return
	case login(c.method):
		if r.Code == wirepb.Code_OK {
			k.loggedIn(c, now)
		}
		return
	}
	delete(k.calls, r.Id)
	k.said = now
	k.add(Span{c.since, now, c.cause})
	if wire.Definite(r.Code) {
		k.back = time.Time{}
	} else if first, in := k.doubt[c.kind]; !in || c.since.Before(first.since) {
		k.doubt[c.kind] = c
	}
}

func (k *Keeper) loggedIn(c call, now time.Time) {
	delete(k.calls, 0)
	k.said = now
	if k.down.IsZero() {
		k.add(Span{c.since, now, c.cause})
		return
	}
	k.add(Span{k.down, now, k.cause})
	k.back, k.down = k.down, time.Time{}
}

// Lost says that the connection of a logged-in player is gone.
func (k *Keeper) Lost(now time.Time) {
	first := Span{now, now, Connection}
	if since, ok := k.waiting(); ok && since.From.Before(now) {
		first = since
	}
	for _, c := range k.calls {
		if old, in := k.doubt[c.kind]; !in || c.since.Before(old.since) {
			k.doubt[c.kind] = c
		}
	}
	if k.down.IsZero() {
		k.down, k.cause = first.From, first.Cause
	}
	clear(k.calls)
	k.pings, k.back = nil, time.Time{}
}

// Late says that the player has now been told what others were told before, at since.
func (k *Keeper) Late(since, now time.Time) { k.add(Span{since, now, Unheard}) }

// waiting is the oldest of what is sent and not answered.
func (k *Keeper) waiting() (s Span, ok bool) {
	if len(k.pings) > 0 {
		s, ok = Span{From: k.pings[0], Cause: Unanswered}, true
	}
	for _, c := range k.calls {
		if !ok || c.since.Before(s.From) {
			s, ok = Span{From: c.since, Cause: c.cause}, true
		}
	}
	return s, ok
}

// Open is the outage that lasts; false = the player is neither without an answer nor without a
// connection.
func (k *Keeper) Open(now time.Time) (Span, bool) {
	s, ok := k.waiting()
	if !k.down.IsZero() && (!ok || !s.From.Before(k.down)) {
		s, ok = Span{From: k.down, Cause: k.cause}, true
	}
	s.To = now
	return k.Clip(s), ok
}

// Longest is the longest outage so far, that which lasts included.
func (k *Keeper) Longest(now time.Time) Span {
	if open, ok := k.Open(now); ok && open.Length() > k.longest.Length() {
		return open
	}
	return k.longest
}

// Forget lets Longest begin anew: nothing before now counts any more, and of what lasts only
// the rest.
func (k *Keeper) Forget(now time.Time) { k.floor, k.longest = now, Span{} }

// Out is how much of the time between two moments lay in outages, the last 256 of more than 100 ms
// and that which lasts.
func (k *Keeper) Out(from, to time.Time) (d time.Duration) {
	spans := slices.Clone(k.spans)
	if open, ok := k.Open(to); ok {
		spans = append(spans, open)
	}
	slices.SortFunc(spans, func(a, b Span) int { return a.From.Compare(b.From) })
	for _, s := range spans {
		if s.From.Before(from) {
			s.From = from
		}
		if s.To.After(to) {
			s.To = to
		}
		if s.To.After(s.From) {
			d += s.Length()
			from = s.To
		}
	}
	return d
}

func (k *Keeper) add(s Span) {
	if s = k.Clip(s); s.Length() > k.longest.Length() {
		k.longest = s
	}
	if s.Length() < remembered {
		return
	}
	if len(k.spans) == maxSpans {
		k.spans = append(k.spans[:0], k.spans[1:]...)
	}
	k.spans = append(k.spans, s)
}

// Clip is what counts of an outage, after Forget.
func (k *Keeper) Clip(s Span) Span {
	if s.From.Before(k.floor) {
		s.From = k.floor
	}
	if s.To.Before(s.From) {
		s.To = s.From
	}
	return s
}
