package systest

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"teahouse/deploy/cluster"
	"teahouse/node/host"
	"teahouse/pkg/client"
	"teahouse/pkg/game"
	"teahouse/pkg/token"
	"teahouse/pkg/versions"
	"teahouse/pkg/wire/wirepb"
)

// TestUpgrade starts this build on what each fixture's release left behind: it is the same
// cluster of the same servers, the hands that were in play end and are settled, whether their
// players come back or not, and new players play.
func TestUpgrade(t *testing.T) {
	slow(t)
	eachFixture(t, func(t *testing.T, file string) {
		before := unpackFixture(t, file) // a copy to look at: what starts is what was left behind
		store := before.store(t)
		birth, err := store.Born(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		open := before.open(settlements(t, store, birth.Cluster))
		if len(open) < 2 {
			t.Fatalf("the hands in play are those of %v", open)
		}

		f := unpackFixture(t, file)
		state := filepath.Join(t.TempDir(), "state.json")
		l := lossy{t, start(t, cluster.Config{Nodes: 3, Data: f.data, Sync: true, KeepLog: 1 << 20, State: state}), f.data}
		same := func() {
			t.Helper()
			for _, server := range birth.Voters {
				s := l.status(server.Name)
				if s.Server != server.ID || s.Cluster != birth.Cluster {
					t.Errorf("%s of cluster %s is now %s of cluster %s", server.ID, birth.Cluster, s.Server, s.Cluster)
				}
				if bad := slices.IndexFunc(s.Replicas, func(g host.GroupStatus) bool { return g.Halted != "" || g.Voided+g.Conflicts > 0 }); bad >= 0 {
					t.Errorf("%s: %+v", server.ID, s.Replicas[bad])
				}
			}
		}
		same()
		crowd := startCrowd(t, state)

		t.Log("all players but one come back to their tables; one seat is left to auto-play")
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		signer, err := token.LoadSigner(filepath.Join(f.data, token.SecretFile))
		if err != nil {
			t.Fatal(err)
		}
		var answers atomic.Int64
		var wg sync.WaitGroup
		oldest := before.oldest(open)
		for id, players := range open {
			if id == oldest {
				players = players[1:]
			}
			for _, player := range players {
				wg.Go(func() {
					if err := l.comesBack(ctx, signer, player, id, &answers); err != nil {
						t.Errorf("table %v player %d: %v", id, player, err)
					}
				})
			}
		}
		wg.Wait()
		if answers.Load() == 0 {
			t.Error("the hands in play went on without a move")
		}

		crowd.plays(t)
		crowd.audited(t)
		now := f.store(t)
		eventually(t, "the settlement of all hands that were in play", func() bool {
			return len(f.open(settlements(t, now, birth.Cluster))) == 0
		})
		for _, s := range settlements(t, now, birth.Cluster) {
			if _, was := open[s.Key.Table]; was {
				if err := replays(t, now, s); err != nil {
					t.Errorf("%v, which was in play: %v", s.Key, err)
				}
			}
		}
		same()

		t.Log("what the old formats cannot say is there once the level is raised")
		l.raised(ctx, t)
		if err := l.Stop(t.Context()); err != nil {
			t.Fatal(err)
		}
		f.equalReplicas(t)
	})
}

// comesBack resumes the session of a player, who must still sit at the table, and plays there to
// the end.
func (l lossy) comesBack(ctx context.Context, signer *token.Signer, id game.PlayerID, seat game.TableID, answers *atomic.Int64) error {
	text, err := signer.Sign(token.Claims{Player: uint64(id), Guest: true}, time.Now())
	if err != nil {
		return err
	}
	games, err := games()
	if err != nil {
		return err
	}
	c, err := client.Dial(ctx, client.Config{Addr: l.state().Address, Token: text, Games: games})
	if err != nil {
		return err
	}
	defer c.Close()
	if c.Table() != seat {
		return fmt.Errorf("he sits at table %v", c.Table())
	}
	table, err := c.Attach(ctx, seat)
	if err != nil {
		return err
	}
	scores, err := player{c, answers}.play(ctx, table)
	if err == nil && len(scores) != 4 {
		err = fmt.Errorf("he was told the scores %v", scores)
	}
	return err
}

// raised raises the level of a cluster that began at the first one, and looks for what that brings: a queue and limits
// of what may be asked for.
func (l lossy) raised(ctx context.Context, t *testing.T) {
	t.Helper()
	var answers atomic.Int64
	p := join(t, l.state().Address, &answers)
	try := func(req *wirepb.JoinRequest) wirepb.Code {
		t.Helper()
		ticket, err := p.Join(ctx, req)
		if err == nil {
			err = p.Cancel(ctx, ticket)
		}
		return game.CodeOf(err, wirepb.Code_OK)
	}
	odd, practice := &wirepb.JoinRequest{Queue: "bench", Stake: 12_345}, &wirepb.JoinRequest{Queue: "practice"}
	if a, b := try(odd), try(practice); a != wirepb.Code_OK || b != wirepb.Code_QUEUE_UNKNOWN {
		t.Errorf("at level 1: any stake %v, practice %v", a, b)
	}
	for level := uint32(2); level <= versions.Levels().Max; level++ {
		eventually(t, "the raise", func() bool {
			_, err := l.state().Level(ctx, level, nil)
			if err != nil {
				t.Log(err)
			}
			return err == nil
		})
	}
	eventually(t, "the new settings", func() bool { return try(odd) == wirepb.Code_STAKE_UNKNOWN })
	if _, err := p.Join(ctx, practice); err != nil {
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
	for _, limit := range first.Event.GetOpened().GetLimits() {
		if limit.LimitMs != 0 {
			t.Errorf("practice has the limit %v", limit)
		}
	}
	if len(first.Event.GetOpened().GetLimits()) == 0 {
		t.Errorf("opened without the limits of level 2: %v", first.Event.GetOpened())
	}
}
