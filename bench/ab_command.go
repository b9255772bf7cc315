package main

import (
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"teahouse/bench/ab"
	"teahouse/bench/report"
)

func abCommand() *cobra.Command {
	var cfg ab.Config
	var file string
	cmd := &cobra.Command{
		Use: "ab", Short: "Compare two revisions: clusters and swarms of both, in turns", Args: cobra.NoArgs,
		Long: "Builds deploy/local and bench of two checkouts and lets a swarm of each play on a fresh cluster of each,\n" +
			"in the order A B B A …; then says what a move cost: median, least and most of each side, and the ratio B/A\n" +
			"of the runs that followed each other. A checkout compared with itself shows what is noise.\n" +
			"The clusters' data is in the system's folder for temporary files (TMPDIR), and so is what syncs cost.",
		Example: "  git worktree add ../before HEAD~1\n  bench ab --a ../before --b . --players 200,1000 --pairs 5",
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg.Began = func(what string) { fmt.Fprintln(os.Stderr, what) }
			r, err := ab.New(cfg)
			if err != nil {
				return err
			}
			result, err := r.Run(cmd.Context())
			if cmd.Context().Err() != nil {
				err = errors.New("interrupted; shown is what was measured until then")
			}
			if len(result.Runs) > 0 {
				err = errors.Join(err, result.Print(cmd.OutOrStdout()), report.WriteJSON(file, result))
			}
			return err
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&cfg.A, "a", "", "folder of one checkout")
	flags.StringVar(&cfg.B, "b", "", "folder of the other")
	cmd.MarkFlagRequired("a")
	cmd.MarkFlagRequired("b")
	flags.IntSliceVar(&cfg.Players, "players", []int{200}, "players, or several numbers of them with commas between")
	flags.IntVar(&cfg.Pairs, "pairs", 5, "pairs of runs for each number of players")
	flags.DurationVar(&cfg.Duration, "duration", 10*time.Second, "of each play")
	flags.DurationVar(&cfg.Warmup, "warmup", 3*time.Second, "of a play before it on the same cluster, which does not count; 0 = none")
	flags.DurationVar(&cfg.Pace, "pace", 200*time.Millisecond, "mean thinking time, exponential; 0 = at once")
	flags.IntVar(&cfg.Nodes, "nodes", 3, "nodes of each cluster")
	flags.StringVar(&cfg.Sync, "sync", "sync", "log policy: sync or nosync")
	flags.StringVar(&file, "json", "", "file for the result and every run as JSON")
	return cmd
}
