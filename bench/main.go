// Command bench plays on a cluster and measures it, breaks it and watches it heal,
// and checks the rules engine on recorded hands.
//
//	go run ./bench swarm       200 players made of code, a summary and an audit
//	go run ./bench failover    kill a node again and again while they play
//	go run ./bench reconnect   cut one player again and again, and look what is left behind
//	go run ./bench logs        compare the replicas' logs of a stopped cluster
//	go run ./bench queue       1000 players join and cancel while the coordinator's leader dies
//	go run ./bench ab          what a move costs with one revision and with another
//	go run ./bench simulate    a cluster in memory, every fault of which a seed decides
//	go run ./bench hand        answer recorded hands, one JSON line each
//	go run ./bench verify      play recorded games again
//	go run ./bench fair        recompute walls from revealed seeds
//	go run ./bench bots        which player made of code is better, over duplicate deals
//	go run ./bench explain     a hand in words
//	go run ./bench rules       the options of a game's rules, or a rule set, in words
//
// The exit status is 0 only if everything held.
package main

import (
	"context"
	"log/slog"
	"os"

	"github.com/spf13/cobra"

	"teahouse/bench/hand"
	"teahouse/pkg/process"
)

func main() { process.Main(command) }

func command(p *process.Process) *cobra.Command {
	p.Log.Level = slog.LevelWarn
	root := &cobra.Command{
		Use: "bench", Short: "Play on a cluster and measure it",
		Long: `Plays on a cluster and measures it, breaks it and watches it heal, and checks the rules engine on
recorded hands. The exit status is 0 only if everything held. The first Ctrl-C ends the play, whose
result is still printed; a second one ends everything at once.`,
	}
	root.SetOut(process.Output{})
	root.AddCommand(
		swarmCommand(p),
		failoverCommand(p),
		queueCommand(p),
		abCommand(),
		simulateCommand(),
		logsCommand(),
		reconnectCommand(),
		botsCommand(),
		filter(fairCommand()),
		explainCommand(),
		rulesCommand(),
		filter(&cobra.Command{
			Use: "hand", Short: "Answer recorded hands from standard input", Args: cobra.NoArgs,
			RunE: func(cmd *cobra.Command, _ []string) error {
				return hand.Hands(cmd.Context(), cmd.InOrStdin(), cmd.OutOrStdout())
			},
		}),
		filter(&cobra.Command{
			Use: "verify", Short: "Play recorded games from standard input again", Args: cobra.NoArgs,
			RunE: func(cmd *cobra.Command, _ []string) error {
				return hand.Verify(cmd.Context(), cmd.InOrStdin(), cmd.OutOrStdout())
			},
		}),
	)
	return root
}

// filter lets the first Ctrl-C end a command that may be waiting for its input.
func filter(cmd *cobra.Command) *cobra.Command {
	run := cmd.RunE
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		defer context.AfterFunc(cmd.Context(), func() { os.Exit(process.Interrupted) })()
		return run(cmd, args)
	}
	return cmd
}
