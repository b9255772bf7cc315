// Command local runs a Teahouse cluster on this machine.
//
//	go run ./deploy/local                 start it; Ctrl-C ends it
//	go run ./deploy/local ps              what runs
//	go run ./deploy/local kill node-2     kill -9
//	go run ./deploy/local start node-2    bring it back
//	go run ./deploy/local wipe node-2     kill it and delete its data; start brings it back as another server
//	go run ./deploy/local kill all        everything at once; start all brings it back
//	go run ./deploy/local stop            end it from elsewhere
//
// With --db mariadb and --registry consul it runs these too, where they are installed,
// as processes named database and registry.
//
// It is for development and benchmarks; package cluster does the work.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"teahouse/deploy/cluster"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// A second Ctrl-C ends this process at once; the others follow by their pipes.
	context.AfterFunc(ctx, stop)
	var err error
	if len(os.Args) == 2 && os.Args[1] == cluster.RoleArgument {
		err = cluster.RunRole(ctx, os.Stdin, os.Stdout)
	} else {
		err = command().ExecuteContext(ctx)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}
