package raftgroup

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// maxQueued bounds the bytes that wait for one connection. If there are more, a frame is
	// refused; raft will send it again.
	maxQueued = 16 << 20

	// keepBuffer is the largest send buffer that is kept for reuse.
	keepBuffer = 256 << 10

	// writeTimeout ends a connection whose peer reads no more.
	writeTimeout = 5 * time.Second
)

var (
	errConnClosed = errors.New("raftgroup: connection is closed")
	errQueueFull  = errors.New("raftgroup: send queue is full")
	errFrameSize  = errors.New("raftgroup: frame size out of bounds")
)

// conn is an authenticated connection. Any goroutine may queue frames; one goroutine writes all that is
// queued with one write.
type conn struct {
	nc   net.Conn
	br   *bufio.Reader
	peer ServerID
	done chan struct{} // closed with the connection

	// drained is closed once an incoming connection's last request has been passed to its group.
	drained chan struct{}

	closing sync.Once

	mu     sync.Mutex
	queue  []byte
	spare  []byte
	closed bool
	wake   chan struct{} // capacity 1

	scratch []byte // owned by read
}

func newConn(nc net.Conn, br *bufio.Reader, peer ServerID) *conn {
	return &conn{nc: nc, br: br, peer: peer, done: make(chan struct{}), drained: make(chan struct{}), wake: make(chan struct{}, 1)}
}

func (c *conn) close() {
	c.closing.Do(func() {
		c.mu.Lock()
		c.closed = true
		c.mu.Unlock()
		close(c.done)
		c.nc.Close()
	})
}

// send queues a request.
func (c *conn) send(kind byte, group GroupID, id uint64, m message) error {
	return c.enqueue(kind, group, id, nil, m)
}

// reply queues the answer to a request: the error text of failure if that is not nil, otherwise m.
func (c *conn) reply(f frame, m message, failure error) error {
	if failure != nil {
		status := byte(statusError)
		if _, is := failure.(finalError); is {
			status = statusFinal
		}
		return c.enqueue(f.kind|responseBit, f.group, f.id, []byte{status}, textMsg(failure.Error()))
	}
	return c.enqueue(f.kind|responseBit, f.group, f.id, []byte{statusOK}, m)
}

type textMsg string

func (m textMsg) append(b []byte) []byte { return append(b, m[:min(len(m), 1000)]...) }
func (m textMsg) decode(*bodyReader)     {}

func (c *conn) enqueue(kind byte, group GroupID, id uint64, status []byte, m message) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return errConnClosed
	}
	if len(c.queue) > maxQueued {
		return errQueueFull
	}
	start := len(c.queue)
	b := append(c.queue, 0, 0, 0, 0, kind)
	b = binary.BigEndian.AppendUint32(b, uint32(group))
	b = binary.BigEndian.AppendUint64(b, id)
	b = append(b, status...)
	b = m.append(b)
	n := len(b) - start - 4
	if n > maxFrame {
		return fmt.Errorf("%w: %d bytes", errFrameSize, n) // the queue is unchanged
	}
	binary.BigEndian.PutUint32(b[start:], uint32(n))
	c.queue = b
	if start == 0 {
		select {
		case c.wake <- struct{}{}:
		default:
		}
	}
	return nil
}

// writeLoop writes the queued frames until the connection ends, and adds the bytes to sent.
func (c *conn) writeLoop(sent *atomic.Uint64) {
	defer c.close()
	for {
		select {
		case <-c.wake:
		case <-c.done:
			return
		}
		c.mu.Lock()
		b := c.queue
		c.queue = c.spare[:0]
		c.spare = nil
		c.mu.Unlock()
		if len(b) == 0 {
			continue
		}
		c.nc.SetWriteDeadline(time.Now().Add(writeTimeout))
		n, err := c.nc.Write(b)
		sent.Add(uint64(n))
		if err != nil {
			return
		}
		if cap(b) <= keepBuffer {
			c.mu.Lock()
			c.spare = b
			c.mu.Unlock()
		}
	}
}

// read reads one frame. The receiver may keep the body of an append request or a snapshot chunk; any
// other is overwritten by the next read.
func (c *conn) read() (frame, error) {
	head, err := c.br.Peek(4 + headLen)
	if err != nil {
		return frame{}, err
	}
	n := binary.BigEndian.Uint32(head)
	if n < headLen || n > maxFrame {
		return frame{}, fmt.Errorf("%w: %d bytes", errFrameSize, n)
	}
	f := frame{
		kind:  head[4],
		group: GroupID(binary.BigEndian.Uint32(head[5:])),
		id:    binary.BigEndian.Uint64(head[9:]),
	}
	c.br.Discard(4 + headLen)
	size := int(n) - headLen
	switch {
	case f.kind == kindAppend, f.kind == kindSnapshotChunk:
		f.body = make([]byte, size)
	case size <= cap(c.scratch):
		f.body = c.scratch[:size]
	default:
		f.body = make([]byte, size)
		if size <= keepBuffer {
			c.scratch = f.body
		}
	}
	_, err = io.ReadFull(c.br, f.body)
	return f, err
}
