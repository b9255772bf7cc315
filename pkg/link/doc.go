// Package link carries calls and pushes between a gateway and a node, or between two nodes: one
// connection for many sessions, authenticated, bounded, batched.
//
//	cfg := link.Config{Cluster: id, Secret: secret, Name: "node-1", Role: link.RoleNode}
//	conn, err := link.Dial(ctx, cfg, "127.0.0.1:7801", link.Handler{Push: onPush})
//	response, err := conn.Call(ctx, &linkpb.Request{Method: "queue.join", …})
//
// # Handshake
//
//	dialer                        acceptor
//	Challenge{cluster, name, nonce} →
//	                              ← Challenge{cluster, name, nonce}  or Proof{refused}
//	Proof{mac}                    →
//	                              ← Proof{mac}                       or Proof{refused}
//
// A mac is HMAC-SHA256 under the cluster secret over the direction and both Challenges. The
// acceptor sends its own only after the dialer's was right, so a stranger gets nothing to test
// guesses of the secret on. The link is authenticated but not encrypted: run it in a network that
// is trusted not to change packets.
//
// # Frames
//
// Frames are those of pkg/wire, with a linkpb.Frame as body, in the order in which they were sent.
// Senders encode straight into one pending buffer; the writer writes all of it with one system
// call, so load forms batches by itself. The buffer is bounded in frames and bytes: beyond that the
// sender gets ErrFull, nothing is sent, and it is counted.
//
// # A broken link
//
// Each side sends a Ping when it has sent nothing else for PingEvery, so a peer that is silent for
// DeadAfter is gone; a closed connection is noticed at once. However the link ended, all its open
// calls fail with ErrBroken: their outcome is unknown.
//
// Pool keeps links to a changing set of addresses, Serve accepts them, Leaders collects what
// Announce frames say, Contacts when peers were last heard. The package does not retry calls and
// knows nothing of methods. Gateway and node packages may import it.
package link
