package raftgroup

import (
	"errors"
	"fmt"
	"time"

	"github.com/hashicorp/raft"
)

var (
	errNoGroup = errors.New("this server runs no such group")
	errFull    = errors.New("too many requests are waiting for this group")
)

// inbound is one request that waits for a group.
type inbound struct {
	from   *conn // nil for requests of this host to itself
	frame  frame // without body
	cmd    any   // a request of raft, or nil for a barrier
	stream *snapshotStream
	// barrier receives the end of the log once all earlier requests have been processed.
	barrier chan<- position
}

// onRequest runs on the reader of an incoming connection, so it must not block. Requests for raft go
// through the group's queue; heartbeats are answered at once. An error means that the peer violates
// the protocol, and ends the connection.
func (h *Host) onRequest(c *conn, f frame) error {
	g, running := h.Group(f.group)
	head := raft.RPCHeader{ProtocolVersion: raft.ProtocolVersionMax, ID: []byte(c.peer), Addr: []byte(c.peer)}
	in := inbound{from: c, frame: frame{kind: f.kind, group: f.group, id: f.id}}
	var m message
	switch f.kind {
	case kindAppend:
		//lint:ignore SA1019 raft falls back to it if the header has no address
		req := &raft.AppendEntriesRequest{RPCHeader: head, Leader: head.Addr}
		in.cmd, m = req, appendMsg{req}
	case kindVote:
		//lint:ignore SA1019 as above
		req := &raft.RequestVoteRequest{RPCHeader: head, Candidate: head.Addr}
		in.cmd, m = req, voteMsg{req}
	case kindPreVote:
		req := &raft.RequestPreVoteRequest{RPCHeader: head}
		in.cmd, m = req, preVoteMsg{req}
	case kindTimeoutNow:
		in.cmd, m = &raft.TimeoutNowRequest{RPCHeader: head}, emptyMsg{}
	case kindSnapshot:
		req := &raft.InstallSnapshotRequest{RPCHeader: head, Leader: head.Addr}
		in.cmd, m = req, snapshotMsg{req}
	case kindSnapshotChunk:
		return h.onChunk(c, f)
	case kindPosition:
		ask := &positionMsg{}
		if err := decodeBody(f.body, ask); err != nil {
			return err
		}
		if !running {
			return c.reply(f, nil, errNoGroup)
		}
		if g.halting.halted() {
			return c.reply(f, nil, errHalted)
		}
		return h.onPosition(g, in, ask)
	default:
		return fmt.Errorf("%w: kind %d", errFrame, f.kind)
	}
	if err := decodeBody(f.body, m); err != nil {
		return err
	}
	if !running {
		return c.reply(f, nil, errNoGroup)
	}
	if g.halting.halted() {
		return c.reply(f, nil, errHalted)
	}
	switch req := in.cmd.(type) {
	case *raft.AppendEntriesRequest:
		g.noteTerm(req.Term)
		if why := g.appendRefusal(req.Entries); why != "" {
			return c.reply(f, nil, finalError(why))
		}
		if isHeartbeat(req) && g.fastHeartbeat(in, req) {
			return nil
		}
	case *raft.RequestVoteRequest:
		g.noteTerm(req.Term)
	case *raft.InstallSnapshotRequest:
		in.stream = h.streams.open(c, f, g)
	}
	select {
	case g.queue <- in:
		return nil
	default:
		if in.stream != nil {
			in.stream.close()
		}
		return c.reply(f, nil, errFull)
	}
}

func (g *Group) noteTerm(term uint64) {
	for {
		old := g.newestTerm.Load()
		if term <= old || g.newestTerm.CompareAndSwap(old, term) {
			return
		}
	}
}

// fastHeartbeat answers a heartbeat without raft's loop, which may be waiting for the disk. It does so only
// if the heartbeat changes nothing in raft's state, which two goroutines must not change at the same
// time.
func (g *Group) fastHeartbeat(in inbound, req *raft.AppendEntriesRequest) bool {
	g.beat.RLock()
	defer g.beat.RUnlock()
	if g.heartbeat == nil || g.raft.State() != raft.Follower || g.raft.CurrentTerm() != req.Term {
		return false
	}
	answer := make(chan raft.RPCResponse, 1)
	g.heartbeat(raft.RPC{Command: req, RespChan: answer})
	select {
	case a := <-answer:
		g.answer(in, a)
		return true
	default: // raft is shutting down
		return false
	}
}

// serveLoop passes requests to raft one at a time, as raft processes them.
func (g *Group) serveLoop() {
	for {
		select {
		case in := <-g.queue:
			if in.barrier != nil {
				in.barrier <- g.position()
				continue
			}
			g.answer(in, g.process(in))
		case <-g.done:
			return
		}
	}
}

func (g *Group) process(in inbound) raft.RPCResponse {
	answer := make(chan raft.RPCResponse, 1)
	rpc := raft.RPC{Command: in.cmd, RespChan: answer}
	if in.stream != nil {
		defer in.stream.close()
		whole, why, err := g.snapshotRefusal(in.stream)
		switch {
		case err != nil:
			return raft.RPCResponse{Error: err}
		case why != "":
			return raft.RPCResponse{Error: finalError(why)}
		}
		rpc.Reader = whole
	}
	select {
	case g.rpcs <- rpc:
	case <-g.halting.done:
		return raft.RPCResponse{Error: errHalted}
	case <-g.done:
		return raft.RPCResponse{Error: ErrStopped}
	}
	select {
	case a := <-answer:
		return a
	case <-g.halting.done:
		return raft.RPCResponse{Error: errHalted}
	case <-g.done:
		return raft.RPCResponse{Error: ErrStopped}
	}
}

func (g *Group) answer(in inbound, a raft.RPCResponse) {
	if in.from == nil {
		return
	}
	if g.halting.halted() { // a halted replica acknowledges nothing, even if raft has done it
		_ = in.from.reply(in.frame, nil, errHalted)
		return
	}
	var m message
	switch resp := a.Response.(type) {
	case *raft.AppendEntriesResponse:
		m = appendReply{resp}
	case *raft.RequestVoteResponse:
		m = voteReply{resp}
	case *raft.RequestPreVoteResponse:
		m = preVoteReply{resp}
	case *raft.TimeoutNowResponse:
		m = emptyMsg{}
	case *raft.InstallSnapshotResponse:
		m = snapshotReply{resp}
	default:
		if a.Error == nil {
			a.Error = errors.New("no answer")
		}
	}
	// If the connection is closed or its queue full, the answer is lost; the peer retries.
	_ = in.from.reply(in.frame, m, a.Error)
}

// position returns the end of the log.
func (g *Group) position() position {
	p := position{term: g.raft.CurrentTerm(), lastIndex: g.raft.LastIndex()}
	var last raft.Log
	if err := g.log.GetLog(p.lastIndex, &last); err == nil {
		p.lastTerm = last.Term
		return p
	}
	// The log is empty after a snapshot, and raft shows the snapshot's term only in Stats.
	fmt.Sscan(g.raft.Stats()["last_snapshot_term"], &p.lastTerm)
	return p
}

// settledPosition returns the end of the log once all requests that are waiting now have been processed.
func (g *Group) settledPosition(bound time.Duration) (position, error) {
	answer := make(chan position, 1)
	expired := time.After(bound)
	select {
	case g.queue <- inbound{barrier: answer}:
	case <-expired:
		return position{}, errTimeout
	case <-g.done:
		return position{}, ErrStopped
	}
	select {
	case p := <-answer:
		return p, nil
	case <-expired:
		return position{}, errTimeout
	case <-g.done:
		return position{}, ErrStopped
	}
}
