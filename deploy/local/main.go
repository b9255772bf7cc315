// Command local runs a Teahouse cluster on this machine.
//
//	go run ./deploy/local                 start it; Ctrl-C ends it
//	go run ./deploy/local ps              what runs
//	go run ./deploy/local kill node-2     kill -9
//	go run ./deploy/local start node-2    bring it back
//	go run ./deploy/local wipe node-2     kill it and delete its data; start brings it back as another server
//	go run ./deploy/local kill all        everything at once; start all brings it back
//	go run ./deploy/local stop            end it from another terminal
//	go run ./deploy/local keygen --dir D  secret and keys for a cluster by hand
//	go run ./deploy/local registry        the embedded registry alone, for a cluster by hand
//
// With --db mariadb and --registry consul it also runs these programs, if they are installed, as
// processes named database and registry.
//
// It is for development and benchmarks; package cluster does the work.
package main

import (
	"context"
	"os"

	"teahouse/deploy/cluster"
	"teahouse/pkg/process"
)

func main() {
	if len(os.Args) != 2 || os.Args[1] != cluster.RoleArgument {
		process.Main(command) // if a second Ctrl-C ends it at once, the children end because their pipes close
	}
	if err := process.Run(context.Background(), nil, func(ctx context.Context) error {
		return cluster.RunRole(ctx, os.Stdin, os.Stdout)
	}); err != nil {
		os.Exit(1) // the supervisor has been told why
	}
}
