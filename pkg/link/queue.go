package link

import (
	"encoding/binary"
	"fmt"
	"sync"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"teahouse/pkg/wire"
)

// keepBuffer is the largest write buffer that is reused; a larger one, from a burst, is left to the
// garbage collector.
const keepBuffer = 1 << 20

// queue holds the encoded frames to be written, one after the other in one buffer. It swaps that
// buffer with the writer's, so no frame is copied.
type queue struct {
	// Immutable.
	maxFrame, maxFrames, maxBytes int
	wake                          chan struct{} // capacity 1: something is pending

	mu      sync.Mutex
	closed  bool
	buf     []byte // pending
	frames  int    // in buf
	idle    bool   // nothing was added since the last ping call
	counted QueueStats
}

// QueueStats counts what a link sent.
type QueueStats struct {
	Frames uint64 // accepted
	Bytes  uint64 // accepted
	Writes uint64 // system calls
	Full   uint64 // frames refused with ErrFull
}

func newQueue(cfg Config) *queue {
	return &queue{
		maxFrame: cfg.MaxFrame, maxFrames: cfg.QueueFrames, maxBytes: cfg.QueueBytes,
		wake: make(chan struct{}, 1),
	}
}

// add encodes the frame whose body is the one field kind with the message m. An id other than 0 is
// written after m as its field 1 (that of Request and Response), where it overrides m's own: so one
// message can be sent under many ids without being changed.
func (q *queue) add(kind protowire.Number, m proto.Message, id uint64) error {
	q.mu.Lock()
	err := q.addLocked(kind, m, id)
	q.mu.Unlock()
	if err == nil {
		q.signal()
	}
	return err
}

// ping adds a frame if nothing was added since the last call and nothing is pending.
func (q *queue) ping(kind protowire.Number, m proto.Message) {
	q.mu.Lock()
	due := q.idle && len(q.buf) == 0 && q.addLocked(kind, m, 0) == nil
	q.idle = true
	q.mu.Unlock()
	if due {
		q.signal()
	}
}

func (q *queue) signal() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// addLocked needs mu.
func (q *queue) addLocked(kind protowire.Number, m proto.Message, id uint64) error {
	if q.closed {
		return ErrClosed
	}
	inner := proto.Size(m)
	if id != 0 {
		inner += protowire.SizeTag(1) + protowire.SizeVarint(id)
	}
	body := protowire.SizeTag(kind) + protowire.SizeBytes(inner)
	if body > q.maxFrame {
		return fmt.Errorf("%w: %d bytes, at most %d", ErrTooLong, body, q.maxFrame)
	}
	// One frame always fits into an empty queue, whatever the bounds.
	size := wire.HeaderLen + body
	if q.frames > 0 && (q.frames >= q.maxFrames || len(q.buf)+size > q.maxBytes) {
		q.counted.Full++
		return ErrFull
	}
	buf := binary.BigEndian.AppendUint32(q.buf, uint32(body))
	buf = protowire.AppendTag(buf, kind, protowire.BytesType)
	buf = protowire.AppendVarint(buf, uint64(inner))
	buf, err := proto.MarshalOptions{UseCachedSize: true}.MarshalAppend(buf, m)
	if err != nil {
		return fmt.Errorf("link: encode: %w", err) // q.buf still ends before this frame
	}
	if id != 0 {
		buf = protowire.AppendTag(buf, 1, protowire.VarintType)
		buf = protowire.AppendVarint(buf, id)
	}
	q.buf, q.idle = buf, false
	q.frames++
	q.counted.Frames++
	q.counted.Bytes += uint64(size)
	return nil
}

// take returns all pending frames, or an empty buffer, and continues with the memory of spare.
func (q *queue) take(spare []byte) []byte {
	if cap(spare) > keepBuffer {
		spare = nil
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.buf) == 0 {
		return nil
	}
	out := q.buf
	q.buf, q.frames = spare[:0], 0
	q.counted.Writes++
	return out
}

func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed, q.buf, q.frames = true, nil, 0
}

func (q *queue) stats() QueueStats {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.counted
}
