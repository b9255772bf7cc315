package systest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"google.golang.org/protobuf/proto"

	"teahouse/deploy/cluster"
	"teahouse/node/host"
	"teahouse/pkg/client"
	"teahouse/pkg/game"
	"teahouse/pkg/gomoku"
	"teahouse/pkg/link"
	"teahouse/pkg/mahjong/tablegame"
	"teahouse/pkg/versions"
	"teahouse/pkg/wire/wirepb"
)

// player is a client that plays by itself.
type player struct {
	*client.Client
	answers *atomic.Int64 // acknowledged moves of all players
}

// games are those that players know.
func games() (func(name string) game.Game, error) {
	g, err := tablegame.New(tablegame.Config{})
	return func(name string) game.Game {
		if name == gomoku.Name {
			return gomoku.New()
		}
		return g
	}, err
}

func join(t *testing.T, addr string, answers *atomic.Int64) player {
	t.Helper()
	games, err := games()
	if err != nil {
		t.Fatal(err)
	}
	c, err := client.Dial(t.Context(), client.Config{Addr: addr, Games: games})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return player{c, answers}
}

// sit queues for a mode of the bench queue ("" = its first) and returns the table.
func (p player) sit(ctx context.Context, mode string) (*client.Table, error) {
	if _, err := p.Join(ctx, &wirepb.JoinRequest{Queue: "bench", Mode: mode}); err != nil {
		return nil, err
	}
	id, err := p.WaitMatched(ctx)
	if err != nil {
		return nil, err
	}
	return p.Attach(ctx, id)
}

// play answers every prompt until the table lets go, and returns the scores of
// the hand as this player was told them.
func (p player) play(ctx context.Context, table *client.Table) (scores []int64, err error) {
	for {
		ev, err := table.Receive(ctx)
		if err != nil {
			return nil, err
		}
		number, prompt := ev.Number, ev.Event.GetPrompt()
		if ev.View != nil {
			number, prompt = ev.View.GetPrompt().GetNumber(), ev.View.GetPrompt().GetPrompt()
		}
		if prompt != nil {
			move, err := table.View().Think(prompt.Game, game.Middle)
			if err != nil {
				return nil, err
			}
			_, err = table.Move(ctx, number, move)
			switch {
			case err == nil:
				p.answers.Add(1)
			case game.CodeOf(err, wirepb.Code_INTERNAL) != wirepb.Code_PROMPT_GONE:
				return nil, err
			}
		}
		switch e := ev.Event.GetBody().(type) {
		case *wirepb.TableEvent_HandEnded:
			scores = e.HandEnded.GetScores()
		case *wirepb.TableEvent_Released:
			return scores, table.Leave(ctx)
		}
	}
}

// TestKilledLeader kills the node that runs a table in the middle of a hand:
// no connection closes, the hand goes on and is settled, and the node takes its
// place again when it comes back.
func TestKilledLeader(t *testing.T) {
	c := start(t, cluster.Config{Nodes: 3})
	state, err := c.State(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()

	var answers atomic.Int64
	var wg sync.WaitGroup
	var players []player
	tables := make([]*client.Table, 4)
	for range tables {
		players = append(players, join(t, state.Address, &answers))
	}
	for i, p := range players {
		wg.Go(func() {
			table, err := p.sit(ctx, "")
			if err != nil {
				t.Error(err)
			}
			tables[i] = table
		})
	}
	wg.Wait()
	if t.Failed() {
		return
	}
	for name, s := range state.Statuses(ctx) {
		if s.Level != versions.Levels().Max {
			t.Errorf("%s of a new cluster runs at level %d", name, s.Level)
		}
	}
	// Nobody serves for a moment while the leadership goes to who has it by preference.
	victim := lossy{t, c, ""}.leads(uint32(tables[0].ID().Shard()))

	results := make([][]int64, len(players))
	for i, p := range players {
		wg.Go(func() {
			scores, err := p.play(ctx, tables[i])
			if err != nil {
				t.Error(err)
			}
			results[i] = scores
		})
	}
	eventually(t, "a few moves", func() bool { return answers.Load() >= 10 || t.Failed() })
	if err := c.Kill(t.Context(), victim, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	wg.Wait()
	eventually(t, "the others' word that it is away", func() bool { return contacts(t, c, victim, false) })
	for i, scores := range results {
		if !slices.Equal(scores, results[0]) || len(scores) != 4 || scores[0]+scores[1]+scores[2]+scores[3] != 0 {
			t.Errorf("player %d was told the scores %v, player 0 %v", i, scores, results[0])
		}
		if n := players[i].Stats().Disconnects; n != 0 {
			t.Errorf("player %d lost its connection %d times", i, n)
		}
	}

	if err := c.Start(ctx, victim); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the node in its place", func() bool {
		state, err := c.State(ctx)
		return err == nil && state.Unhealthy(ctx) == "" && leads(state.Statuses(ctx)[victim].Replicas)
	})
	eventually(t, "the others' word that it is back", func() bool { return contacts(t, c, victim, true) })
	for i, p := range players {
		if err := p.hands(ctx, tables[i].ID(), results[0]); err != nil {
			t.Errorf("player %d: %v", i, err)
		}
	}
}

// contacts reports whether all other nodes, and the gateway, say of a node that they are linked to it
// or not, and whether the time since they heard it fits to that: no link that stands is silent for long.
func contacts(t *testing.T, c *cluster.Client, name string, linked bool) bool {
	t.Helper()
	state, err := c.State(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	lists := [][]link.Contact{gatewayStatus(t, c, "gateway-1").Peers}
	for node, s := range state.Statuses(t.Context()) {
		if node != name {
			lists = append(lists, s.Peers)
		}
	}
	for _, list := range lists {
		if !slices.ContainsFunc(list, func(p link.Contact) bool {
			const dead = 1500 // milliseconds; a link that is silent for 1.2 s is none any more
			return p.Name == name && p.Role == link.RoleNode && p.Linked == linked && (p.SinceMS > dead) == !linked
		}) {
			return false
		}
	}
	return len(lists) == 3
}

// leads reports whether a node serves a group that it leads by preference.
func leads(replicas []host.GroupStatus) bool {
	return slices.ContainsFunc(replicas, func(g host.GroupStatus) bool { return g.Preferred && g.Serving })
}

// hands checks that the player's own history has exactly the hand that was
// played, and that its record can be read.
func (p player) hands(ctx context.Context, table game.TableID, scores []int64) error {
	var list wirepb.HandsReply
	if err := p.Call(ctx, "account.hands", 0, &wirepb.HandsRequest{}, &list); err != nil {
		return err
	}
	if len(list.Hands) != 1 || game.TableID(list.Hands[0].Table) != table || list.Hands[0].Score != scores[list.Hands[0].Seat] {
		return fmt.Errorf("history %v, want one hand at table %v with scores %v", list.Hands, table, scores)
	}
	var record wirepb.HandReply
	if err := p.Call(ctx, "archive.hand", 0, &wirepb.HandRequest{Table: uint64(table), Hand: 1}, &record); err != nil {
		return err
	}
	var archive wirepb.HandArchive
	if err := proto.Unmarshal(record.Archive, &archive); err != nil {
		return err
	}
	if len(archive.Entries) == 0 {
		return errors.New("the record is empty")
	}
	return nil
}
