// Package host assembles a node: disk, database, registry, birth, Raft groups,
// coordinator, shards, links and home services. Run reads as that story.
//
//	err := host.Run(ctx, host.Config{Name: "node-1", Expect: 3, Registry: "127.0.0.1:8500", …})
//
// It chooses the technologies and holds no rules of its own. Only node's main
// and deploy import it.
package host
