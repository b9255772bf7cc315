package failover

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"time"

	"teahouse/bench/report"
	"teahouse/bench/swarm"
	"teahouse/deploy/cluster"
	"teahouse/pkg/game"
)

// longPlay is the duration of a try's swarm; it is stopped long before.
const longPlay = time.Hour

// try runs a swarm, breaks something, brings it back and audits.
func (f *Failover) try(ctx context.Context, number uint64) (Try, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if err := f.healthy(ctx); err != nil {
		return Try{}, err
	}
	s, err := swarm.New(swarm.Config{
		State: f.cfg.State, Addr: f.cfg.Addr, Players: f.cfg.Players, Hands: f.cfg.Hands, Pace: f.cfg.Pace,
		Seed: f.cfg.Seed + number, Duration: longPlay, Acknowledged: f.cfg.Acknowledged, Logger: f.cfg.Logger,
	})
	if err != nil {
		return Try{}, err
	}
	type outcome struct {
		sum report.Summary
		err error
	}
	done := make(chan outcome, 1)
	go func() {
		sum, err := s.Run(ctx)
		done <- outcome{sum, err}
	}()
	select {
	case <-s.Playing():
	case o := <-done:
		return Try{}, fmt.Errorf("swarm: %w", o.err)
	}

	try, err := f.fault(ctx, s)
	if err != nil {
		cancel() // there is nothing to audit
		return Try{}, errors.Join(err, ignore((<-done).err, context.Canceled))
	}
	s.Stop()
	o := <-done
	if o.err != nil {
		return Try{}, fmt.Errorf("swarm: %w", o.err)
	}
	try.Resumes, try.Departures, try.Snapshots = o.sum.Resumes, o.sum.Departures, o.sum.Snapshots
	try.GapMS, try.Disconnects, try.Audit = o.sum.LongestGapMS, o.sum.Disconnects, o.sum.Audit
	try.OutageMS, try.OutageCause, try.Felt = o.sum.LongestOutageMS, o.sum.Outages.Cause, o.sum.Outages.Felt
	try.Unreachable = o.sum.PromptsUnreachable
	try.Moves, try.Hands = o.sum.MovesAcked, o.sum.HandsFinished
	return try, nil
}

func ignore(err, kind error) error {
	if errors.Is(err, kind) {
		return nil
	}
	return err
}

// fault breaks the victim while s plays, waits until the play goes on without it,
// brings it back and waits until all is healed.
func (f *Failover) fault(ctx context.Context, s *swarm.Swarm) (try Try, err error) {
	if err := sleep(ctx, f.cfg.Warmup); err != nil {
		return try, err
	}
	if f.cfg.Role == Follower {
		if err := f.demote(ctx); err != nil {
			return try, err
		}
		s.ForgetGap() // what that has cost is not the fault's
	}
	v, err := f.choose(ctx)
	if err != nil {
		return try, err
	}
	try.Victim, try.Fault = v.name, f.cfg.Fault.String()
	busy := func() int { return s.Busy(v.serves) }
	if err := f.aim(ctx, busy); err != nil {
		return try, err
	}
	began, moves := time.Now(), s.Moves()
	if err := f.hit(ctx, v); err != nil {
		return try, err
	}
	try.InFlight = f.inFlight(ctx, busy)
	broken := true
	defer func() {
		if broken { // whatever went wrong: leave no stopped or missing process behind
			err = errors.Join(err, f.revive(context.WithoutCancel(ctx), v))
		}
	}()

	if f.cfg.Fault.Wipe {
		if err := f.client.Wipe(ctx, v.name); err != nil {
			return try, err
		}
	}

	next, err := f.newLeaders(ctx, v, began)
	if err != nil {
		return try, err
	}
	try.LeaderMS, try.AllMS = next.first, next.last
	rest := max(f.cfg.Calm, time.Until(began.Add(f.cfg.Fault.Stop+f.cfg.Fault.Down)))
	if err := sleep(ctx, rest); err != nil {
		return try, err
	}
	try.FaultGapMS, try.FaultOutMS = float64(s.LongestGap().Microseconds())/1000, float64(s.LongestOutage().Microseconds())/1000
	if f.cfg.Role == Database {
		if try.Outage, err = f.outage(ctx, s.Moves()-moves); err != nil {
			return try, err
		}
	}
	broken = false
	if err := f.revive(ctx, v); err != nil {
		return try, err
	}
	if try.Outage != nil {
		if try.Outage.DrainMS, err = f.drain(ctx); err != nil {
			return try, err
		}
	}
	if err := f.healthy(ctx); err != nil {
		return try, err
	}
	if try.DetectionMS, err = f.detection(ctx, v, began); err != nil {
		return try, err
	}
	err = sleep(ctx, f.cfg.Calm)
	try.HealGapMS, try.HealOutMS = float64(s.LongestGap().Microseconds())/1000, float64(s.LongestOutage().Microseconds())/1000
	if err == nil && f.cfg.Fault.Wipe {
		err = f.prove(ctx, s, v)
	}
	return try, err
}

