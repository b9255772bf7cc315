package raftgroup

import (
	"errors"
	"fmt"
	"io"
	"sync"
)

var errNoStream = errors.New("no such snapshot stream")

// streams are the snapshots that are being received.
type streams struct {
	mu    sync.Mutex
	byKey map[streamKey]*snapshotStream
}

type streamKey struct {
	from *conn
	id   uint64 // of the request that opened it
}

// snapshotStream is one snapshot that is being received, as an io.Reader for raft. It buffers one chunk; the
// sender waits until the reader takes it.
type snapshotStream struct {
	streams *streams
	key     streamKey
	g       *Group
	chunks  chan chunk // capacity 1

	now  chunk // owned by the reader
	left []byte
}

type chunk struct {
	frame frame
	data  []byte
	last  bool
}

func (s *streams) open(c *conn, f frame, g *Group) *snapshotStream {
	st := &snapshotStream{streams: s, key: streamKey{c, f.id}, g: g, chunks: make(chan chunk, 1)}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.byKey == nil {
		s.byKey = make(map[streamKey]*snapshotStream)
	}
	s.byKey[st.key] = st
	return st
}

// close ends the stream. A buffered chunk is refused.
func (st *snapshotStream) close() {
	st.streams.mu.Lock()
	defer st.streams.mu.Unlock()
	delete(st.streams.byKey, st.key)
	select {
	case c := <-st.chunks:
		_ = st.key.from.reply(c.frame, nil, errNoStream)
	default:
	}
}

// push passes a chunk to its stream.
func (s *streams) push(k streamKey, c chunk) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.byKey[k]
	if st == nil {
		return k.from.reply(c.frame, nil, errNoStream)
	}
	select {
	case st.chunks <- c:
		return nil
	default:
		return fmt.Errorf("%w: a chunk before the last one was answered", errFrame)
	}
}

// onChunk runs on the connection's reader.
func (h *Host) onChunk(c *conn, f frame) error {
	var m chunkMsg
	if err := decodeBody(f.body, &m); err != nil {
		return err
	}
	head := frame{kind: f.kind, group: f.group, id: f.id}
	return h.streams.push(streamKey{c, m.stream}, chunk{frame: head, data: m.data, last: m.last})
}

// Read returns the snapshot's bytes. It fails when the connection or the group ends.
func (st *snapshotStream) Read(p []byte) (int, error) {
	for len(st.left) == 0 {
		if st.now.last {
			return 0, io.EOF
		}
		select {
		case st.now = <-st.chunks:
			st.left = st.now.data
			// Answer as soon as the chunk is taken, so that the next one is sent while this one is
			// being read.
			if err := st.key.from.reply(st.now.frame, emptyMsg{}, nil); err != nil {
				return 0, err
			}
		case <-st.key.from.done:
			return 0, errConnClosed
		case <-st.g.done:
			return 0, ErrStopped
		}
	}
	n := copy(p, st.left)
	st.left = st.left[n:]
	return n, nil
}
