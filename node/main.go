// Command node runs one game node of a cluster.
//
//	node --name node-1 --expect 3 --registry 127.0.0.1:8500 --db mysql:… \
//	     --data /var/lib/teahouse --secret cluster.secret --token-key session.key
//
// For a whole cluster on one machine see deploy/local.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"teahouse/node/host"
)

func main() {
	cfg := host.Config{Logger: slog.New(slog.NewTextHandler(os.Stderr, nil))}
	switch err := cfg.Flags().Parse(os.Args[1:]); {
	case errors.Is(err, flag.ErrHelp):
		return
	case err != nil:
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := host.Run(ctx, cfg); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}
