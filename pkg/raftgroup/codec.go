package raftgroup

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/hashicorp/raft"
)

// The protocol between hosts, version 1. After the handshake (handshake.go) a
// connection carries frames; the dialer sends requests, the acceptor answers
// them in any order.
//
//	frame    = length(4, of what follows) kind(1) group(4) id(8) body
//	request  = kind 1..7; id counts up from 1 on each connection
//	response = kind|0x80, the request's group and id; body = status(1) and
//	           the answer (status 0) or an error text (status 1, or 2 if this
//	           process will never accept the request, see finalError)
//
// Integers in the head are big endian, integers in a body are uvarints, byte
// strings have their length as a uvarint in front. Requests do not name their
// sender: the handshake has proved its identity.
const (
	kindAppend        = 1
	kindVote          = 2
	kindPreVote       = 3
	kindTimeoutNow    = 4
	kindSnapshot      = 5 // opens a snapshot stream, answered when it is installed
	kindSnapshotChunk = 6 // one piece of the stream, answered when it is consumed
	kindPosition      = 7 // asks another survivor for the end of its log, see failover.go

	responseBit = 0x80

	statusOK    = 0
	statusError = 1
	statusFinal = 2

	headLen  = 1 + 4 + 8
	maxFrame = 2*MaxEntry + 1<<10 // an append request of maxAppendBytes plus one entry

	// maxAppendBytes bounds an append request, see cutAppend; at least one entry is always sent.
	maxAppendBytes = MaxEntry
	maxAppend      = 64

	chunkLen = 128 << 10
)

var errFrame = errors.New("raftgroup: malformed frame")

// message is the body of a frame.
type message interface {
	append(b []byte) []byte
	decode(r *bodyReader)
}

// frame is one received frame. For most kinds body is valid only until the next frame is read, see
// conn.read.
type frame struct {
	kind  byte
	group GroupID
	id    uint64
	body  []byte
}

func decodeBody(b []byte, m message) error {
	r := bodyReader{b: b}
	m.decode(&r)
	if r.bad || len(r.b) != 0 {
		return errFrame
	}
	return nil
}

// bodyReader reads a body. After the first malformed field it yields zeros.
type bodyReader struct {
	b   []byte
	bad bool
}

