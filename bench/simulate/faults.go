package simulate

import (
	"time"

	"teahouse/pkg/versions"
)

// plan is what a seed draws before the run: the game, the bounds and the frequency of each fault,
// as once in so many times; 0 = never.
type plan struct {
	game      string
	rules     string
	hands     int // per round
	rounds    int // per player
	players   int
	unsettled int
	maxEvents int
	timeout   time.Duration // of a call in a gateway
	level     uint32        // of the cluster, from its birth on
	idle      int           // players whom the coordinator remembers beyond need
	chaos     time.Duration // duration of the faults
	every     time.Duration // average pause between two disasters

	slow, drop, lag, busy, refuse, hint   int // messages, replicas, proposals, creations, notices
	zombie, repeat                        int // requests read from a broken link; late copies
	database                              int
	cancel, asleep, illegal, auto, giveUp int // players
	hold                                  int // calls between nodes that are delayed
	moment                                int // elections just as something is applied
	slowReader                            int
}

// draw makes the plan of a seed. Each kind of fault is absent from some runs and frequent in
// others, because mixing everything all the time hides bugs that need a quiet moment.
func (w *world) draw() plan {
	rate := func(rates ...int) int { return rates[w.rand.IntN(len(rates))] }
	p := plan{
		game: "tiny", rules: `{"turns":3}`, hands: 1 + w.rand.IntN(2), rounds: 1 + w.rand.IntN(3),
		players: 3 + w.rand.IntN(4), unsettled: rate(1, 2, 256), maxEvents: rate(4, 64, 1024),
		chaos: w.between(500*time.Millisecond, 6*time.Second), every: w.between(60*time.Millisecond, 1500*time.Millisecond),
		slow: rate(0, 10, 40), drop: rate(0, 10, 50), lag: rate(0, 3, 20), busy: rate(0, 15), refuse: rate(0, 0, 3, 10),
		hint: rate(0, 2), zombie: rate(0, 1, 3), repeat: rate(0, 4, 15), database: rate(0, 3),
		cancel: rate(0, 2, 5), asleep: rate(0, 0, 10), illegal: rate(0, 8), auto: rate(0, 0, 12),
		giveUp: rate(0, 0, 6), slowReader: rate(0, 0, 5), moment: rate(0, 0, 12, 40), hold: rate(0, 0, 2), idle: rate(1000, 1000, 3), timeout: 4 * time.Second,
	}
	if w.chance(4) {
		p.timeout = 500 * time.Millisecond
	}
	switch {
	case w.chance(60):
		p.game, p.rules, p.hands, p.rounds, p.players = "mahjong", `{"min_claim_ms":0}`, 1, 1, 4
	case w.chance(3):
		p.rules = `{"turns":2,"hold_ms":40}`
	case w.chance(4):
		p.rules = `{"turns":2,"limit_ms":150}`
	}
	p.level = versions.Levels().Max
	if w.chance(4) {
		p.level = versions.FirstLevel
	}
	return p
}

func pair(a, b string) [2]string {
	if a > b {
		a, b = b, a
	}
	return [2]string{a, b}
}

func (w *world) isCut(a, b string) bool { return w.cuts[pair(a, b)] }

