package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"teahouse/bench/report"
	"teahouse/bench/swarm"
	"teahouse/deploy/cluster"
	"teahouse/pkg/process"
)

// errBroken says that a promise did not hold; what it was stands in the report.
var errBroken = errors.New("the audit is not clean")

func swarmCommand(p *process.Process) *cobra.Command {
	cfg := swarm.Config{Progress: progress(os.Stderr)}
	var file, profile, moves, proofs string
	cmd := &cobra.Command{
		Use: "swarm", Short: "Let players made of code play, and audit what they saw", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			cfg.Logger = p.Logger()
			acknowledged, done, err := ledger(moves)
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, done()) }()
			cfg.Acknowledged = acknowledged
			collected, closed, err := prover(proofs)
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, closed()) }()
			cfg.Proof = collected
			if profile != "" {
				out, err := os.Create(profile)
				if err != nil {
					return err
				}
				defer out.Close()
				cfg.Profile = out
			}
			s, err := swarm.New(cfg)
			if err != nil {
				return err
			}
			ctx, release := interrupts(cmd.Context(), s.Stop)
			defer release()
			sum, err := s.Run(ctx)
			if err != nil {
				return err
			}
			if err := sum.Print(cmd.OutOrStdout()); err != nil {
				return err
			}
			if err := report.WriteJSON(file, sum); err != nil {
				return err
			}
			switch {
			case !sum.Audit.Clean():
				return errBroken
			case sum.HandsFinished == 0:
				return errors.New("no hand was finished")
			}
			return nil
		},
	}
	flags := cmd.Flags()
	targetFlags(cmd, &cfg.State, &cfg.Addr, &cfg.Status)
	flags.StringVar(&cfg.DB, "db", "", "DSN of the database (default: that of the state file); without one nobody looks what it holds")
	flags.IntVar(&cfg.Players, "players", 200, "players")
	flags.DurationVar(&cfg.Duration, "duration", 30*time.Second, "how long new rounds begin, from when all are logged in")
	flags.StringVar(&cfg.Queue, "queue", "bench", "queue to join")
	flags.StringVar(&cfg.Mode, "mode", "", "mode to play: xuezhan, xueliu, gomoku (default: the queue's first)")
	flags.Uint32Var(&cfg.Hands, "hands", 1, "hands a round")
	flags.DurationVar(&cfg.Pace, "pace", 200*time.Millisecond, "mean thinking time, exponential; 0 = at once")
	flags.Float64Var(&cfg.Rate, "rate", 0, "moves a second of all together, in an open loop, instead of --pace; latency counts from when each was due")
	flags.Float64Var(&cfg.SpawnRate, "spawn-rate", 0, "logins a second; 0 = as fast as it goes")
	flags.Uint64Var(&cfg.Seed, "seed", 1, "of the thinking times")
	flags.DurationVar(&cfg.Grace, "grace", time.Minute, "time to play the open hands out")
	flags.StringVar(&moves, "moves", "", "file for the acknowledged moves, for bench logs")
	flags.StringVar(&proofs, "proofs", "", "file for what each seat can prove of its hands, for bench fair")
	flags.StringVar(&file, "json", "", "file for the summary as JSON")
	flags.StringVar(&profile, "profile", "", "file for a CPU profile of the swarm itself during the play")
	return cmd
}

func stateFlag(cmd *cobra.Command, file *string) {
	name, _ := cluster.StateFile() // where there is none, whoever needs it says so
	cmd.Flags().StringVar(file, "state", name, "state file of the cluster")
}

// targetFlags are those of commands that play on any cluster: with an address and no state file, on
// one that this machine knows nothing else of.
func targetFlags(cmd *cobra.Command, state, addr *string, pages *[]string) {
	stateFlag(cmd, state)
	cmd.Flags().StringVar(addr, "addr", "", "gateway address, host:port, of any cluster; then only a --state that is named is read")
	cmd.Flags().StringSliceVar(pages, "status", nil, "status pages of nodes and gateways, for what only they can tell, if there is no state file")
	run := cmd.RunE
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if cmd.Flags().Changed("addr") && !cmd.Flags().Changed("state") {
			*state = ""
		}
		return run(cmd, args)
	}
}

// interrupts makes the first Ctrl-C, which ends ctx, end the play only; the second ends the
// process.
func interrupts(ctx context.Context, stop func()) (_ context.Context, release func()) {
	undo := context.AfterFunc(ctx, stop)
	return context.WithoutCancel(ctx), func() { undo() }
}

// progress writes one line, again and again: over itself on a terminal.
func progress(out *os.File) func(swarm.Progress) {
	before, after := "", "\n"
	if info, err := out.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 {
		before, after = "\r\x1b[K", ""
	}
	return func(p swarm.Progress) {
		fmt.Fprintf(out, "%s%4.0fs left  %d players  %d tables  %5.0f moves/s  %d hands  longest gap %.0f ms  longest outage %.0f ms  %d out  %d disconnects%s",
			before, p.Left.Seconds(), p.Players, p.Seats/4, p.MovesPerS, p.Hands, p.GapMS, p.OutageMS, p.Out, p.Disconnects, after)
	}
}
