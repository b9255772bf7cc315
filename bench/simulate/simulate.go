// Package simulate runs a whole cluster in memory, on one goroutine, with its own clock and dice,
// and breaks everything that can break:
//
//	r := simulate.Run(17, nil)
//	if r.Violation != "" { … }
//
// The code that decides in production decides here too: the replicas' states and their leaders'
// work (node/coordinator, node/shard, node/table, node/match), the gateway's sessions, streams,
// routes and parked calls (gateway/session, gateway/upstream, gateway/route), the client's
// repetitions (pkg/client/engine). What carries messages is modelled: Raft's log, links, sockets,
// the database.
//
// One seed is one run. Faults and people stop after a few seconds; then the network is whole, and
// everybody must finish. Broken promises end a run at once:
//
//   - An acknowledged move is exactly once in the record of its hand, as it was sent; a refused
//     one is not.
//   - Each device receives the events of its seat in order, equal to what a replay of the hands
//     gives; a gateway forwards each once per connection. A snapshot may replace events.
//   - A ticket is in one place at a time, matches once, never after a cancellation was confirmed,
//     and is not lost. A player has as many tickets as were asked for, and one table.
//   - Each finished hand is in the database once, with one result.
//   - Replicas have equal states after equal entries.
//   - A prompt's time does not run while nobody leads, and starts again after a take-over.
//
// Deliberate bugs (pkg/planted), each of which it must find, show that it can fail:
//
//	go test -tags planted ./bench/simulate
//
// Package bench has the command; tests may import it too.
package simulate

import (
	"fmt"
	"io"
	"math/rand/v2"
	"time"

	"teahouse/pkg/game"
)

// Result is the outcome of a run.
type Result struct {
	Seed      uint64
	Violation string        // empty: all promises were kept
	Steps     uint64        // events simulated
	Time      time.Duration // simulated
	Moves     int           // acknowledged
	Hands     int           // settled
	Waits     int           // times that a client was told to wait for its table, and that it was over
	Departed  int           // clients that changed gateways as planned
}

// Command is the command that repeats the run.
func (r Result) Command() string {
	return fmt.Sprintf("go run ./bench simulate --seed %d --trace", r.Seed)
}

// patience is how long a run may take after the last fault.
const patience = 90 * time.Second

// maxReattaches is far above the attaches that any number of new leaders can cause.
const maxReattaches = 400

// Run simulates the cluster of a seed. If trace is not nil, it gets a line for everything that
// happens.
func Run(seed uint64, trace io.Writer) Result {
	w := newWorld(seed, trace)
	w.run(w.plan.chaos, nil)
	if !w.book.broken() {
		w.peace()
		w.run(w.now+patience, w.settled)
	}
	r := Result{Seed: seed, Steps: w.steps, Time: w.now, Hands: len(w.db.hands)}
	if !w.book.broken() {
		if left := w.unfinished(); left != "" {
			w.book.violate("no end: %s", left)
		}
	}
	for _, g := range w.gateways {
		if n := g.hub.Stats().Reattaches; n > maxReattaches {
			w.book.violate("%s has attached again %d times: it does not get what it asks for", g.name, n)
		}
	}
	if !w.book.broken() {
		r.Moves = w.book.close()
	}
	r.Waits, r.Departed = w.book.waits, w.book.departed
	r.Violation = w.book.wrong
	return r
}

func newWorld(seed uint64, trace io.Writer) *world {
	w := &world{seed: seed, rand: rand.New(rand.NewPCG(seed, 1)), trace: trace, cuts: map[[2]string]bool{}}
	w.plan = w.draw()
	w.tracef("seed %d: %+v", seed, w.plan)
	w.book = newBook(w)
	w.db = &database{w: w, hands: map[game.HandKey]game.HandResult{}}
	for i := range 3 {
		w.nodes = append(w.nodes, &node{process: process{w: w, name: fmt.Sprintf("node-%d", i+1)}})
	}
	for id := range game.GroupID(shards + 1) {
		g := &group{w: w, id: id}
		for _, n := range w.nodes {
			r := &replica{g: g, n: n}
			g.replicas = append(g.replicas, r)
			n.replicas = append(n.replicas, r)
		}
		w.groups = append(w.groups, g)
	}
	for i := range 2 {
		w.gateways = append(w.gateways, &gateway{process: process{w: w, name: fmt.Sprintf("gateway-%d", i+1)}})
	}
	for _, n := range w.nodes {
		n.boot()
		n.wakeAll()
	}
	for _, g := range w.gateways {
		g.boot()
	}
	for _, g := range w.groups {
		g.replicas[w.rand.IntN(3)].elect()
		g.watch()
	}
	for i := range w.plan.players {
		p := &player{w: w, index: i + 1, finished: map[game.TableID]bool{}}
		w.players = append(w.players, p)
		p.take()
	}
	w.after(w.between(50*time.Millisecond, 300*time.Millisecond), w.disaster)
	return w
}

// settled reports whether everybody has finished.
func (w *world) settled() bool { return w.unfinished() == "" }

// unfinished names something that has not finished.
func (w *world) unfinished() string {
	for _, p := range w.players {
		if !p.done() {
			d := p.now
			return fmt.Sprintf("player %d on %s: %d of %d rounds, ticket %d, bound to %v",
				p.id, d.name, len(p.finished), w.plan.rounds, d.engine.Ticket(), d.engine.Bound())
		}
	}
	for _, g := range w.gateways {
		if s := g.dispatcher.Stats(); s.Open+s.Parked > 0 || g.hub.Len() != len(g.conns) {
			return fmt.Sprintf("%s has %d calls open, %d parked, and %d sessions on %d connections",
				g.name, s.Open, s.Parked, g.hub.Len(), len(g.conns))
		}
	}
	for _, g := range w.groups {
		l := g.leader()
		if l == nil {
			return fmt.Sprintf("group %d has no leader", g.id)
		}
		for _, r := range g.replicas {
			if r.applied != l.last() {
				return fmt.Sprintf("group %d: %s has applied %d of %d entries", g.id, r.n.name, r.applied, l.last())
			}
		}
		if g.id == game.Coordinator {
			if c := l.n.coord.Counts(); c.Pending+c.Waiting+c.Tables > 0 {
				return fmt.Sprintf("the coordinator holds %+v", c)
			}
		} else if s := l.n.shards[g.id].Status(); s.Tables+s.Unsettled+s.Waiting > 0 {
			return fmt.Sprintf("shard %d holds %+v", g.id, s)
		}
	}
	return ""
}
