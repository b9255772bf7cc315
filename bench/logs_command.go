package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"teahouse/bench/audit"
	"teahouse/bench/logs"
	"teahouse/bench/report"
	"teahouse/pkg/game"
)

func logsCommand() *cobra.Command {
	var cfg logs.Config
	var moves, file string
	cmd := &cobra.Command{
		Use: "logs", Short: "Compare the replicas' logs of a stopped cluster, entry by entry", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if moves != "" {
				in, err := os.Open(moves)
				if err != nil {
					return err
				}
				defer in.Close()
				if cfg.Moves, err = logs.ReadMoves(in); err != nil {
					return err
				}
				if len(cfg.Moves) == 0 {
					return fmt.Errorf("there is no move in %s; bench swarm --moves FILE writes those that were acknowledged", moves)
				}
			}
			r, err := logs.Check(cmd.Context(), cfg)
			if err != nil {
				return err
			}
			if err := errors.Join(printLogs(cmd.OutOrStdout(), r), report.WriteJSON(file, r)); err != nil {
				return err
			}
			if !r.Clean() {
				return errBroken
			}
			return nil
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&cfg.Data, "data", "", "data folder of the cluster, which must not run")
	cmd.MarkFlagRequired("data")
	flags.StringVar(&moves, "moves", "", "acknowledged moves to look for, as written by swarm or failover --moves")
	flags.StringVar(&file, "json", "", "file for the report as JSON")
	return cmd
}

func printLogs(out io.Writer, r logs.Report) error {
	w := tabwriter.NewWriter(out, 2, 8, 2, ' ', 0)
	fmt.Fprintln(w, "group\treplicas\tentries\tcompared\ton all\tconflicts\tterms down\tmalformed\tapart at the end")
	for _, g := range r.Groups {
		fmt.Fprintf(w, "%d\t%d\t%d\t%d\t%d to %d\t%d\t%d\t%d\t%d\n",
			g.Group, g.Replicas, g.Entries, g.Compared, g.First, g.Last, g.Conflicts, g.TermsDown, g.Malformed, g.Apart)
	}
	m := r.Moves
	fmt.Fprintf(w, "\nmoves: %d acknowledged, %d found, %d missing, %d not to be seen (compacted)\n", m.Acknowledged, m.Found, m.Missing, m.Unseen)
	for _, note := range r.Notes {
		fmt.Fprintln(w, note)
	}
	return w.Flush()
}

// ledger writes acknowledged moves to a file; without a name, nowhere.
func ledger(file string) (acknowledged func(game.TableID, game.PlayerID, audit.Move), done func() error, err error) {
	if file == "" {
		return nil, func() error { return nil }, nil
	}
	out, err := os.OpenFile(file, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, nil, err
	}
	l := logs.NewLedger(out)
	return l.Acknowledged, func() error { return errors.Join(l.Flush(), out.Close()) }, nil
}
