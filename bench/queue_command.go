package main

import (
	"time"

	"github.com/spf13/cobra"

	"teahouse/bench/queue"
	"teahouse/bench/report"
	"teahouse/pkg/process"
)

func queueCommand(p *process.Process) *cobra.Command {
	var cfg queue.Config
	var file string
	cmd := &cobra.Command{
		Use: "queue", Short: "Join and cancel, and check what became of every ticket", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg.Logger = p.Logger()
			b, err := queue.New(cfg)
			if err != nil {
				return err
			}
			ctx, release := interrupts(cmd.Context(), b.Stop)
			defer release()
			sum, err := b.Run(ctx)
			if err != nil {
				return err
			}
			if err := sum.Print(cmd.OutOrStdout()); err != nil {
				return err
			}
			if err := report.WriteJSON(file, sum); err != nil {
				return err
			}
			if !sum.Held() {
				return errBroken
			}
			return nil
		},
	}
	flags := cmd.Flags()
	targetFlags(cmd, &cfg.State, &cfg.Addr, &cfg.Status)
	flags.Float64Var(&cfg.Rate, "rate", 0, "joins a second, in an open loop; latency counts from when each was due")
	flags.IntVar(&cfg.Players, "players", 1000, "players")
	flags.Float64Var(&cfg.Cancel, "cancel", 0.5, "share of the tickets that are cancelled, at random moments")
	flags.DurationVar(&cfg.Duration, "duration", 5*time.Second, "time in which players join; 0 = all at once")
	flags.IntVar(&cfg.Queues, "queues", 16, "queues (kinds of tables) that they spread over")
	flags.Float64Var(&cfg.SpawnRate, "spawn-rate", 0, "logins a second; 0 = all at once")
	flags.BoolVar(&cfg.Kill, "kill", false, "kill the coordinator's leader in the middle, and start it again")
	flags.BoolVar(&cfg.Faults, "faults", false, "delay, repeat and reorder queue commands and break connections on the way")
	flags.Uint64Var(&cfg.Seed, "seed", 1, "of players and faults")
	flags.StringVar(&file, "json", "", "file for the summary as JSON")
	return cmd
}
