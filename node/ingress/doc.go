// Package ingress is a node's front door: it accepts the links of gateways and of
// other nodes on one port, and hands each request to who executes it.
//
//	in, err := ingress.New(ingress.Config{Link: cfg, Methods: wire.NewMethods(), Services: services})
//	in.SetGroup(game.Coordinator, coordinator)
//	in.SetGroup(7, shard)
//	err = in.Serve(ctx, listener)
//
// Who executes a method is said by its scope in the protocol: TABLE goes to the
// group in the table id, CLUSTER to the coordinator's group, SESSION to the service of that
// name. The calls between nodes (cluster.proto) go the same ways, but only from nodes. A group
// that does not run here answers NOT_LEADER.
//
// In the other direction it keeps the links by peer name: pushes to a gateway, and
// announcements and the member list to everybody, first of all on each new link.
//
// A peer that does not read its link has it broken when the link's queue is full: pushes with a
// hole, or a lost response, would be worse than a fresh link, on which everything is asked for again.
//
// It executes nothing itself and retries nothing. Only node/host may import it.
package ingress
