// Package cluster runs a Teahouse cluster of real processes on this machine:
// registry, nodes and gateways are children of one supervisor, which starts the
// running executable again for each of them.
//
//	sup, err := cluster.New(cluster.Config{Nodes: 3, Executable: exe, …})
//	err = sup.Run(ctx)                  // until ctx ends; then nothing is left
//	c, err := cluster.Open(stateFile)   // from another process
//	err = c.Kill(ctx, "node-2", syscall.SIGKILL)
//
// Children end when the supervisor's pipe to them closes, however the supervisor ends. All listeners are
// on 127.0.0.1 unless configured otherwise. The package is for development, benchmarks and tests: a
// cluster runs on one machine only. Only deploy/local, bench and tests may import it.
package cluster
