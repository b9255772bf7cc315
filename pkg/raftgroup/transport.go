package raftgroup

import (
	"errors"
	"io"
	"time"

	"github.com/hashicorp/raft"
)

// transport is one group's view of the network: raft.Transport.
type transport struct{ g *Group }

var (
	_ raft.Transport   = transport{}
	_ raft.WithPreVote = transport{}
)

var errWithheld = errors.New("raftgroup: the log store is stalled, heartbeats are withheld")

func (t transport) Consumer() <-chan raft.RPC { return t.g.rpcs }

func (t transport) LocalAddr() raft.ServerAddress { return raft.ServerAddress(t.g.host.cfg.Self) }

func (t transport) EncodePeer(_ raft.ServerID, addr raft.ServerAddress) []byte { return []byte(addr) }

func (t transport) DecodePeer(b []byte) raft.ServerAddress { return raft.ServerAddress(b) }

// AppendEntriesPipeline is not supported: raft's pipeline can wedge (hashicorp/raft #612).
func (t transport) AppendEntriesPipeline(raft.ServerID, raft.ServerAddress) (raft.AppendPipeline, error) {
	return nil, raft.ErrPipelineReplicationNotSupported
}

func (t transport) SetHeartbeatHandler(f func(raft.RPC)) { t.g.setHeartbeat(f) }

// call sends a request of this group, unless it is halted. A timeout of 0 means until the link breaks.
func (t transport) call(to raft.ServerID, kind byte, req, reply message, timeout time.Duration) error {
	if t.g.halting.halted() {
		return errEnded
	}
	return t.g.host.net.peer(ServerID(to)).call(kind, t.g.id, req, reply, timeout, t.g.done)
}

func (t transport) AppendEntries(to raft.ServerID, _ raft.ServerAddress, req *raft.AppendEntriesRequest, resp *raft.AppendEntriesResponse) error {
	resp.RPCHeader = raft.RPCHeader{ProtocolVersion: raft.ProtocolVersionMax, ID: []byte(to), Addr: []byte(to)}
	if isHeartbeat(req) {
		if t.g.withheld.Load() {
			return errWithheld
		}
		// Raft also sends the commit index after Timings.Commit without other requests, and that
		// serves as a heartbeat too. Skipping the heartbeat then halves the cost of idle groups. It
		// also prolongs the leader's lease by the age of that request, and the lease stays shorter
		// than any election timeout. It would be wrong for raft's VerifyLeader, which is not used.
		if t.g.heardFrom(ServerID(to), req.Term) {
			resp.Term, resp.Success = req.Term, true
			return nil
		}
		t.g.host.net.counters.heartbeats.Add(1)
		return t.call(to, kindAppend, appendMsg{req}, appendReply{resp}, t.g.host.cfg.Timings.Heartbeat)
	}
	if err := t.awaitPeer(ServerID(to), req.Term); err != nil {
		return err
	}
	if err := cutAppend(req); err != nil {
		return err
	}
	t.g.host.net.counters.appends.Add(1)
	_, next := t.g.host.net.peer(ServerID(to)).ready()
	sent := time.Now()
	// No timeout, so that a follower that writes slowly does not get the same request twice.
	if err := t.call(to, kindAppend, appendMsg{req}, appendReply{resp}, 0); err != nil {
		return t.refused(ServerID(to), req.Term, next, err)
	}
	if resp.Success {
		t.g.noteMatched(ServerID(to), req.Term, req.PrevLogEntry+uint64(len(req.Entries)), sent)
	}
	return nil
}

// refused returns err. If that is a finalError, it first waits for the next connection to the peer, because
// the process there would refuse the request again, but its successor may not.
func (t transport) refused(to ServerID, term uint64, next <-chan struct{}, err error) error {
	if _, is := err.(finalError); !is {
		return err
	}
	t.g.host.cfg.Logger.Warn("a member does not accept entries or snapshots until it runs a newer binary",
		"group", t.g.id, "member", to, "says", err.Error())
	for {
		changed := t.g.watch()
		if t.g.raft.State() != raft.Leader || t.g.raft.CurrentTerm() != term {
			return err
		}
		if _, ok := t.g.member(to); !ok {
			return err
		}
		select {
		case <-next:
			return err
		case <-changed:
		case <-t.g.done:
			return err
		}
	}
}

