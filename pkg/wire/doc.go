// Package wire is the one home of the protocol between clients and the gateway: framing, limits,
// methods, meanings of codes, version history.
//
//	body, rest, err := wire.Split(buf, limits.MaxFrame) // or (*Reader).Next on a stream
//	env, err := wire.ParseEnvelope(body)
//	out, err = wire.AppendEnvelope(out, reply)
//
// The package starts nothing, does no I/O beyond Reader, and knows nothing of links (pkg/link uses
// its framing). Everybody may import it. PROTOCOL.md beside it is the whole protocol for whoever writes
// a client in any language; deploy/protocol writes it, from the sections below too.
//
// # Frame
//
//	| 4 bytes: length of the body, big-endian | body: a protobuf Envelope |
//
// The length does not count its own four bytes. Over WebSocket one binary message is one Envelope
// and the length is left out. A length above Limits.MaxFrame is refused with Bye FRAME_TOO_LONG
// before anything is allocated or read for it; a body that is no Envelope, or one that is not
// allowed at this point, ends in Bye BAD_FRAME.
//
// # Flow
//
//	client                         gateway
//	Hello{version}         →
//	                       ←       Welcome{version, limits}     or Bye VERSION_UNSUPPORTED
//	Call{id, auth.guest}   →
//	                       ←       Reply{id, LoginReply}
//	Call{id, table.attach} →
//	                       ←       Reply{id}, then Push{number n+1}, Push{number n+2} …
//	Ping                   ←→      Pong, from either side at any time
//	                       ←       GoingAway{in_ms}, before a Bye that is planned
//	                       ←       Bye{code, reconnect, after_ms}, then the end
//
// Hello is the client's first message and must arrive within Limits.Handshake. Each Call gets
// exactly one Reply with its id; replies may overtake each other. A side that has sent nothing for
// Limits.Heartbeat sends a Ping; one that has received nothing for Limits.Idle closes. Pushes of
// one table are numbered without gaps, per seat.
//
// # Outcomes
//
// A call ends in one of three ways, and the code of its reply says which:
//
//   - Definite: whoever executes the call has done it (OK) or refused it. The same call again would get
//     the same answer or be refused as old. A code that a client does not know counts as a refusal.
//   - Unknown (OUTCOME_UNKNOWN, and any call whose connection breaks before its reply): it may have had
//     its effect or may still have it, so the sender resends it until the answer is definite.
//   - No effect (BUSY, NOT_SENT, UNAVAILABLE and others, see the list of codes): this one attempt
//     changed nothing. That settles a first attempt; of a repetition it says nothing about earlier
//     attempts, so a call in doubt stays in doubt.
//
// # Time
//
// A Pong of the gateway tells its wall clock, and each Push when that happened by the same clock,
// even if it is told much later, after a resume. Each gateway has its own clock: what is known of one
// ends with the connection. Limits in prompts count from the prompt's time.
//
// # Versions
//
//	1  the first one
//	2  mahjong: tiles are kinds, not ids; melds do not list their tiles; prompts are without the view;
//	   pongs and pushes tell the gateway's time; a planned end is announced
//
// A gateway speaks min(Hello.version, Version) and refuses versions below MinVersion: it speaks 2
// only. Within a version fields and methods may be added, and numbers are never reused.
package wire

// Version is the newest protocol version, MinVersion the oldest one still spoken.
const (
	Version    = 2
	MinVersion = 2
)
