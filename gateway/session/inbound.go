package session

import (
	"errors"
	"io"
	"net"
	"sync"
	"syscall"

	"teahouse/pkg/wire"
)

// readBuffer is the size of a pooled input buffer, many times that of a usual call.
const readBuffer = 2 << 10

// inbound splits a connection's input into frames. It holds a buffer only while it holds input.
type inbound struct {
	conn    net.Conn
	raw     syscall.RawConn // nil = conn cannot wait without a buffer
	buffers *sync.Pool      // of *[]byte with readBuffer bytes
	max     int             // bytes of a frame's body

	pooled *[]byte // backs buf; nil if buf outgrew it
	buf    []byte  // buf[r:w] is read but not handled; nil while empty
	r, w   int
}

func newInbound(conn net.Conn, buffers *sync.Pool, maxFrame int) *inbound {
	in := &inbound{conn: conn, buffers: buffers, max: maxFrame}
	if sc, ok := conn.(syscall.Conn); ok {
		if raw, err := sc.SyscallConn(); err == nil && canReadRaw {
			in.raw = raw
		}
	}
	return in
}

// next returns the next body, valid until the following call. *wire.FrameTooLong means that the
// client announced too much; nothing of it was read.
func (in *inbound) next() ([]byte, error) {
	for {
		body, _, err := wire.Split(in.buf[in.r:in.w], in.max)
		if err == nil {
			in.r += wire.HeaderLen + len(body)
			return body, nil
		}
		if !errors.Is(err, wire.ErrPartial) {
			return nil, err
		}
		if err := in.fill(); err != nil {
			return nil, err
		}
	}
}

// fill waits for input and reads some.
func (in *inbound) fill() error {
	if in.r == in.w {
		in.release()
		return in.wait()
	}
	in.makeRoom()
	n, err := in.conn.Read(in.buf[in.w:])
	in.w += n
	if n > 0 {
		return nil
	}
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// wait blocks without a buffer until there is input, and reads it.
func (in *inbound) wait() error {
	if in.raw == nil {
		var one [1]byte
		if _, err := io.ReadFull(in.conn, one[:]); err != nil {
			return err
		}
		in.take()
		in.w = copy(in.buf, one[:])
		return nil
	}
	var n int
	var failed error
	err := in.raw.Read(func(fd uintptr) bool {
		in.take()
		n, failed = readRaw(fd, in.buf)
		if errors.Is(failed, syscall.EAGAIN) {
			in.release()
			return false // sleep until there is input
		}
		return true
	})
	switch {
	case err != nil:
		return err
	case failed != nil:
		return failed
	case n == 0:
		return io.EOF
	}
	in.w = n
	return nil
}

// makeRoom makes space for the rest of a partial frame, whose length, once known, is within the
// limit.
func (in *inbound) makeRoom() {
	need := in.w - in.r + 1
	if n, err := wire.FrameLen(in.buf[in.r:in.w], in.max); err == nil {
		need = n
	}
	if in.r+need <= len(in.buf) {
		return
	}
	if need <= len(in.buf) {
		in.w = copy(in.buf, in.buf[in.r:in.w])
		in.r = 0
		return
	}
	grown := make([]byte, need)
	w := copy(grown, in.buf[in.r:in.w])
	in.release()
	in.buf, in.w = grown, w
}

// partial reports whether part of a frame has been read.
func (in *inbound) partial() bool { return in.r < in.w }

func (in *inbound) take() {
	in.pooled = in.buffers.Get().(*[]byte)
	in.buf, in.r, in.w = *in.pooled, 0, 0
}

// release returns the buffer to the pool; its contents are lost.
func (in *inbound) release() {
	if in.pooled != nil {
		in.buffers.Put(in.pooled)
	}
	in.pooled, in.buf, in.r, in.w = nil, nil, 0, 0
}

// discard reads and drops input until the connection ends.
func (in *inbound) discard() {
	in.take()
	defer in.release()
	for {
		if _, err := in.conn.Read(in.buf); err != nil {
			return
		}
	}
}
