// Package host assembles a node: disk, database, registry, birth, Raft groups, coordinator, shards, links
// and home services, in the order in which Run starts them.
//
//	err := host.Run(ctx, host.Config{Name: "node-1", Expect: 3, Registry: "127.0.0.1:8500", …})
//
// It chooses the technologies and has no rules of the game or of matchmaking. Only node's main and
// deploy import it.
package host
