// Package peer is a node's own way to the other nodes: links to all of them,
// what they announce about leaders, and calls to the leader of a group.
//
//	peers, err := peer.New(peer.Config{Link: cfg, Local: localGroup, Lost: hint})
//	peers.SetTargets(map[string]string{"node-2": "127.0.0.1:7802"})
//	response, err := peers.Call(ctx, game.Coordinator, &linkpb.Request{Method: link.MethodEnded, …})
//
// Call sends again until the answer is definite, so it is only for methods that
// may be repeated, as those between nodes are.
//
// Requests from other nodes come in through node/ingress, on links that those
// nodes made. Only node/host may import this package; shard and coordinator see it as a
// small interface of their own.
package peer
