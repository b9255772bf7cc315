package main

import (
	"github.com/spf13/cobra"

	"teahouse/bench/bots"
	"teahouse/bench/report"
	"teahouse/pkg/mahjong"
)

func botsCommand() *cobra.Command {
	var cfg bots.Config
	var rules, file string
	cmd := &cobra.Command{
		Use: "bots", Short: "Let two players made of code play duplicate deals against each other", Args: cobra.NoArgs,
		Long: "Plays each deal in all six ways to give two seats to each player, and reports the mean difference of\n" +
			"their scores with its 95 % confidence interval. Players: random, weak, middle, strong.",
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if cfg.Rules, err = mahjong.ParseRules([]byte(rules)); err != nil {
				return err
			}
			r, err := bots.Run(cmd.Context(), cfg)
			if err != nil {
				return err
			}
			if err := r.Print(cmd.OutOrStdout()); err != nil {
				return err
			}
			return report.WriteJSON(file, r)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&cfg.A, "a", "strong", "one player")
	flags.StringVar(&cfg.B, "b", "middle", "the other")
	flags.IntVar(&cfg.Hands, "hands", 10_000, "hands to play, rounded up to whole deals of six")
	flags.StringVar(&rules, "rules", "", "options on top of the default rule set, JSON")
	flags.Uint64Var(&cfg.Seed, "seed", 1, "of the deals")
	flags.IntVar(&cfg.Workers, "workers", 0, "hands played at the same time (default: one for each CPU)")
	flags.StringVar(&file, "json", "", "file for the report as JSON")
	return cmd
}
