package main

import (
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"

	"teahouse/node/coordinator"
	"teahouse/pkg/link/linkpb"
)

// levelCommand shows the cluster's level, or raises it by one.
func levelCommand(state *string) *cobra.Command {
	var without []string
	cmd := &cobra.Command{
		Use: "level [raise]", Short: "Show the cluster's level, or raise it by one",
		Long: `Shows the level of the formats that the cluster writes, and what each node's binary knows. "level raise"
raises it by one, once all nodes can follow; it is never lowered.`,
		Args: cobra.MatchAll(cobra.MaximumNArgs(1), cobra.OnlyValidArgs), ValidArgs: []string{"raise"},
		RunE: func(cmd *cobra.Command, args []string) error {
			now, err := running(cmd.Context(), *state)
			if err != nil {
				return err
			}
			reply, err := now.Level(cmd.Context(), 0, nil)
			if err == nil && len(args) == 1 {
				reply, err = now.Level(cmd.Context(), coordinator.Level(reply.Members)+1, without)
			}
			if err != nil {
				return err
			}
			return printLevel(cmd.OutOrStdout(), reply)
		},
	}
	cmd.Flags().StringSliceVar(&without, "without", nil, "`NODES` that need not know the new level: their replicas halt if they come back with the same binary")
	return cmd
}

func printLevel(w io.Writer, r *linkpb.LevelReply) error {
	if _, err := fmt.Fprintf(w, "level %d\n", coordinator.Level(r.Members)); err != nil {
		return err
	}
	for _, m := range r.Members.GetMembers() {
		line := fmt.Sprintf("%-12s has not reported its levels", m.Name)
		if v := m.Versions; v != nil {
			line = fmt.Sprintf("%-12s knows levels %d to %d", m.Name, v.MinLevel, v.MaxLevel)
		}
		if slices.Contains(r.Silent, m.Name) {
			line += ", does not answer"
		}
		if _, err := fmt.Fprintln(w, line); err != nil {
			return err
		}
	}
	return nil
}
