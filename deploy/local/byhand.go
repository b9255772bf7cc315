package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"teahouse/deploy/cluster"
	"teahouse/pkg/process"
	"teahouse/registry/consul"
	"teahouse/registry/embedded"
)

func keygenCommand() *cobra.Command {
	var dir string
	cmd := &cobra.Command{
		Use: "keygen --dir DIR", Short: "Make the secret and the keys of a cluster by hand", Args: process.NoArgs,
		Long: `Makes the key files that the programs of one cluster share: its secret, and the key pair with which session
tokens are signed and checked. It never overwrites a file.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			keys, err := cluster.MakeKeys(dir)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s  --secret-file of nodes and gateways\n%s  --token-key-file of nodes\n%s  --token-public-file of gateways\n",
				keys.Secret, keys.Token, keys.TokenPublic)
			return err
		},
	}
	cmd.Flags().StringVar(&dir, "dir", "", "`DIR` for the files, made if it does not exist (required)")
	cmd.MarkFlagRequired("dir")
	return cmd
}

func registryCommand(p *process.Process) *cobra.Command {
	var cfg embedded.Config
	cmd := &cobra.Command{
		Use: "registry", Short: "Run the embedded registry alone", Args: process.NoArgs,
		Long: `Runs the registry in which the nodes and gateways of a cluster by hand find each other. It speaks the
part of Consul's HTTP API that they use, without a password, and keeps nothing on disk: after a restart
all of them register again within seconds, and play goes on meanwhile.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			process.SetMemory()
			cfg.Logger = p.Logger()
			server, err := embedded.New(cfg)
			if err != nil {
				return err
			}
			p.Logger().Info("the registry is open", "addr", server.Addr())
			return server.Run(cmd.Context())
		},
	}
	cmd.Flags().StringVar(&cfg.Addr, "listen", consul.DefaultAddr, "`HOST:PORT` to listen on; anyone who can connect can register")
	return cmd
}
