package session

import (
	"net"
	"time"
)

// Steps is a client connection that is driven by hand instead of by Serve: for who simulates a
// cluster and decides itself when anything happens. Nothing of it runs by itself, and
// Config.Now says what time it is.
type Steps struct {
	s       *session
	writers []func()
}

// Steps lets a client in. What the client is sent is written to conn, from within Flush.
func (h *Hub) Steps(conn net.Conn) *Steps {
	h.mu.Lock()
	h.stepped = true
	h.mu.Unlock()
	st := &Steps{s: newSession(h, conn, h.cfg.Now())}
	st.s.out.start = func(write func()) { st.writers = append(st.writers, write) }
	h.admit(st.s)
	return st
}

// Frame takes the body of one frame of the client.
func (st *Steps) Frame(body []byte) {
	if !st.s.isClosing() {
		st.s.handleBody(body)
	}
}

// Flush writes what waits for the client. Call it after whatever may have told it something.
func (st *Steps) Flush() {
	for len(st.writers) > 0 {
		write := st.writers[0]
		st.writers = st.writers[1:]
		write()
	}
}

// Close is the end of the connection, by whichever side.
func (st *Steps) Close() {
	st.s.hub.leave(st.s)
	st.Flush()
}

// Sweep looks at deadlines, heartbeats and tickets once, as Run does again and again; last is
// when that was done before.
func (h *Hub) Sweep(last time.Time) { h.sweep(last, h.cfg.Now()) }
