// Command gateway is the process that clients connect to. Run it with -h for its flags.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"teahouse/gateway/edge"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "gateway:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	cfg, registry, err := edge.FromFlags(os.Args[1:], os.Stderr)
	if err != nil {
		return err
	}
	defer registry.Close()
	return edge.Run(ctx, cfg)
}
