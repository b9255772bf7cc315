package raftgroup

import (
	"sync"
	"time"

	"github.com/cespare/xxhash/v2"
	"github.com/hashicorp/raft"
)

// Failover without waiting for timeouts. When a connection of a leader's server breaks, the other
// servers dial it at once. If the dial is refused, the leader's process is dead, and for each group
// that it led the surviving voters
//
//  1. let raft process everything that the dead leader has sent,
//  2. tell each other the end of their logs, and
//  3. let the one with the longest log campaign (the lowest hash among equals);
//     the others campaign only if there is no leader after Timings.Stagger.
//
// To campaign, a replica sends a TimeoutNow request to itself: raft then skips the pre-vote, and the
// others vote although they still know a leader. Safety does not depend on any of this: a campaign
// on a wrong guess is an ordinary election.
const (
	probeTries = 10
	probePause = 2 * time.Millisecond

	// surveyTries is how often the others are asked if a majority does not answer, because it is
	// just starting or connecting; the pause between tries is Timings.Stagger.
	surveyTries = 3
)

// suspects are the servers for which a PeerLost is in progress.
type suspects struct {
	mu  sync.Mutex
	ids map[ServerID]bool
}

func (s *suspects) add(id ServerID) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ids[id] {
		return false
	}
	if s.ids == nil {
		s.ids = make(map[ServerID]bool)
	}
	s.ids[id] = true
	return true
}

func (s *suspects) remove(id ServerID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.ids, id)
}

// PeerLost is a hint that a server has died. The host dials the server at once and looks for new leaders
// only if nobody listens there. The host gives itself the same hint when one of its connections
// breaks.
func (h *Host) PeerLost(id ServerID) {
	if len(h.ledBy(id)) == 0 || !h.suspects.add(id) {
		return
	}
	if !h.net.run(func() {
		defer h.suspects.remove(id)
		if !h.net.gone(id) {
			return
		}
		h.cfg.Logger.Warn("server does not listen any more, looking for new leaders", "server", id)
		h.drain(id)
		for _, g := range h.ledBy(id) {
			h.net.run(func() { g.findSuccessor(id) })
		}
	}) {
		h.suspects.remove(id)
	}
}

// gone dials the server and reports whether nobody listens. A dying process may still accept for a
// moment, so a successful dial is repeated.
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

// drain waits until the last request of a dead server has been passed to its group.
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

// ledBy returns the groups whose replicas here know the server as their leader.
func (h *Host) ledBy(id ServerID) []*Group {
	var led []*Group
	for _, g := range h.all() {
		if leader, _, ok := g.Leader(); ok && leader == id {
			led = append(led, g)
		}
	}
	return led
}

// findSuccessor makes this replica campaign after the death of the leader, unless another one is a better
// candidate and wins.
func (g *Group) findSuccessor(lost ServerID) {
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

// claimLoss reports whether the loss of this term's leader has not been handled yet, and marks it as
// handled.
func (g *Group) claimLoss(term uint64) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if term <= g.lostTerm {
		return false
	}
	g.lostTerm = term
	return true
}

// survey asks the other voters for their positions. It reports whether this replica should campaign
// first, and how many answered.
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

// rank decides between equal positions. It depends on the group, so that a dead server's groups are
// spread over the survivors.
func rank(group GroupID, id ServerID) uint64 {
	return xxhash.Sum64(append([]byte{byte(group >> 24), byte(group >> 16), byte(group >> 8), byte(group)}, id...))
}

// awaitSuccessor gives a better candidate time to win, and reports whether there is a new leader.
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
	// Raft silently drops a request without a complete header.
	head := raft.RPCHeader{ProtocolVersion: raft.ProtocolVersionMax, ID: self, Addr: self}
	select {
	case g.queue <- inbound{cmd: &raft.TimeoutNowRequest{RPCHeader: head}}:
	case <-g.done:
	}
}

// onPosition answers another survivor. It runs on a connection's reader, so it only starts the goroutine
// that sends the answer.
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
		_ = in.from.reply(in.frame, &pos, err) // if it is lost, the survivor goes on without it
	}) {
		<-h.surveys
	}
	return nil
}
