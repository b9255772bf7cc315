package coordinator

import (
	"testing"
	"time"

	"teahouse/pkg/game"
	"teahouse/pkg/link/linkpb"
	"teahouse/pkg/wire/wirepb"
)

func TestCreationsGoInOrderAndManyAtATime(t *testing.T) {
	bubble(t, 1, func(c *Config) { c.LedShards = 1; c.MaxCreations = 4 }, func(t *testing.T, cl *cluster) {
		cl.shards.delay = 5 * time.Millisecond
		leader := cl.nodes[0]
		cl.log.lead(leader)
		queueMany(t, leader, 200)
		pass(time.Second)
		if leader.notices() != 200 || len(cl.shards.tables) != 50 {
			t.Errorf("%d notices, %d tables", leader.notices(), len(cl.shards.tables))
		}
		if cl.shards.gaps != 0 || cl.shards.calls != 50 || cl.shards.maxOpen > 3*4 || cl.shards.maxOpen < 2*4 {
			t.Errorf("gaps %d, calls %d, open at a time %d", cl.shards.gaps, cl.shards.calls, cl.shards.maxOpen)
		}
		if n := leader.c.Counts(); n.Tables != 50 || n.Pending != 0 || n.Waiting != 0 {
			t.Errorf("counts: %+v", n)
		}
	})
}

// queueMany logs n guests in at once and lets them join `bench`.
func queueMany(t *testing.T, r *replica, n int) []*wirepb.LoginReply {
	t.Helper()
	var players []*wirepb.LoginReply
	var answers []<-chan *linkpb.Response
	for range n {
		players = append(players, r.guest(t))
	}
	for _, p := range players {
		answers = append(answers, r.ask(requestOf("queue.join", p, &wirepb.JoinRequest{Number: 1, Queue: "bench"})))
	}
	for _, a := range answers {
		if got := <-a; got.Code != wirepb.Code_OK {
			t.Fatalf("join: %v", got)
		}
	}
	return players
}

func TestLostAnswersDoNotDoubleTables(t *testing.T) {
	bubble(t, 1, nil, func(t *testing.T, cl *cluster) {
		cl.shards.delay = time.Millisecond
		n := 0
		cl.shards.lossy = func() bool { n++; return n%3 == 0 }
		leader := cl.nodes[0]
		cl.log.lead(leader)
		queueMany(t, leader, 120)
		pass(5 * time.Second)
		checkSeats(t, cl, leader, 120)
	})
}

// checkSeats checks that every player sits at exactly one table.
func checkSeats(t *testing.T, cl *cluster, leader *replica, players int) {
	t.Helper()
	cl.shards.mu.Lock()
	defer cl.shards.mu.Unlock()
	at := make(map[uint64]uint64)
	for id, table := range cl.shards.tables {
		for _, s := range table.Seats {
			if other, taken := at[s.Player]; taken {
				t.Errorf("player %d sits at %d and %v", s.Player, other, id)
			}
			at[s.Player] = uint64(id)
		}
	}
	if len(at) != players || len(cl.shards.tables)*4 != players {
		t.Errorf("%d players at %d tables", len(at), len(cl.shards.tables))
	}
	leader.c.mu.Lock()
	defer leader.c.mu.Unlock()
	for id, p := range leader.c.state.players {
		if uint64(p.table) != at[uint64(id)] || p.ticket != 0 {
			t.Errorf("player %d is bound to %v (ticket %d), sits at %d", id, p.table, p.ticket, at[uint64(id)])
		}
	}
}

func TestRefusedTablesAreMadeElsewhere(t *testing.T) {
	bubble(t, 1, nil, func(t *testing.T, cl *cluster) {
		for id := range game.GroupID(5) {
			cl.shards.refuse[id+1] = true
		}
		leader := cl.nodes[0]
		cl.log.lead(leader)
		queueMany(t, leader, 40)
		pass(time.Second)
		checkSeats(t, cl, leader, 40)
		for id := range cl.shards.tables {
			if id.Shard() != 6 {
				t.Errorf("table %v at a shard that refuses", id)
			}
		}
	})
}

func TestNextLeaderFinishesTheOutbox(t *testing.T) {
	bubble(t, 2, nil, func(t *testing.T, cl *cluster) {
		a, b := cl.nodes[0], cl.nodes[1]
		for id := range game.GroupID(6) {
			cl.shards.down[id+1] = true
		}
		cl.log.lead(a)
		players := queueMany(t, a, 40)
		pass(time.Second)
		if got := a.binding(t, players[0]); got.Ticket == 0 || got.Table != 0 {
			t.Errorf("binding while no shard answers: %v", got)
		}
		cl.shards.mu.Lock()
		clear(cl.shards.down)
		cl.shards.mu.Unlock()
		cl.log.lead(b)
		pass(time.Second)
		checkSeats(t, cl, b, 40)
		if a.notices() != 0 || b.notices() != 40 {
			t.Errorf("%d and %d notices", a.notices(), b.notices())
		}
	})
}

// TestOldReignsAnswersAreIgnored leads, loses and leads again while the shards
// are slow: answers to creations of the first leadership arrive in the second.
func TestOldReignsAnswersAreIgnored(t *testing.T) {
	bubble(t, 1, func(c *Config) { c.LedShards, c.MaxCreations = 1, 2 }, func(t *testing.T, cl *cluster) {
		cl.shards.delay = time.Second
		leader := cl.nodes[0]
		cl.log.lead(leader)
		queueMany(t, leader, 120)
		pass(100 * time.Millisecond)
		cl.log.lead(nil)
		pass(800 * time.Millisecond)
		cl.log.lead(leader)
		pass(time.Minute)
		checkSeats(t, cl, leader, 120)
		if open := 2 * 3 * 2; cl.shards.maxOpen > open { // both leaderships, three shards, two each
			t.Errorf("%d creations open at a time, want at most %d", cl.shards.maxOpen, open)
		}
	})
}
