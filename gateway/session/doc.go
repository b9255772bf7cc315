// Package session is the gateway's side of the clients' connections.
//
//	hub, err := session.NewHub(session.Config{…}, up)
//	go hub.Run(ctx)
//	go hub.Serve(conn) // for each accepted connection
//
// A session goes from Hello over a login to open. It checks what it can without a node
// (frames, methods, tokens, bounds), stamps player and epoch on each call and hands it to
// the Upstream. Whatever a client sends ends in a Reply with a code or in a Bye.
//
// Of a table's stream it forwards exactly the next event (stream), and attaches again by
// itself on a gap and whenever the table's group gets a leader; a table that refuses that is
// told as a Notice (Detached). While the client holds a queue ticket it reads the binding
// every two seconds, so that a lost hint loses no match; a ticket that is gone because its round
// is over already is told as a Notice too (Unqueued; binding).
//
// # What an idle connection costs
//
// One goroutine that waits for input without a buffer: the buffer is taken from a pool when
// there is something to read, and given back when all of it is handled. Output waits in one
// buffer per session, bounded in bytes. Whoever finds it empty starts a writer goroutine,
// which takes all that waits with one system call each, and ends when nothing does; so bursts
// are coalesced, a slow client blocks nobody but its own writer, and an idle one has
// neither writer nor buffer. Heartbeats and deadlines are stamps and one sweep over all
// sessions.
//
// # Bounds
//
// Config.MaxSessions clients (else Bye SERVER_FULL), Limits.MaxCalls unanswered calls of a
// client (else BUSY), Limits.MaxFrame bytes a frame (else Bye FRAME_TOO_LONG; an answer
// that is longer becomes INTERNAL), MaxOutbound
// waiting bytes (else Bye TOO_SLOW). Each is counted in Stats.
//
// The package does not listen and knows no links. Only package gateway/edge may import it.
package session
