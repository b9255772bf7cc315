package systest

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"teahouse/deploy/cluster"
	"teahouse/pkg/client"
	"teahouse/pkg/game"
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

// TestWhoWaitsIsTold: a person who waits hears how far the ticket has come, at once after coming back too,
// and everybody sees him in the list, which costs the node the same whoever asks.
func TestWhoWaitsIsTold(t *testing.T) {
	c := start(t, cluster.Config{Nodes: 1})
	state, err := c.State(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var answers atomic.Int64
	first, second := join(t, state.Address, &answers), join(t, state.Address, &answers)
	wish := &wirepb.JoinRequest{Queue: "bench", Mode: "gomoku", Stake: 3}
	if _, err := first.Join(ctx, wish); err != nil {
		t.Fatal(err)
	}
	p, err := first.WaitProgress(ctx, nil)
	if err != nil || p.GetPeople() != 1 || p.GetSeats() != 2 {
		t.Fatalf("told %v, %v", p, err)
	}
	again, err := client.Dial(ctx, client.Config{Addr: state.Address, Token: first.Token()})
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if p, err = again.WaitProgress(ctx, nil); err != nil || p.GetPeople() != 1 {
		t.Fatalf("told after coming back: %v, %v", p, err)
	}
	seen := func() (m *wirepb.ModeInfo) {
		t.Helper()
		var list wirepb.ListReply
		if err := second.Call(ctx, "queue.list", 0, &wirepb.ListRequest{}, &list); err != nil {
			t.Fatal(err)
		}
		for _, q := range list.Queues {
			for _, mode := range q.Modes {
				if q.Name == "bench" && mode.Name == "gomoku" {
					m = mode
				}
			}
		}
		return m
	}
	eventually(t, "the list with who waits", func() bool {
		m := seen()
		return m.GetWaiting() == 1 && len(m.Forming) == 1 && m.Forming[0].Stake == 3 && m.Forming[0].People == 1
	})
	began := time.Now()
	const asked = 200
	before := state.Statuses(ctx)["node-1"].Queues
	for range asked {
		seen()
	}
	after := state.Statuses(ctx)["node-1"].Queues
	if n := after.Overviews - before.Overviews; after.Lists-before.Lists != asked || n > uint64(time.Since(began)/time.Second)+2 {
		t.Errorf("%d lists, and the queues were looked through %d times in %v", after.Lists-before.Lists, n, time.Since(began))
	}
	for _, refused := range []struct {
		stake, hands uint32
		code         wirepb.Code
	}{{17, 0, wirepb.Code_STAKE_UNKNOWN}, {0, 17, wirepb.Code_HANDS_UNKNOWN}} {
		_, err := second.Join(ctx, &wirepb.JoinRequest{Queue: "bench", Stake: refused.stake, Hands: refused.hands})
		if game.CodeOf(err, wirepb.Code_OK) != refused.code {
			t.Errorf("%+v: %v", refused, err)
		}
	}
	if _, err := second.Join(ctx, wish); err != nil {
		t.Fatal(err)
	}
	for _, one := range []*client.Client{again, second.Client} {
		if _, err := one.WaitMatched(ctx); err != nil {
			t.Error(err)
		}
	}
	eventually(t, "the list with who plays", func() bool { m := seen(); return m.GetWaiting() == 0 && m.GetPlaying() == 2 })
}

// TestPractice: one person has a table with bots at once, and all the time he wants. His hands can be looked at again and
// do not count in his standing.
func TestPractice(t *testing.T) {
	c := start(t, cluster.Config{Nodes: 1, BotPace: "none", BotsAfter: 100 * time.Millisecond})
	state, err := c.State(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var answers atomic.Int64
	p := join(t, state.Address, &answers)
	play := func(queue, mode string) (id game.TableID, scores []int64, limited int) {
		t.Helper()
		if _, err := p.Join(ctx, &wirepb.JoinRequest{Queue: queue, Mode: mode, Hands: 1}); err != nil {
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
		first, err := table.Receive(ctx)
		if err != nil {
			t.Fatal(err)
		}
		people := 0
		for _, s := range first.Event.GetOpened().GetSeats() {
			if s.Player != 0 {
				people++
			}
		}
		for _, l := range first.Event.GetOpened().GetLimits() {
			if l.LimitMs != 0 {
				limited++
			}
		}
		if people != 1 {
			t.Fatalf("%s: %v", queue, first.Event.GetOpened())
		}
		if scores, err = p.play(ctx, table); err != nil {
			t.Fatal(err)
		}
		return id, scores, limited
	}
	id, scores, limited := play("practice", "")
	if limited != 0 {
		t.Errorf("practice has %d limits", limited)
	}
	if err := p.hands(ctx, id, scores); err != nil {
		t.Error(err)
	}
	var hands wirepb.HandsReply
	if err := p.Call(ctx, "account.hands", 0, &wirepb.HandsRequest{}, &hands); err != nil || len(hands.Hands) != 1 || hands.Hands[0].Queue != "practice" {
		t.Errorf("%v, %v", &hands, err)
	}
	standing := func() *wirepb.ProfileReply {
		t.Helper()
		m := &wirepb.ProfileReply{}
		if err := p.Call(ctx, "account.profile", 0, &wirepb.ProfileRequest{}, m); err != nil {
			t.Fatal(err)
		}
		return m
	}
	if m := standing(); m.Hands != 0 || m.Score != 0 {
		t.Errorf("practice counts: %v", m)
	}
	_, scores, limited = play("standard", "gomoku")
	if err := p.Call(ctx, "account.hands", 0, &wirepb.HandsRequest{}, &hands); err != nil || len(hands.Hands) != 2 {
		t.Fatalf("%v, %v", &hands, err)
	}
	own := scores[hands.Hands[0].Seat]
	if m := standing(); limited == 0 || m.Hands != 1 || m.Score != own {
		t.Errorf("%d limits, %d points, the standing is %v", limited, own, m)
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
