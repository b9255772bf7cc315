package failover

import (
	"context"
	"fmt"
	"syscall"

	"teahouse/node/host"
)

// follower reports whether a node leads nothing, but replicates tables in play.
func follower(status host.Status) bool {
	tables := 0
	for _, g := range status.Replicas {
		if g.Leading || g.Serving {
			return false
		}
		tables += g.Tables
	}
	return tables > 0
}

// demote makes a node a follower: every node leads some shards by preference,
// but one that has just started leads nothing, until it has been there for a
// moment.
func (f *Failover) demote(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, f.cfg.Heal)
	defer cancel()
	for {
		state, err := f.client.State(ctx)
		if err != nil {
			return err
		}
		if len(f.fitting(state, state.Statuses(ctx))) > 0 {
			return nil
		}
		nodes := running(state, roleNode)
		if len(nodes) < minNodes {
			return fmt.Errorf("%d nodes run, and one is to be made a follower: that takes %d", len(nodes), minNodes)
		}
		name := nodes[f.rand.IntN(len(nodes))]
		if err := f.client.Kill(ctx, name, syscall.SIGKILL); err != nil {
			return err
		}
		if err := sleep(ctx, f.cfg.Calm); err != nil { // the others take over
			return fmt.Errorf("no node leads nothing: %w", err)
		}
		if err := f.start(ctx, name); err != nil {
			return err
		}
		if err := f.client.AwaitHealthy(ctx); err != nil {
			return err
		}
	}
}
