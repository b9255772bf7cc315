// Command gateway is the process that clients connect to.
//
//	gateway --listen 0.0.0.0:7700 --registry 127.0.0.1:8500 \
//	        --secret-file cluster.secret --token-public-file session.pub
package main

import (
	"github.com/spf13/cobra"

	"teahouse/gateway/edge"
	"teahouse/pkg/process"
)

func main() { process.Main(command) }

func command(p *process.Process) *cobra.Command {
	var flags edge.Flags
	p.Renamed = edge.OldFlags()
	cmd := &cobra.Command{
		Use:   "gateway --secret-file FILE --token-public-file FILE",
		Short: "The process that Teahouse's clients connect to",
		Long: `Runs a gateway: clients connect to it, and it finds the nodes in the registry. There may be several.

Keys and secret are made with "teahouse-local keygen". The first SIGTERM or SIGINT tells the
clients that the gateway is going away, serves them for --drain or until all have gone to other gateways, and
ends it; a second one ends it at once; SIGHUP opens the log file anew.`,
		Args: process.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			process.SetMemory()
			cfg, registry, err := flags.Config(p.Logger())
			if err != nil {
				return err
			}
			defer registry.Close()
			return edge.Run(cmd.Context(), cfg)
		},
	}
	flags.Add(cmd.Flags())
	return cmd
}
