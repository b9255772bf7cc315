package systest

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"teahouse/deploy/cluster"
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
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
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
