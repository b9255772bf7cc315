// Package session is the gateway's side of the client connections.
//
//	hub, err := session.NewHub(session.Config{…}, up)
//	go hub.Run(ctx)
//	go hub.Serve(conn) // for each accepted connection
//
// A session starts with Hello and opens with a login. It checks what it can without a node (frames,
// methods, tokens, bounds), stamps player and epoch on each call and passes it to the Upstream.
// Whatever a client sends ends in a Reply with a code or in a Bye.
//
// From a table's stream it forwards exactly the next event (stream). It attaches again by itself on
// a gap and whenever the table's group gets a leader; if the table refuses, the client gets a
// Notice (Detached). While the client holds a queue ticket it reads the binding every two seconds,
// so that a lost hint loses no match; if the ticket is gone because its round is already over, the
// client gets a Notice too (Unqueued; see binding). Progress is forwarded if it is of the client's ticket; who
// has logged in with one is told by the first read. Two more are about its table: Waiting, when nobody
// runs it for longer than a moment, with its counterpart once it is heard again, and Moving.
//
// It measures the round trip to a client that sits at a table, by a Ping beside what is sent anyway, and
// tells it with each attach and move to the table, which gives the seat that much more time (see lag).
// Nobody else is told, and no log.
//
// # What an idle connection costs
//
// One goroutine that waits for input without a buffer: it takes one from a pool when there is
// something to read and returns it when all of it is handled. Output waits in one buffer per
// session, bounded in bytes. Whoever adds to an empty buffer starts a writer goroutine, which
// writes everything pending with one system call at a time and ends when nothing is left. So bursts
// are coalesced, a slow client blocks only its own writer, and an idle one has neither writer nor
// buffer. Heartbeats and deadlines are timestamps, checked in one sweep over all sessions.
//
// # Bounds
//
// Config.MaxSessions clients (else Bye SERVER_FULL), Limits.MaxCalls unanswered calls per client
// (else BUSY), Limits.MaxFrame bytes per frame (else Bye FRAME_TOO_LONG; an answer that is longer
// becomes INTERNAL), MaxOutbound pending bytes (else Bye TOO_SLOW). Each is counted in Stats.
//
// The package does not listen and knows nothing of links. Only package gateway/edge may import it.
package session
