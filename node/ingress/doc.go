// Package ingress is a node's front door: it accepts the links of gateways and of other nodes on
// one port, and passes each request to its handler.
//
//	in, err := ingress.New(ingress.Config{Link: cfg, Methods: wire.NewMethods(), Services: services})
//	in.SetGroup(game.Coordinator, coordinator)
//	in.SetGroup(7, shard)
//	err = in.Serve(ctx, listener)
//
// A method's scope in the protocol says who executes it: TABLE is the group in the table id,
// CLUSTER the coordinator's group, SESSION the service of that name. Calls between nodes
// (cluster.proto) are routed the same way, but only accepted from nodes. A group that does not run
// here answers NOT_LEADER.
//
// In the other direction it keeps the links by peer name: pushes go to a gateway, announcements and
// the member list to everybody, and first of all on each new link.
//
// If a peer does not read and its link's queue is full, the link is broken: a gap in the pushes or
// a lost response would be worse than a new link, on which everything is asked for again.
//
// It executes nothing itself and retries nothing. Only node/host may import it.
package ingress
