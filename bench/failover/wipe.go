package failover

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"syscall"
	"time"

	"teahouse/bench/swarm"
)

// prove kills another node after one was replaced: the play goes on only if the
// new server votes.
func (f *Failover) prove(ctx context.Context, s *swarm.Swarm, wiped victim) (err error) {
	state, err := f.client.State(ctx)
	if err != nil {
		return err
	}
	others := slices.DeleteFunc(running(state, roleNode), func(name string) bool { return name == wiped.name })
	if len(others) == 0 {
		return errors.New("no other node runs")
	}
	other := victim{name: others[f.rand.IntN(len(others))], role: roleNode, groups: make(map[uint32]bool)}
	for _, g := range state.Statuses(ctx)[other.name].Replicas {
		if g.Serving {
			other.groups[g.Group] = true
		}
	}
	began := time.Now()
	if err := f.client.Kill(ctx, other.name, syscall.SIGKILL); err != nil {
		return err
	}
	defer func() {
		err = errors.Join(err, f.start(context.WithoutCancel(ctx), other.name), f.healthy(ctx))
	}()
	if _, err := f.newLeaders(ctx, other, began); err != nil {
		return fmt.Errorf("after %s was replaced: %w", wiped.name, err)
	}
	moves := s.Moves()
	if err := sleep(ctx, f.cfg.Calm); err != nil {
		return err
	}
	if s.Moves() == moves {
		return fmt.Errorf("%s was replaced, but no move is answered without %s", wiped.name, other.name)
	}
	return nil
}
