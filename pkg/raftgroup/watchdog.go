package raftgroup

import (
	"sort"
	"time"
)

// watchdog detects a stalled log store. A stall blocks raft's loop, while other goroutines of raft go on
// sending heartbeats (hashicorp/raft #503): such a leader would neither commit nor be replaced. So as
// long as a write takes too long, the groups that this host leads send nothing to their followers, and
// the most advanced voter is told to campaign.
func (h *Host) watchdog() {
	tick := time.NewTicker(h.cfg.Timings.Stall / 5)
	defer tick.Stop()
	last := time.Now()
	awake := last // when the process last resumed from a pause, during which no write could finish
	for {
		select {
		case <-tick.C:
		case <-h.net.ctx.Done():
			return
		}
		now := time.Now()
		if now.Sub(last) > h.cfg.Timings.Stall {
			awake = now
		}
		last = now
		for _, g := range h.all() {
			stalled := min(g.log.s.stalledFor(), now.Sub(awake)) > h.cfg.Timings.Stall
			switch {
			case stalled && !g.withheld.Load() && g.State().Leading:
				g.withheld.Store(true)
				h.cfg.Logger.Warn("log store is stalled, giving the leadership away", "group", g.id)
				h.net.run(g.handOver)
			case !stalled && g.withheld.Load():
				g.withheld.Store(false)
				g.notify() // wakes awaitPeer
			}
		}
	}
}

// handOver tells the voters to campaign, the most advanced first, until one has a newer term or the stall is
// over.
func (g *Group) handOver() {
	term := g.State().Term
	matched := g.matchedIn(term)
	var voters []ServerID
	for _, m := range g.members() {
		if m.Voter && m.ID != g.host.cfg.Self && g.host.net.reachable(m.ID) {
			voters = append(voters, m.ID)
		}
	}
	sort.Slice(voters, func(i, j int) bool {
		a, b := voters[i], voters[j]
		return matched[a].index > matched[b].index || matched[a].index == matched[b].index && a < b
	})
	for _, id := range voters {
		if !g.withheld.Load() || g.newestTerm.Load() > term {
			return
		}
		err := g.host.net.peer(id).call(kindTimeoutNow, g.id, emptyMsg{}, emptyMsg{}, g.host.cfg.Timings.Stall, g.done)
		g.host.cfg.Logger.Info("asked a voter to take over", "group", g.id, "voter", id, "error", err)
		select {
		case <-time.After(g.host.cfg.Timings.Stall):
		case <-g.done:
			return
		}
	}
}
