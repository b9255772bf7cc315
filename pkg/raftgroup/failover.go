package raftgroup

import (
	"sync"
	"time"

	"github.com/cespare/xxhash/v2"
	"github.com/hashicorp/raft"
)

// Failover without waiting for timeouts. When a connection of a leader's
// server breaks, the others try that server at once. If it refuses, its process
// is dead, and for each group that it led the surviving voters
//
//  1. let everything that the dead leader sent go through raft,
//  2. tell each other the end of their logs, and
//  3. let the one with the longest log campaign (the lowest hash among equals);
//     the others campaign only if there is no leader after Timings.Stagger.
//
// To campaign is to take a TimeoutNow request from oneself: raft then skips the pre-vote,
// and the others vote although they remember a leader. Safety never rests on
// this: a campaign on a wrong guess is an ordinary election.
const (
	probeTries = 10
	probePause = 2 * time.Millisecond

	// surveyTries is how often the others are asked while a majority does not
	// answer, because it is just starting or connecting; Timings.Stagger lies between the tries.
	surveyTries = 3
)

// suspects are the servers that are being tried.
type suspects struct {
	mu sync.Mutex
	is map[ServerID]bool
}

func (s *suspects) add(id ServerID) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.is[id] {
		return false
	}
	if s.is == nil {
		s.is = make(map[ServerID]bool)
	}
	s.is[id] = true
	return true
}

func (s *suspects) remove(id ServerID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.is, id)
}

// PeerLost is a hint that a server died. The host tries the server at once and
// looks for new leaders only if nobody listens there. The host's own connections give the
// same hint when they break.
func (h *Host) PeerLost(id ServerID) {
	if len(h.ledBy(id)) == 0 || !h.suspects.add(id) {
		return
	}
	if !h.net.run(func() {
		defer h.suspects.remove(id)
		if !h.net.gone(id) {
			return
		}
		h.cfg.Logger.Warn("server is gone, looking for new leaders", "server", id)
		h.drain(id)
		for _, g := range h.ledBy(id) {
			h.net.run(func() { g.succeed(id) })
		}
	}) {
		h.suspects.remove(id)
	}
}

// gone tries to connect and reports whether nobody listens. A dying process
// may still accept for a moment, so an unclear answer is asked for again.
func (n *network) gone(id ServerID) bool {
	for range probeTries {
		if !n.peer(id).connected() {
			nc, err := n.dialTCP(id)
			switch {
			case err == nil:
				nc.Close()
			case refused(err):
				return true
			default:
				return false
			}
		}
		select {
		case <-time.After(probePause):
		case <-n.ctx.Done():
			return false
		}
	}
	return false
}

// drain waits until the last request of a dead server is handed on.
func (h *Host) drain(id ServerID) {
	c := h.net.incoming(id)
	if c == nil {
		return
	}
	select {
	case <-c.drained:
	case <-time.After(h.cfg.Timings.Survey / 2):
		c.close()
	}
}

// ledBy returns the groups that a server leads as far as they know.
func (h *Host) ledBy(id ServerID) []*Group {
	var led []*Group
	for _, g := range h.all() {
		if leader, _, ok := g.Leader(); ok && leader == id {
			led = append(led, g)
		}
	}
	return led
}

// succeed looks for a successor of a dead leader.
func (g *Group) succeed(lost ServerID) {
	s := g.State()
	if s.Leader != lost || !g.claimLoss(s.Term) {
		return
	}
	voters, voting := 0, false
	var others []ServerID
	for _, m := range g.members() {
		if !m.Voter {
			continue
		}
		voters++
		switch m.ID {
		case g.host.cfg.Self:
			voting = true
		case lost:
		default:
			others = append(others, m.ID)
		}
	}
	if !voting {
		return
	}
	for range surveyTries {
		first, answers := g.survey(lost, s.Term, others)
		majority := answers+1 > voters/2
		if !first || !majority {
			if g.awaitSuccessor(lost) {
				return
			}
		}
		if majority {
			if now := g.State(); now.Leader == "" || now.Leader == lost {
				g.campaign()
			}
			return
		}
	}
}

// claimLoss reports whether the loss of this term's leader is news.
func (g *Group) claimLoss(term uint64) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if term <= g.lostTerm {
		return false
	}
	g.lostTerm = term
	return true
}

// survey asks the others for their positions. It reports whether this replica
// should campaign first, and how many answered.
func (g *Group) survey(lost ServerID, term uint64, others []ServerID) (first bool, answered int) {
	bound := g.host.cfg.Timings.Survey
	type answer struct {
		id  ServerID
		pos position
		err error
	}
	answers := make(chan answer, len(others))
	for _, id := range others {
		if !g.host.net.run(func() {
			a := answer{id: id}
			a.err = g.host.net.peer(id).call(kindPosition, g.id, &positionMsg{lost, term}, &a.pos, bound, g.done)
			answers <- a
		}) {
			return false, 0
		}
	}
	mine, err := g.settledPosition(bound)
	first = err == nil
	for range others {
		a := <-answers
		if a.err != nil {
			continue
		}
		answered++
		if a.pos.term > term || a.pos.before(mine, g.id, a.id, g.host.cfg.Self) {
			first = false
		}
	}
	return first, answered
}

// before reports whether the replica a at p should campaign before the replica b at q.
func (p position) before(q position, group GroupID, a, b ServerID) bool {
	if p.lastTerm != q.lastTerm {
		return p.lastTerm > q.lastTerm
	}
	if p.lastIndex != q.lastIndex {
		return p.lastIndex > q.lastIndex
	}
	ha, hb := rank(group, a), rank(group, b)
	return ha < hb || ha == hb && a < b
}

// rank spreads the groups of a dead server over its survivors.
func rank(group GroupID, id ServerID) uint64 {
	return xxhash.Sum64(append([]byte{byte(group >> 24), byte(group >> 16), byte(group >> 8), byte(group)}, id...))
}

// awaitSuccessor leaves the better placed survivor alone for a while and
// reports whether there is a new leader.
func (g *Group) awaitSuccessor(lost ServerID) bool {
	expired := time.After(g.host.cfg.Timings.Stagger)
	for {
		changed := g.watch()
		if s := g.State(); s.Leader != "" && s.Leader != lost {
			return true
		}
		select {
		case <-changed:
		case <-expired:
			return false
		case <-g.done:
			return true
		}
	}
}

// campaign makes this replica a candidate at once.
func (g *Group) campaign() {
	self := []byte(g.host.cfg.Self)
	// Raft drops a request without a complete header in silence.
	head := raft.RPCHeader{ProtocolVersion: raft.ProtocolVersionMax, ID: self, Addr: self}
	select {
	case g.queue <- inbound{cmd: &raft.TimeoutNowRequest{RPCHeader: head}}:
	case <-g.done:
	}
}

// onPosition answers a survivor. It runs on a connection's reader; the answer is given later.
func (h *Host) onPosition(g *Group, in inbound, ask *positionMsg) error {
	select {
	case h.surveys <- struct{}{}:
	default:
		return in.from.reply(in.frame, nil, errFull)
	}
	if !h.net.run(func() {
		defer func() { <-h.surveys }()
		if leader, _, _ := g.Leader(); leader == ask.lost {
			h.PeerLost(ask.lost)
			h.drain(ask.lost)
		}
		pos, err := g.settledPosition(h.cfg.Timings.Survey)
		_ = in.from.reply(in.frame, &pos, err) // a lost answer is one that came too late
	}) {
		<-h.surveys
	}
	return nil
}
