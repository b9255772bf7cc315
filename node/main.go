// Command node runs one game node of a cluster.
//
//	node --name node-1 --expect 3 --registry 127.0.0.1:8500 --db mysql:… \
//	     --data /var/lib/teahouse --secret-file cluster.secret --token-key-file session.key
//
// For a whole cluster on one machine see deploy/local.
package main

import (
	"github.com/spf13/cobra"

	"teahouse/node/host"
	"teahouse/pkg/process"
)

func main() { process.Main(command) }

func command(p *process.Process) *cobra.Command {
	var cfg host.Config
	p.Renamed = host.OldFlags()
	cmd := &cobra.Command{
		Use:   "node --name NAME --data FOLDER --db DATABASE --secret-file FILE --token-key-file FILE",
		Short: "A game node of a Teahouse cluster",
		Long: `Runs a game node of a Teahouse cluster: it owns tables, and replicates them with the other nodes.

The nodes find each other in the registry. As many as --expect says begin the cluster together, and a
row in the database keeps who they are. Keys and secret are made with "teahouse-local keygen".
The first SIGTERM or SIGINT ends the node in order, a second one at once; SIGHUP opens the log file anew.`,
		Args: process.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			process.SetMemory()
			cfg.Logger, cfg.Exit = p.Logger(), p.Exit
			return host.Run(cmd.Context(), cfg)
		},
	}
	cfg.AddFlags(cmd.Flags())
	return cmd
}