func (r *bodyReader) uint() uint64 {
	v, n := binary.Uvarint(r.b)
	if n <= 0 {
		r.bad, r.b = true, nil
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *bodyReader) byte() byte {
	if len(r.b) == 0 {
		r.bad = true
		return 0
	}
	v := r.b[0]
	r.b = r.b[1:]
	return v
}

// bytes returns a slice of the body.
func (r *bodyReader) bytes() []byte {
	n := r.uint()
	if n > uint64(len(r.b)) {
		r.bad, r.b = true, nil
		return nil
	}
	v := r.b[:n:n]
	r.b = r.b[n:]
	return v
}

func appendBytes(b, v []byte) []byte {
	return append(binary.AppendUvarint(b, uint64(len(v))), v...)
}

func appendUints(b []byte, vs ...uint64) []byte {
	for _, v := range vs {
		b = binary.AppendUvarint(b, v)
	}
	return b
}

func bit(v bool, b byte) byte {
	if v {
		return b
	}
	return 0
}

type appendMsg struct{ *raft.AppendEntriesRequest }

func (m appendMsg) append(b []byte) []byte {
	// A follower applies its log up to the commit index without further checks, so the index is
	// capped to the entries whose agreement this request checks or establishes.
	commit := min(m.LeaderCommitIndex, m.PrevLogEntry+uint64(len(m.Entries)))
	b = appendUints(b, m.Term, m.PrevLogEntry, m.PrevLogTerm, commit, uint64(len(m.Entries)))
	for _, e := range m.Entries {
		b = append(b, byte(e.Type))
		b = appendUints(b, e.Term, uint64(unixNano(e.AppendedAt)))
		b = appendBytes(b, e.Extensions)
		b = appendBytes(b, e.Data)
	}
	return b
}

func (m appendMsg) decode(r *bodyReader) {
	m.Term, m.PrevLogEntry, m.PrevLogTerm, m.LeaderCommitIndex = r.uint(), r.uint(), r.uint(), r.uint()
	n := r.uint()
	if n > maxAppend {
		r.bad = true
		return
	}
	if n == 0 {
		return
	}
	logs := make([]raft.Log, n)
	m.Entries = make([]*raft.Log, n)
	for i := range logs {
		e := &logs[i]
		e.Index = m.PrevLogEntry + uint64(i) + 1
		e.Type = raft.LogType(r.byte())
		e.Term = r.uint()
		e.AppendedAt = fromUnixNano(int64(r.uint()))
		if ext := r.bytes(); len(ext) > 0 {
			e.Extensions = ext
		}
		e.Data = r.bytes()
		m.Entries[i] = e
	}
}

// cutAppend removes entries from a request until it fits a frame. Raft looks at the shortened request
// afterwards and sends the rest next.
func cutAppend(req *raft.AppendEntriesRequest) error {
	size := 0
	for i, e := range req.Entries {
		if e.Index != req.PrevLogEntry+uint64(i)+1 {
			return fmt.Errorf("raftgroup: entry %d does not follow entry %d", e.Index, req.PrevLogEntry+uint64(i))
		}
		size += len(e.Data) + len(e.Extensions)
		if size > maxAppendBytes && i > 0 {
			req.Entries = req.Entries[:i]
			break
		}
	}
	return nil
}

type appendReply struct{ *raft.AppendEntriesResponse }

func (m appendReply) append(b []byte) []byte {
	b = appendUints(b, m.Term, m.LastLog)
	return append(b, bit(m.Success, 1)|bit(m.NoRetryBackoff, 2))
}

func (m appendReply) decode(r *bodyReader) {
	m.Term, m.LastLog = r.uint(), r.uint()
	flags := r.byte()
	m.Success, m.NoRetryBackoff = flags&1 != 0, flags&2 != 0
}

type voteMsg struct{ *raft.RequestVoteRequest }

func (m voteMsg) append(b []byte) []byte {
	return append(appendUints(b, m.Term, m.LastLogIndex, m.LastLogTerm), bit(m.LeadershipTransfer, 1))
}

func (m voteMsg) decode(r *bodyReader) {
	m.Term, m.LastLogIndex, m.LastLogTerm = r.uint(), r.uint(), r.uint()
	m.LeadershipTransfer = r.byte() != 0
}

type voteReply struct{ *raft.RequestVoteResponse }

func (m voteReply) append(b []byte) []byte {
	return append(appendUints(b, m.Term), bit(m.Granted, 1))
}

func (m voteReply) decode(r *bodyReader) {
	m.Term = r.uint()
	m.Granted = r.byte() != 0
}

type preVoteMsg struct{ *raft.RequestPreVoteRequest }

func (m preVoteMsg) append(b []byte) []byte {
	return appendUints(b, m.Term, m.LastLogIndex, m.LastLogTerm)
}

func (m preVoteMsg) decode(r *bodyReader) {
	m.Term, m.LastLogIndex, m.LastLogTerm = r.uint(), r.uint(), r.uint()
}

type preVoteReply struct{ *raft.RequestPreVoteResponse }

func (m preVoteReply) append(b []byte) []byte {
	return append(appendUints(b, m.Term), bit(m.Granted, 1))
}

func (m preVoteReply) decode(r *bodyReader) {
	m.Term = r.uint()
	m.Granted = r.byte() != 0
}

// emptyMsg is the body of a TimeoutNow request and of its answer, and of the answer to a chunk.
type emptyMsg struct{}

func (emptyMsg) append(b []byte) []byte { return b }
func (emptyMsg) decode(*bodyReader)     {}

type snapshotMsg struct{ *raft.InstallSnapshotRequest }

func (m snapshotMsg) append(b []byte) []byte {
	b = appendUints(b, uint64(m.SnapshotVersion), m.Term, m.LastLogIndex, m.LastLogTerm, m.ConfigurationIndex, uint64(m.Size))
	return appendBytes(b, m.Configuration)
}

func (m snapshotMsg) decode(r *bodyReader) {
	m.SnapshotVersion = raft.SnapshotVersion(r.uint())
	m.Term, m.LastLogIndex, m.LastLogTerm, m.ConfigurationIndex = r.uint(), r.uint(), r.uint(), r.uint()
	m.Size = int64(r.uint())
	m.Configuration = append([]byte(nil), r.bytes()...)
}

type snapshotReply struct{ *raft.InstallSnapshotResponse }

func (m snapshotReply) append(b []byte) []byte {
	return append(appendUints(b, m.Term), bit(m.Success, 1))
}

func (m snapshotReply) decode(r *bodyReader) {
	m.Term = r.uint()
	m.Success = r.byte() != 0
}

// chunkMsg is one piece of a snapshot; stream is the id of the request that opened it.
type chunkMsg struct {
	stream uint64
	last   bool
	data   []byte
}

func (m *chunkMsg) append(b []byte) []byte {
	b = append(appendUints(b, m.stream), bit(m.last, 1))
	return appendBytes(b, m.data)
}

func (m *chunkMsg) decode(r *bodyReader) {
	m.stream = r.uint()
	m.last = r.byte() != 0
	m.data = r.bytes()
}

// positionMsg reports that a leader is lost, and asks for the end of the receiver's log.
type positionMsg struct {
	lost ServerID
	term uint64 // in which it led
}

func (m *positionMsg) append(b []byte) []byte {
	return appendBytes(appendUints(b, m.term), []byte(m.lost))
}

func (m *positionMsg) decode(r *bodyReader) {
	m.term = r.uint()
	m.lost = ServerID(r.bytes())
}

// position is the end of a replica's log.
type position struct {
	term                uint64 // the replica's current term
	lastTerm, lastIndex uint64
}

func (m *position) append(b []byte) []byte {
	return appendUints(b, m.term, m.lastTerm, m.lastIndex)
}

func (m *position) decode(r *bodyReader) {
	m.term, m.lastTerm, m.lastIndex = r.uint(), r.uint(), r.uint()
}

// remoteError is the error text that a peer sends instead of an answer.
type remoteError string

func (e remoteError) Error() string { return "peer: " + string(e) }