// disaster makes something happen, and schedules the next one.
func (w *world) disaster() {
	if w.calm {
		return
	}
	n := w.nodes[w.rand.IntN(len(w.nodes))]
	g := w.gateways[w.rand.IntN(len(w.gateways))]
	p := w.players[w.rand.IntN(len(w.players))]
	group := w.groups[w.rand.IntN(len(w.groups))]
	r := group.replicas[w.rand.IntN(len(group.replicas))]
	back := w.between(20*time.Millisecond, 2*time.Second)
	switch w.rand.IntN(20) {
	case 0, 1: // a node dies; mostly such that a majority is left
		if n.up && (w.others(n) || w.chance(8)) {
			w.killNode(n)
			w.after(back, func() { w.bootNode(n) })
		}
	case 2: // a node is paused
		if n.up && !n.paused {
			n.pause()
			w.after(back, n.wake)
		}
	case 3:
		if g.up {
			w.killGateway(g)
			w.after(back, func() { w.bootGateway(g) })
		}
	case 18, 19: // the same, as planned
		if g.up && !g.retiring {
			w.retire(g, w.between(0, 1500*time.Millisecond), back)
		}
	case 4, 5: // a link breaks
		g.links[w.rand.IntN(len(g.links))].lose()
	case 6: // two processes cannot reach each other
		o := w.nodes[w.rand.IntN(len(w.nodes))].name
		if w.chance(3) {
			o = g.name
		}
		if o != n.name {
			w.cut(n.name, o)
			w.after(back, func() { w.heal(n.name, o) })
		}
	case 7, 8, 9: // an election for no reason
		if r.n.up && r.n.paused {
			break
		}
		if r.elect() {
			break
		}
	case 10: // a client's connection breaks; its gateway notices sooner or later
		if d := p.now; d.conn != nil {
			d.abandon(w.between(0, 2*time.Second))
			d.lost(d.conn, errBroken)
		}
	case 11: // the player takes another device while the old one is running
		if p.token != "" {
			w.tracef("player %d takes another device", p.id)
			p.take()
		}
	case 16, 17: // the same, just as the old one's gateway loses the table's node
		if d := p.now; p.token != "" && d.table != nil && d.conn != nil {
			w.tracef("player %d takes another device, and %s loses a link", p.id, d.conn.gate.name)
			p.take()
			links := d.conn.gate.links
			shard := w.groups[d.table.ID().Shard()]
			w.after(w.between(0, 60*time.Millisecond), func() {
				if l := shard.leader(); l != nil {
					for _, link := range links {
						if link.node == l.n {
							link.lose()
						}
					}
				}
			})
		}
	case 12, 13:
		if r.n.up {
			r.keep()
		}
	case 14: // a lagging replica gets a snapshot
		if l := group.leader(); l != nil && l != r && r.live() {
			if err := l.install(r); err == nil {
				w.tracef("installed")
			}
		}
	case 15: // everything at once
		if w.chance(6) {
			for _, n := range w.nodes {
				if n.up {
					w.killNode(n)
					w.after(back, func() { w.bootNode(n) })
				}
			}
		}
	}
	w.after(w.between(0, 2*w.plan.every), w.disaster)
}

// moment disturbs a group just after it has applied something, which may be a critical moment.
func (w *world) moment(r *replica) {
	o := r.g.replicas[w.rand.IntN(len(r.g.replicas))]
	w.after(w.between(0, 4*time.Millisecond), func() {
		switch l := r.g.leader(); {
		case l != nil && w.chance(3) && w.others(l.n):
			w.killNode(l.n)
			w.after(w.between(20*time.Millisecond, time.Second), func() { w.bootNode(l.n) })
		case o.live():
			o.elect()
		}
	})
}

// others reports whether a majority is left without n.
func (w *world) others(n *node) bool {
	for _, o := range w.nodes {
		if o != n && (!o.up || o.paused) {
			return false
		}
	}
	return true
}

func (w *world) cut(a, b string) {
	w.tracef("%s and %s do not reach each other", a, b)
	w.cuts[pair(a, b)] = true
	for _, g := range w.gateways {
		for _, l := range g.links {
			if pair(g.name, l.node.name) == pair(a, b) {
				l.lose()
			}
		}
	}
}

func (w *world) heal(a, b string) {
	if w.cuts[pair(a, b)] {
		w.tracef("%s and %s reach each other", a, b)
		delete(w.cuts, pair(a, b))
	}
}

func (w *world) killNode(n *node) {
	for _, g := range w.gateways {
		for _, l := range g.links {
			if l.node == n {
				l.lose()
			}
		}
	}
	n.kill()
	for _, r := range n.replicas {
		r.leading = false
	}
}

func (w *world) bootNode(n *node) {
	if !n.up {
		n.boot()
		n.wakeAll()
	}
}

func (w *world) killGateway(g *gateway) {
	for _, l := range g.links {
		l.lose()
	}
	conns := g.conns
	g.kill()
	for _, c := range conns {
		c.closed = true
		d := c.dev
		d.after(w.delay(), func() { d.lost(c, errBroken) })
	}
}

func (w *world) bootGateway(g *gateway) {
	if !g.up {
		g.boot()
	}
}

// peace ends all faults.
func (w *world) peace() {
	w.tracef("peace")
	w.calm, w.peaceful = true, w.now
	for _, n := range w.nodes {
		n.wake()
		w.bootNode(n)
	}
	for _, g := range w.gateways {
		if g.retiring && g.up {
			w.killGateway(g)
		}
		w.bootGateway(g)
	}
	clear(w.cuts)
}
