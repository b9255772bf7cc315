package main

import (
	"errors"
	"fmt"
	"io"
	"runtime"
	"time"

	"github.com/spf13/cobra"

	"teahouse/bench/simulate"
)

func simulateCommand() *cobra.Command {
	var seed, seeds uint64
	var workers int
	var trace bool
	cmd := &cobra.Command{
		Use: "simulate", Short: "Play on a cluster in memory whose every fault a seed decides", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			out := cmd.OutOrStdout()
			began := time.Now()
			var to io.Writer
			if trace {
				to, workers = out, 1
			}
			sum, err := simulate.RunMany(cmd.Context(), seed, seeds, workers, to)
			for _, r := range sum.Failed {
				fmt.Fprintf(out, "seed %d: %s\n  %s\n", r.Seed, r.Violation, r.Command())
			}
			fmt.Fprintf(out, "%d seeds in %v: %d steps, %v of cluster time, %d moves acknowledged, %d hands settled; %d failed\n",
				sum.Runs, time.Since(began).Round(time.Millisecond), sum.Steps, sum.Time.Round(time.Second), sum.Moves, sum.Hands, len(sum.Failed))
			switch {
			case err == nil && len(sum.Failed) > 0:
				return errBroken
			case err == nil && sum.Runs == 0:
				return errors.New("no seed was run")
			}
			return err
		},
	}
	flags := cmd.Flags()
	flags.Uint64Var(&seed, "seed", 1, "the first seed; one seed is one run, always the same")
	flags.Uint64Var(&seeds, "seeds", 1, "how many, one after another")
	flags.IntVar(&workers, "workers", runtime.GOMAXPROCS(0), "runs at a time")
	flags.BoolVar(&trace, "trace", false, "print what happens")
	return cmd
}
