package session

import (
	"net"
	"time"
)

// Steps is a client connection that is driven by hand instead of by Serve, for simulations that
// decide themselves when anything happens. Nothing of it runs by itself; Config.Now is its clock.
type Steps struct {
	s       *session
	writers []func()
}

// Steps lets a client in. Output is written to conn, within Flush.
func (h *Hub) Steps(conn net.Conn) *Steps {
	h.mu.Lock()
	h.stepped = true
	h.mu.Unlock()
	st := &Steps{s: newSession(h, conn, h.cfg.Now())}
	st.s.out.start = func(write func()) { st.writers = append(st.writers, write) }
	h.admit(st.s)
	return st
}

// Frame takes the body of one frame from the client.
func (st *Steps) Frame(body []byte) {
	if !st.s.isClosing() {
		st.s.handleBody(body)
	}
}

// Flush writes pending output. Call it after whatever may have produced some.
func (st *Steps) Flush() {
	for len(st.writers) > 0 {
		write := st.writers[0]
		st.writers = st.writers[1:]
		write()
	}
}

// Close ends the connection, whichever side closed it.
func (st *Steps) Close() {
	st.s.hub.leave(st.s)
	st.Flush()
}

// Sweep checks deadlines, heartbeats and tickets once, as Run does periodically; last is when that
// was done before.
func (h *Hub) Sweep(last time.Time) { h.sweep(last, h.cfg.Now()) }
