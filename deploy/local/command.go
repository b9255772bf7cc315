package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"teahouse/deploy/cluster"
	"teahouse/node/host"
	"teahouse/pkg/process"
)

// command returns the command line; the root command starts the cluster.
func command(p *process.Process) *cobra.Command {
	var cfg cluster.Config
	var node host.Config
	var drain time.Duration
	root := &cobra.Command{
		Use:   "local",
		Short: "A Teahouse cluster on this machine",
		Long: `Starts a Teahouse cluster of real processes on this machine: registry, nodes and gateways. The first
Ctrl-C ends all of it in order, a second one at once. Each process logs to a file of its own in the data
folder's logs, or all of them to --log-file.`,
		Args: process.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg.Sync, cfg.KeepLog, cfg.MinFree, cfg.Unsettled = node.Sync, node.KeepLog, node.MinFree, node.Unsettled
			cfg.BotsAfter, cfg.BotStrength, cfg.BotPace = node.BotsAfter, node.BotStrength, node.BotPace
			cfg.Log = p.Log
			if cfg.Nodes < 1 || cfg.Gateways < 1 { // 0 would mean the default
				return fmt.Errorf("%d nodes and %d gateways: want at least one of each", cfg.Nodes, cfg.Gateways)
			}
			if drain < 0 {
				return fmt.Errorf("--drain %v: must not be below 0", drain)
			}
			if cfg.Drain = drain; drain == 0 {
				cfg.Drain = -1 // for Config, 0 is its default
			}
			return run(cmd.Context(), cfg)
		},
	}
	stateFile, _ := cluster.StateFile() // on an error it is "", and the commands that need it report the error
	root.PersistentFlags().StringVar(&cfg.State, "state", stateFile, "state file of the cluster")
	flags := root.Flags()
	flags.IntVar(&cfg.Nodes, "nodes", 3, "game nodes")
	flags.IntVar(&cfg.Gateways, "gateways", 1, "gateways, sharing the address")
	flags.DurationVar(&drain, "drain", 2*time.Second, "when a gateway is told to end: `TIME` to serve its clients until they have gone to another one, 5s at most; 0 = send them away at once")
	flags.StringVar(&cfg.Listen, "listen", "127.0.0.1:7700", "the clients' address; a free port is taken when it is busy")
	flags.StringVar(&cfg.Data, "data", "", "data folder, kept between runs (default: a temporary one)")
	flags.StringVar(&cfg.Registry, "registry", "", "address of a Consul agent, or \"consul\" to run one (default: the embedded registry)")
	flags.StringVar(&cfg.Database, "db", "", "database: sqlite:FILE, mysql:DSN, or \"mariadb\" to run a server in the data folder (default: SQLite there)")
	node.AddTableFlags(flags)
	flags.BoolVar(&cfg.Respawn, "respawn", false, "start a process again that ended by itself")
	flags.StringVar(&cfg.Profile, "cpuprofile", "", "folder for a CPU profile of each process")
	root.AddCommand(psCommand(&cfg.State), killCommand(&cfg.State), startCommand(&cfg.State), wipeCommand(&cfg.State), levelCommand(&cfg.State), stopCommand(&cfg.State),
		keygenCommand(), registryCommand(p))
	return root
}

func run(ctx context.Context, cfg cluster.Config) error {
	executable, err := os.Executable()
	if err != nil {
		return err
	}
	cfg.Executable, cfg.Output = executable, os.Stdout
	sup, err := cluster.New(cfg)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go endWithGoRun(ctx, cancel)
	return sup.Run(ctx)
}

// endWithGoRun ends the cluster when the go command that started it is killed: `go run` does not forward
// signals (the terminal sends its own to both), so the cluster would keep running.
func endWithGoRun(ctx context.Context, end context.CancelFunc) {
	parent := os.Getppid()
	name, err := os.Readlink("/proc/" + strconv.Itoa(parent) + "/exe")
	if err != nil || filepath.Base(name) != "go" {
		return
	}
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	for os.Getppid() == parent {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
	end()
}

// running is the cluster of a state file as it is now.
func running(ctx context.Context, stateFile string) (cluster.State, error) {
	client, err := cluster.Open(stateFile)
	if err != nil {
		return cluster.State{}, err
	}
	return client.State(ctx)
}

func psCommand(state *string) *cobra.Command {
	return &cobra.Command{
		Use: "ps", Short: "Show what runs", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			now, err := running(cmd.Context(), *state)
			if err != nil {
				return err
			}
			if err := now.Print(cmd.OutOrStdout()); err != nil {
				return err
			}
			health := now.Unhealthy(cmd.Context())
			if health == "" {
				health = "healthy: every group has a leader, and all replicas are up to date"
			}
			for _, line := range append(now.Warnings(cmd.Context()), health) {
				if _, err := fmt.Fprintln(cmd.OutOrStdout(), line); err != nil {
					return err
				}
			}
			return nil
		},
	}
}

func killCommand(state *string) *cobra.Command {
	var name string
	cmd := &cobra.Command{
		Use: "kill NAME", Short: "Send a signal to a process, or to all (default: KILL)", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			signal, err := parseSignal(name)
			if err != nil {
				return err
			}
			client, err := cluster.Open(*state)
			if err != nil {
				return err
			}
			return client.Kill(cmd.Context(), args[0], signal)
		},
	}
	cmd.Flags().StringVar(&name, "signal", "KILL", "KILL, TERM, STOP, CONT or a number")
	return cmd
}

func parseSignal(s string) (syscall.Signal, error) {
	switch strings.TrimPrefix(strings.ToUpper(s), "SIG") {
	case "KILL":
		return syscall.SIGKILL, nil
	case "TERM":
		return syscall.SIGTERM, nil
	case "STOP":
		return syscall.SIGSTOP, nil
	case "CONT":
		return syscall.SIGCONT, nil
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 || n > 64 {
		return 0, fmt.Errorf("--signal %q: want KILL, TERM, STOP, CONT or 1 to 64", s)
	}
	return syscall.Signal(n), nil
}

func startCommand(state *string) *cobra.Command {
	return &cobra.Command{
		Use: "start NAME", Short: "Start a process that has ended, or all", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			client, err := cluster.Open(*state)
			if err != nil {
				return err
			}
			return client.Start(cmd.Context(), args[0])
		},
	}
}

func wipeCommand(state *string) *cobra.Command {
	return &cobra.Command{
		Use: "wipe NODE", Short: "Kill a node and delete its data folder, as if its disk was lost", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			client, err := cluster.Open(*state)
			if err != nil {
				return err
			}
			return client.Wipe(cmd.Context(), args[0])
		},
	}
}

func stopCommand(state *string) *cobra.Command {
	return &cobra.Command{
		Use: "stop", Short: "End the cluster", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			client, err := cluster.Open(*state)
			if err != nil {
				return err
			}
			return client.Stop(cmd.Context())
		},
	}
}
