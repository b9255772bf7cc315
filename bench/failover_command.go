package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"teahouse/bench/failover"
	"teahouse/bench/report"
	"teahouse/pkg/process"
)

func failoverCommand(p *process.Process) *cobra.Command {
	var cfg failover.Config
	var fault, role, file, moves string
	cmd := &cobra.Command{
		Use: "failover", Short: "Break a process again and again while players play", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			cfg.Logger = p.Logger()
			faults, err := failover.ParseFaults(fault)
			if err != nil {
				return err
			}
			if cfg.Fault = faults[0]; len(faults) > 1 {
				cfg.Turns = faults
			}
			cfg.Role = failover.Role(role)
			acknowledged, done, err := ledger(moves)
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, done()) }()
			cfg.Acknowledged = acknowledged
			out := cmd.OutOrStdout()
			cfg.Report = reporter(out)
			f, err := failover.New(cfg)
			if err != nil {
				return err
			}
			ctx, release := interrupts(cmd.Context(), f.Stop)
			defer release()
			r, err := f.Run(ctx)
			if err != nil && !errors.Is(err, context.Canceled) {
				return errors.Join(err, report.WriteJSON(file, r))
			}
			printResult(out, r)
			switch err := report.WriteJSON(file, r); {
			case err != nil:
				return err
			case len(r.Tries) == 0:
				return errors.New("no try was made")
			case !r.Held():
				return errBroken
			}
			return nil
		},
	}
	flags := cmd.Flags()
	stateFlag(cmd, &cfg.State)
	flags.StringVar(&cfg.Addr, "addr", "", "gateway address (default: that of the state file)")
	flags.IntVar(&cfg.Tries, "tries", 20, "faults that hit moves in flight; others are repeated")
	flags.StringVar(&fault, "fault", "kill", "kill, kill:5s to keep it away so long, term or term:5s to ask it to end, stop:5s to stop it for a while, wipe to lose a node's disk; several with commas take turns, --tries of each (term,kill); of a cluster built with -tags faults also disk-error, disk-full or disk-stall:2s")
	flags.StringVar(&role, "role", "any", "victim: any (node), leader (of a shard), coordinator, follower, gateway, database, registry or all (at once)")
	flags.IntVar(&cfg.Players, "players", 200, "players")
	flags.Uint32Var(&cfg.Hands, "hands", 1, "hands a round; without the database no round ends")
	flags.DurationVar(&cfg.Pace, "pace", 200*time.Millisecond, "mean thinking time, exponential; 0 = at once")
	flags.Uint64Var(&cfg.Seed, "seed", 1, "of victims and thinking times")
	flags.StringVar(&moves, "moves", "", "file for the acknowledged moves, for bench logs")
	flags.StringVar(&file, "json", "", "file for the result as JSON")
	return cmd
}

// reporter prints a line for each try.
func reporter(out io.Writer) func(failover.Try, bool) {
	n := 0
	return func(t failover.Try, counts bool) {
		name := "again "
		if counts {
			n++
			name = fmt.Sprintf("try %2d", n)
		}
		fmt.Fprintf(out, "%s  %-9s  detected %s  new leader %s (all %s)  longest gap %7.1f ms (fault %.1f, return %.1f)  outage %7.1f ms (fault %.1f, return %.1f; %s)  %2d in flight  %d disconnects%s  audit %v\n",
			name, t.Victim, milliseconds(t.DetectionMS), milliseconds(t.LeaderMS), milliseconds(t.AllMS), t.GapMS, t.FaultGapMS, t.HealGapMS, t.OutageMS, t.FaultOutMS, t.HealOutMS, t.OutageCause, t.InFlight, t.Disconnects, departures(t), t.Audit)
		if o := t.Outage; o != nil {
			fmt.Fprintf(out, "        without the database: %d moves, then %d hands unsettled, %d shards at their bound; drained in %.0f ms\n",
				o.Moves, o.Unsettled, o.Delayed, o.DrainMS)
		}
	}
}

func departures(t failover.Try) string {
	if t.Departures == 0 {
		return ""
	}
	return fmt.Sprintf(" (%d left as planned)", t.Departures)
}

func milliseconds(v *float64) string {
	if v == nil {
		return "      -   "
	}
	return fmt.Sprintf("%7.1f ms", *v)
}

func printResult(out io.Writer, r failover.Result) {
	fmt.Fprintf(out, "\n%d tries (%s, %s), %d more hit no move in flight\n", len(r.Tries), r.Role, r.Fault, len(r.Repeated))
	fmt.Fprintf(out, "detected     %v\nnew leader   %v\nall leaders  %v\nlongest gap  %v\noutage       %v\n", r.Detection, r.Leader, r.All, r.Gap, r.Longest)
	for _, t := range r.Turns {
		fmt.Fprintln(out, t)
	}
}
