// Package upstream is the gateway's side of the links to all nodes. It keeps a link to each node
// that the registry has proposed, merges their announcements into the routing snapshot, and brings
// every call to the node that executes it now.
//
//	up, err := upstream.New(upstream.Config{Link: …, Registry: reg}, sink)
//	go up.Run(ctx)
//	up.Call(&linkpb.Request{Method: "table.move", Table: id, …}, wirepb.Scope_TABLE, func(r *linkpb.Response) { … })
//
// A call whose executor is unknown is parked, bounded in number and time, and sent when the
// executor announces itself. A call in flight is parked again when its link breaks or the answer is
// NOT_LEADER, and is sent to a new leader as soon as one announces itself. That is safe because a
// move that is sent twice is applied once, and so is a queue command; only the answer to the newest
// attempt counts, so a login that was sent twice ends with the higher epoch. The calls of one group
// are resent in order of arrival.
//
// A call costs no goroutine and no timer. The package does not know what calls mean and holds no
// sessions: pushes and news go to the Sink. Only packages of the gateway may import it.
package upstream
