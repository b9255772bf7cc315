package systest

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"teahouse/deploy/cluster"
	"teahouse/pkg/gomoku"
	"teahouse/pkg/wire/wirepb"
)

// TestBotsFillTheTable: a person who waits alone in the queue for people gets a
// table with three bots.
func TestBotsFillTheTable(t *testing.T) {
	c := start(t, cluster.Config{Nodes: 1, BotsAfter: 100 * time.Millisecond})
	state, err := c.State(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var answers atomic.Int64
	p := join(t, state.Address, &answers)
	if _, err := p.Join(ctx, &wirepb.JoinRequest{Queue: "standard", Hands: 1}); err != nil {
		t.Fatal(err)
	}
	id, err := p.WaitMatched(ctx)
	if err != nil {
		t.Fatal(err)
	}
	table, err := p.Attach(ctx, id)
	if err != nil {
		t.Fatal(err)
	}
	ev, err := table.Receive(ctx)
	if err != nil {
		t.Fatal(err)
	}
	people := 0
	for _, s := range ev.Event.GetOpened().GetSeats() {
		if s.Player != 0 {
			people++
		}
	}
	if people != 1 || len(ev.Event.GetOpened().GetSeats()) != 4 {
		t.Fatalf("seats %v, want one person and three bots", ev.Event.GetOpened().GetSeats())
	}
}

// TestAnotherGame: two people read what is offered and play a game for two at a
// table of the same cluster.
func TestAnotherGame(t *testing.T) {
	c := start(t, cluster.Config{Nodes: 1})
	state, err := c.State(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var answers atomic.Int64
	players := []player{join(t, state.Address, &answers), join(t, state.Address, &answers)}

	var list wirepb.ListReply
	if err := players[0].Call(ctx, "queue.list", 0, &wirepb.ListRequest{}, &list); err != nil {
		t.Fatal(err)
	}
	var mode *wirepb.ModeInfo
	for _, q := range list.Queues {
		for _, m := range q.Modes {
			if q.Name == "bench" && m.Game == gomoku.Name {
				mode = m
			}
		}
	}
	if mode.GetSeats() != 2 || len(mode.GetRules()) == 0 {
		t.Fatalf("gomoku is not offered as a game for two: %v", &list)
	}

	results := make([][]int64, len(players))
	var wg sync.WaitGroup
	for i, p := range players {
		wg.Go(func() {
			table, err := p.sit(ctx, mode.Name)
			if err != nil {
				t.Error(err)
				return
			}
			if results[i], err = p.play(ctx, table); err != nil {
				t.Error(err)
				return
			}
			if err := p.hands(ctx, table.ID(), results[i]); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if !slices.Equal(results[0], results[1]) || len(results[0]) != 2 || results[0][0]+results[0][1] != 0 || answers.Load() < 9 {
		t.Errorf("scores %v and %v after %d moves", results[0], results[1], answers.Load())
	}
}