// awaitPeer waits until the peer is connected, as long as this replica leads in the given term and the peer
// is a member. Otherwise raft would retry with pauses that grow up to ten seconds, and notice late
// that the peer is back.
func (t transport) awaitPeer(to ServerID, term uint64) error {
	<-t.g.started // a leader may be elected before Start has finished
	p := t.g.host.net.peer(to)
	for {
		changed := t.g.watch()
		now, next := p.ready()
		if t.g.withheld.Load() {
			now, next = false, nil
		}
		if now {
			return nil
		}
		if t.g.raft.State() != raft.Leader || t.g.raft.CurrentTerm() != term {
			return ErrNotLeader
		}
		if _, ok := t.g.member(to); !ok {
			return ErrNotMember
		}
		p.kick()
		select {
		case <-next:
		case <-changed:
		case <-t.g.done:
			return ErrStopped
		case <-time.After(t.g.host.cfg.Timings.Lease): // dial again
		}
	}
}

func (t transport) RequestVote(to raft.ServerID, _ raft.ServerAddress, req *raft.RequestVoteRequest, resp *raft.RequestVoteResponse) error {
	return t.call(to, kindVote, voteMsg{req}, voteReply{resp}, t.g.host.cfg.Timings.Election)
}

func (t transport) RequestPreVote(to raft.ServerID, _ raft.ServerAddress, req *raft.RequestPreVoteRequest, resp *raft.RequestPreVoteResponse) error {
	return t.call(to, kindPreVote, preVoteMsg{req}, preVoteReply{resp}, t.g.host.cfg.Timings.Election)
}

func (t transport) TimeoutNow(to raft.ServerID, _ raft.ServerAddress, _ *raft.TimeoutNowRequest, _ *raft.TimeoutNowResponse) error {
	return t.call(to, kindTimeoutNow, emptyMsg{}, emptyMsg{}, t.g.host.cfg.Timings.Election)
}

// InstallSnapshot streams a snapshot in chunks. The next chunk is sent when
// the peer has consumed the last one, so heartbeats of all groups pass between them.
func (t transport) InstallSnapshot(to raft.ServerID, _ raft.ServerAddress, req *raft.InstallSnapshotRequest, resp *raft.InstallSnapshotResponse, data io.Reader) error {
	resp.RPCHeader = raft.RPCHeader{ProtocolVersion: raft.ProtocolVersionMax, ID: []byte(to), Addr: []byte(to)}
	if t.g.halting.halted() {
		return errEnded
	}
	_, next := t.g.host.net.peer(ServerID(to)).ready()
	l, err := t.g.host.net.peer(ServerID(to)).connect(time.After(dialTimeout), t.g.done)
	if err != nil {
		return err
	}
	install, err := l.start(kindSnapshot, t.g.id, snapshotMsg{req}, snapshotReply{resp})
	if err != nil {
		return err
	}
	buf := make([]byte, chunkLen)
	for last := false; !last; {
		n, err := io.ReadFull(data, buf)
		switch {
		case err == io.EOF || err == io.ErrUnexpectedEOF:
			last = true
		case err != nil:
			l.close() // the stream cannot go on, and the peer would wait for the rest of it
			return err
		}
		c, err := l.start(kindSnapshotChunk, t.g.id, &chunkMsg{stream: install.id, last: last, data: buf[:n]}, emptyMsg{})
		if err != nil {
			return err
		}
		if err := l.wait(c, nil, t.g.done); err != nil {
			if _, ok := err.(remoteError); ok {
				break // the answer to the install request has the reason
			}
			return err
		}
	}
	return t.refused(ServerID(to), req.Term, next, l.wait(install, nil, t.g.done))
}

// isHeartbeat reports whether an append request is a heartbeat, in which raft sets nothing but the term.
// Heartbeats must not wait for a disk.
func isHeartbeat(req *raft.AppendEntriesRequest) bool {
	return req.PrevLogEntry == 0 && req.PrevLogTerm == 0 && len(req.Entries) == 0 && req.LeaderCommitIndex == 0
}
