package session

import (
	"net"
	"sync"
	"time"

	"teahouse/pkg/wire"
	"teahouse/pkg/wire/wirepb"
)

const (
	// keepWriteBuffer is the largest output buffer that is returned to the pool.
	keepWriteBuffer = 64 << 10
	// linger bounds the farewell: writing what is pending, then reading until the client closes,
	// because closing with unread input would destroy the Bye in transit.
	linger = time.Second
)

// outbound holds what is pending for one client. All methods but write, which is the writer
// goroutine, need the session's lock.
type outbound struct {
	conn    net.Conn
	lock    *sync.Mutex // the session's
	buffers *sync.Pool  // of *[]byte
	start   func(func())
	stats   *counters
	max     int

	buf     []byte    // encoded frames, pending
	taken   int       // bytes being written now
	writing bool      // a writer is running
	closing bool      // nothing more will be added
	said    time.Time // when something was last added
}

// add queues a message. It reports false if the client is too slow to take it.
func (o *outbound) add(e *wirepb.Envelope, now time.Time) bool {
	if o.closing {
		return true
	}
	buf, err := wire.AppendEnvelope(o.begin(), e)
	return o.added(buf, err, now)
}

// push is add for a push, which it does not keep.
func (o *outbound) push(p *wirepb.Push, now time.Time) bool {
	if o.closing {
		return true
	}
	buf, err := wire.AppendPush(o.begin(), p)
	return o.added(buf, err, now)
}

// begin is where the next message is appended.
func (o *outbound) begin() []byte {
	if o.buf == nil {
		o.buf = (*o.buffers.Get().(*[]byte))[:0]
	}
	return o.buf
}

// added takes in the buffer with another message, unless there is no room for that.
func (o *outbound) added(buf []byte, err error, now time.Time) bool {
	if err != nil || len(buf)+o.taken > o.max {
		return false
	}
	o.buf, o.said = buf, now
	o.stats.framesOut.Add(1)
	if !o.writing {
		o.writing = true
		o.start(o.write)
	}
	return true
}

// close adds the last message, if any, and lets the writer close the connection after it. With
// drop, pending output is discarded first to make room.
func (o *outbound) close(last *wirepb.Envelope, drop bool, now time.Time) {
	if o.closing {
		return
	}
	o.conn.SetDeadline(now.Add(linger))
	if drop {
		o.buf, o.taken = o.buf[:0], 0
	}
	if last != nil {
		o.add(last, now)
	}
	o.closing = true
	if !o.writing {
		o.shut()
	}
}

// write writes until nothing is pending.
func (o *outbound) write() {
	var spare []byte
	o.lock.Lock()
	defer o.lock.Unlock()
	for len(o.buf) > 0 {
		buf := o.buf
		o.buf, o.taken = spare[:0], len(buf)
		o.lock.Unlock()
		_, err := o.conn.Write(buf)
		o.lock.Lock()
		o.stats.writes.Add(1)
		o.taken = 0
		spare = buf
		if err != nil {
			// The reader notices and ends the session.
			o.closing = true
			o.conn.Close()
			break
		}
	}
	o.writing = false
	o.recycle(spare)
	o.recycle(o.buf)
	o.buf = nil
	if o.closing {
		o.shut()
	}
}

// shut closes the sending side.
func (o *outbound) shut() {
	if half, ok := o.conn.(interface{ CloseWrite() error }); ok {
		half.CloseWrite()
		return
	}
	o.conn.Close()
}

func (o *outbound) recycle(buf []byte) {
	if cap(buf) > 0 && cap(buf) <= keepWriteBuffer {
		buf = buf[:0]
		o.buffers.Put(&buf)
	}
}
