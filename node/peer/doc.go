// Package peer connects a node to the other nodes: links to all of them, their announcements of
// leaders, and calls to the leader of a group.
//
//	peers, err := peer.New(peer.Config{Link: cfg, Local: localGroup, Lost: hint})
//	peers.SetTargets(map[string]string{"node-2": "127.0.0.1:7802"})
//	response, err := peers.Call(ctx, game.Coordinator, &linkpb.Request{Method: link.MethodEnded, …})
//
// Call resends until the answer is definite, so it is only for idempotent methods, as those between
// nodes are.
//
// Requests from other nodes come in through node/ingress, on links that those nodes made. Only
// node/host may import this package; shard and coordinator see it as a small interface of their
// own.
package peer