// hit does it. The data of who is to lose it goes once it is known what that hit.
func (f *Failover) hit(ctx context.Context, v victim) error {
	switch {
	case f.cfg.Fault.Disk != "":
		return spoil(ctx, v.process, f.cfg.Fault)
	}
	return f.client.Kill(ctx, v.name, f.cfg.Fault.signal())
}

// aim waits until moves are unanswered on the victim, so that the fault hits some;
// it gives up waiting after aimFor.
func (f *Failover) aim(ctx context.Context, busy func() int) error {
	deadline := time.Now().Add(aimFor)
	for busy() < 2 && time.Now().Before(deadline) {
		if err := sleep(ctx, 50*time.Microsecond); err != nil {
			return err
		}
		if time.Until(deadline) < aimFor/2 && busy() > 0 {
			return nil // one must do
		}
	}
	return nil
}

const aimFor = 2 * time.Second

// inFlight are the moves that are unanswered once the fault is there. Where moves are
// answered without the victim, or by a gateway that is about to end, those that aim saw may
// have been by now, and the next ones count.
func (f *Failover) inFlight(ctx context.Context, busy func() int) (n int) {
	deadline := time.Now().Add(f.cfg.Calm)
	for {
		n = busy()
		waits := f.cfg.Role == Follower || f.cfg.Role.besides() || f.cfg.Role == Gateway && f.cfg.Fault.Term
		if n > 0 || !waits || time.Now().After(deadline) {
			return n
		}
		if sleep(ctx, 50*time.Microsecond) != nil {
			return n
		}
	}
}

// revive ends the fault.
func (f *Failover) revive(ctx context.Context, v victim) error {
	switch {
	case f.cfg.Fault.Disk != "":
		return f.mend(ctx, v)
	case f.cfg.Fault.Stop > 0:
		return f.client.Kill(ctx, v.name, syscall.SIGCONT)
	}
	return f.start(ctx, v.name)
}

func (f *Failover) start(ctx context.Context, name string) error {
	err := f.client.Start(ctx, name)
	if errors.Is(err, cluster.ErrRunning) && isRunning(ctx, f.client, name) {
		return nil // a supervisor with --respawn was faster
	}
	return err
}

func isRunning(ctx context.Context, c *cluster.Client, name string) bool {
	state, err := c.State(ctx)
	if err != nil {
		return false
	}
	for _, p := range state.Processes {
		if p.Name == name {
			return p.Runs()
		}
	}
	return false
}

// healthy waits until every group has a leader and level replicas.
func (f *Failover) healthy(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, f.cfg.Heal)
	defer cancel()
	return f.client.AwaitHealthy(ctx)
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// serves says whether a move at table, sent through gateway, needs the victim.
func (v victim) serves(table game.TableID, gateway string) bool {
	switch v.role {
	case roleGateway:
		return gateway == v.name
	case string(Database), string(Registry), string(All):
		return true
	}
	return v.groups[uint32(table.Shard())] || v.follows[uint32(table.Shard())]
}
