package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"teahouse/bench/reconnect"
	"teahouse/bench/report"
)

func reconnectCommand() *cobra.Command {
	var cfg reconnect.Config
	var file string
	cmd := &cobra.Command{
		Use: "reconnect", Short: "Cut one player's connection again and again and look what is left behind", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			r, err := reconnect.Run(cmd.Context(), cfg)
			if err != nil {
				return err
			}
			out := cmd.OutOrStdout()
			fmt.Fprintf(out, "%d cuts, %d resumed, %d through another gateway, %d events wrong, %.1f ms each\n",
				r.Times, r.Resumes, r.Switches, r.Wrong, r.TookMS)
			fmt.Fprintf(out, "longest outage %.1f ms\n", r.LongestOutageMS)
			for _, what := range r.NotAudited {
				fmt.Fprintf(out, "not audited: %s\n", what)
			}
			for _, p := range r.Processes {
				fmt.Fprintf(out, "%-10s before: %v   after: %v\n", p.Name, p.Before, p.After)
			}
			if err := report.WriteJSON(file, r); err != nil {
				return err
			}
			if !r.Held() {
				return errBroken
			}
			return nil
		},
	}
	flags := cmd.Flags()
	targetFlags(cmd, &cfg.State, &cfg.Addr, &cfg.Status)
	flags.IntVar(&cfg.Times, "times", 100, "cuts")
	flags.IntVar(&cfg.Warmup, "warmup", 20, "cuts before the first look")
	flags.StringVar(&file, "json", "", "file for the result as JSON")
	return cmd
}
