package queue

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"syscall"
	"time"

	"teahouse/bench/target"
	"teahouse/deploy/cluster"
	"teahouse/pkg/game"
)

// Kill is what the death of the coordinator's leader cost.
type Kill struct {
	Victim   string  `json:"victim"`
	LeaderMS float64 `json:"leader_ms"` // until another node led the coordinator
	GapMS    float64 `json:"gap_ms"`    // longest answer to a queue command that was under way or came in the second after
	at       int64   // in the history's time
}

// leader is the process that leads the coordinator.
type leader struct {
	name string
	key  string        // of its process
	cpu  time.Duration // used so far
	at   int64         // since when, Unix microseconds
}

// leader asks the nodes until one of them says that it leads.
func (b *Bench) leader(ctx context.Context) (leader, error) {
	for {
		if l, ok := leads(b.target.Look(ctx)); ok {
			return l, nil
		}
		if sleep(ctx, pollEvery); ctx.Err() != nil {
			return leader{}, fmt.Errorf("nobody leads the coordinator: %w", ctx.Err())
		}
	}
}

// pollEvery is how often nodes are asked while something is awaited.
const pollEvery = 10 * time.Millisecond

func leads(looks []target.Look) (leader, bool) {
	for _, p := range looks {
		for _, g := range p.Node.Replicas {
			if g.Group == uint32(game.Coordinator) && g.Serving {
				return leader{name: p.Name, key: p.Key, cpu: p.CPU, at: g.ServingSince}, true
			}
		}
	}
	return leader{}, false
}

// measure starts a measurement: stop gives the share of one core that the process used.
func (b *Bench) measure(ctx context.Context, l leader) (stop func() float64) {
	began := time.Now()
	return func() float64 {
		for _, p := range b.target.CPU(ctx) {
			if p.Key == l.key && p.CPU >= l.cpu {
				return (p.CPU - l.cpu).Seconds() / time.Since(began).Seconds()
			}
		}
		return 0 // it is gone
	}
}

// kill kills the leader, waits for the next one, and starts the process again.
func (b *Bench) kill(ctx context.Context) (*Kill, error) {
	victim, err := b.leader(ctx)
	if err != nil {
		return nil, err
	}
	state, err := b.cluster.State(ctx)
	if err != nil {
		return nil, err
	}
	nodes := slices.DeleteFunc(state.Processes, func(p cluster.Process) bool { return p.Role != "node" || !p.Runs() })
	if len(nodes) < 3 {
		return nil, fmt.Errorf("the coordinator goes on without a node from 3 nodes on, and %d run", len(nodes))
	}
	k := &Kill{Victim: victim.name, at: b.now()}
	began := time.Now()
	if err := b.cluster.Kill(ctx, victim.name, syscall.SIGKILL); err != nil {
		return nil, err
	}
	next, err := b.leader(ctx)
	for err == nil && next.name == victim.name { // what the dying one said; another one may have taken over before
		if sleep(ctx, pollEvery); ctx.Err() != nil {
			err = ctx.Err()
			break
		}
		next, err = b.leader(ctx)
	}
	k.LeaderMS = float64(max(0, next.at-began.UnixMicro())) / 1000
	sleep(ctx, calm)
	// Whatever went wrong: leave no missing process behind.
	err = errors.Join(err, b.cluster.Start(context.WithoutCancel(ctx), victim.name))
	return k, errors.Join(err, b.cluster.AwaitHealthy(ctx))
}

// calm is how long the cluster goes on without the victim.
const calm = time.Second
