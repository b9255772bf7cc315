package systest

import (
	"context"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"teahouse/bench/report"
	"teahouse/bench/swarm"
	"teahouse/deploy/cluster"
	"teahouse/pkg/client"
	"teahouse/pkg/daemon"
	"teahouse/pkg/game"
	"teahouse/pkg/wire/wirepb"
)

// crowd is a swarm that plays while a test breaks things.
type crowd struct {
	*swarm.Swarm
	done chan struct{}
	sum  report.Summary
	err  error
}

func startCrowd(t *testing.T, state string) *crowd {
	t.Helper()
	return startSwarm(t, swarm.Config{State: state, Players: 40, Pace: 30 * time.Millisecond})
}

// startSwarm starts a crowd that plays until it is audited.
func startSwarm(t *testing.T, cfg swarm.Config) *crowd {
	t.Helper()
	cfg.Duration = time.Hour
	s, err := swarm.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	c := &crowd{Swarm: s, done: make(chan struct{})}
	go func() {
		defer close(c.done)
		c.sum, c.err = s.Run(t.Context())
	}()
	select {
	case <-s.Playing():
	case <-c.done:
		t.Fatal(c.err)
	}
	return c
}

// plays waits until some more moves are answered.
func (c *crowd) plays(t *testing.T) {
	t.Helper()
	before := c.Moves()
	eventually(t, "the play to go on", func() bool { return c.Moves() >= before+40 })
}

// audited lets the open hands be played out.
func (c *crowd) audited(t *testing.T) report.Summary {
	t.Helper()
	c.Stop()
	<-c.done
	if c.err != nil {
		t.Fatal(c.err)
	}
	if !c.sum.Audit.Clean() || c.sum.HandsFinished == 0 || c.sum.HandsUnfinished != 0 {
		t.Errorf("audit %v, %d hands, %d unfinished", c.sum.Audit, c.sum.HandsFinished, c.sum.HandsUnfinished)
	}
	return c.sum
}

// TestEverythingKilled kills every process at once and starts the cluster again
// on its data.
func TestEverythingKilled(t *testing.T) {
	state := filepath.Join(t.TempDir(), "state.json")
	c := start(t, cluster.Config{Nodes: 3, Data: t.TempDir(), Sync: true, State: state})
	goesOn(t, state, func() {
		if err := c.Kill(t.Context(), cluster.Everything, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		if err := c.Start(t.Context(), cluster.Everything); err != nil {
			t.Fatal(err)
		}
	})
}

// TestEverythingKilledWithItsSupervisor is the same for who has to start the
// command again.
func TestEverythingKilledWithItsSupervisor(t *testing.T) {
	slow(t)
	cfg := cluster.Config{
		Nodes: 3, Data: t.TempDir(), Sync: true, State: filepath.Join(t.TempDir(), "state.json"),
		Listen: freeAddress(t), // the clients come back to where they were
	}
	first := supervisor(t, cfg)
	goesOn(t, cfg.State, func() {
		now, err := cluster.ReadState(cfg.State)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range now.Processes {
			if err := syscall.Kill(p.PID, syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
		}
		if err := first.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		first.Wait()
		supervisor(t, cfg)
	})
}

func freeAddress(t *testing.T) string {
	t.Helper()
	addr, err := daemon.FreeAddress("127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	return addr
}

// goesOn plays while crash ends everything and brings it back. One table stands
// at a question that nobody answers before the crash: afterwards it is still
// open, with its full time, and the hand goes on from there. What the others
// were told is audited.
func goesOn(t *testing.T, state string, crash func()) {
	before, err := cluster.ReadState(state)
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
		players = append(players, join(t, before.Address, &answers))
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
		t.FailNow()
	}
	results := make([][]int64, len(players))
	play := func(i int) {
		wg.Go(func() {
			scores, err := players[i].play(ctx, tables[i])
			if err != nil {
				t.Errorf("player %d: %v", i, err)
			}
			results[i] = scores
		})
	}
	for i := 1; i < len(players); i++ {
		play(i)
	}
	held, prompt := question(t, ctx, tables[0])
	asked := time.Now()

	crowd := startCrowd(t, state)
	eventually(t, "a while without an answer", func() bool { return time.Since(asked) > waited })
	crash()
	eventually(t, "all to come back by themselves", func() bool {
		return !slices.ContainsFunc(players, func(p player) bool { return p.Stats().Resumes == 0 })
	})

	after, err := cluster.ReadState(state)
	if err != nil {
		t.Fatal(err)
	}
	var left *wirepb.OpenPrompt
	var now time.Time
	served := servedSince(t, after, tables[0].ID().Shard())
	for moved := true; moved; { // leaderships still go back to who has them by preference
		left, now = openPrompt(t, ctx, players[0], tables[0]), time.Now()
		again := servedSince(t, after, tables[0].ID().Shard())
		moved, served = !again.Equal(served), again
	}
	full := time.Duration(prompt.LimitMs) * time.Millisecond
	if rest := time.Duration(left.GetPrompt().GetLimitMs()) * time.Millisecond; left.GetNumber() != held || rest+now.Sub(served) < full-waited/2 {
		t.Errorf("question %d has %v left %v after the take-over, it was %d with %v", left.GetNumber(), rest, now.Sub(served), held, full)
	}
	move, err := tables[0].View().Think(prompt.Game, game.Middle)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tables[0].Move(ctx, held, move); err != nil {
		t.Errorf("the answer to the old question: %v", err)
	}
	play(0)
	crowd.plays(t)
	wg.Wait()
	for i, scores := range results {
		if !slices.Equal(scores, results[0]) || len(scores) != 4 || scores[0]+scores[1]+scores[2]+scores[3] != 0 {
			t.Errorf("player %d was told the scores %v, player 0 %v", i, scores, results[0])
		}
	}
	for i, p := range players {
		if err := p.hands(ctx, tables[i].ID(), results[0]); err != nil {
			t.Errorf("player %d: %v", i, err)
		}
	}
	crowd.audited(t)
}

// waited is how long a question stays open before everything is killed.
const waited = 1500 * time.Millisecond

// question reads the table's events until it asks something.
func question(t *testing.T, ctx context.Context, table *client.Table) (number uint64, p *wirepb.Prompt) {
	t.Helper()
	for {
		e, err := table.Receive(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if p := e.Event.GetPrompt(); p != nil {
			return e.Number, p
		}
	}
}

// openPrompt has the table show itself anew, and returns its open question.
func openPrompt(t *testing.T, ctx context.Context, p player, table *client.Table) *wirepb.OpenPrompt {
	t.Helper()
	req := &wirepb.AttachRequest{LastEvent: 1 << 40} // beyond the stream: only the whole view will do
	if err := p.Repeat(ctx, "table.attach", table.ID(), req, &wirepb.AttachReply{}); game.CodeOf(err, wirepb.Code_OK) != wirepb.Code_RESUME_INVALID {
		t.Fatalf("attach: %v", err)
	}
	for {
		e, err := table.Receive(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if e.View != nil {
			return e.View.Prompt
		}
	}
}

// servedSince is when the group's leader took over.
func servedSince(t *testing.T, state cluster.State, group game.GroupID) (at time.Time) {
	t.Helper()
	eventually(t, "a leader", func() bool {
		for _, status := range state.Statuses(t.Context()) {
			for _, g := range status.Replicas {
				if g.Group == uint32(group) && g.Serving {
					at = time.UnixMicro(g.ServingSince)
					return true
				}
			}
		}
		return false
	})
	return at
}
