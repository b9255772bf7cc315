// Package client is the Go client of a Teahouse cluster: it logs in, keeps the session alive over
// broken connections, and hides failures as far as the protocol allows.
//
//	c, err := client.Dial(ctx, client.Config{Addr: "127.0.0.1:7700", Name: "Li"})
//	defer c.Close()
//	_, err = c.Join(ctx, &wirepb.JoinRequest{Queue: "standard"})
//	id, err := c.WaitMatched(ctx)
//	t, err := c.Attach(ctx, id)
//	for {
//		ev, err := t.Receive(ctx)
//		if prompt := ev.Event.GetPrompt(); prompt != nil {
//			_, err = t.Move(ctx, ev.Number, think(prompt.Game))
//		}
//	}
//
// After a broken connection it dials again with exponential back-off and full jitter, resumes with
// its token, attaches to its tables after the last event and resends unanswered moves under their
// old numbers. So a table's events arrive exactly once, in order, and a move counts once. Event.At
// says when something happened, so that a countdown is right after a resume too.
//
// Package engine, which is pure, decides what is resent when; this package has the sockets, the
// clock and the lock around it.
//
// If its gateway announces its end, the client changes to another one between two calls, where it can
// reach one: nothing is lost then and nothing is in doubt.
//
// A client costs one goroutine, a second one while it changes gateways, and no timer per call. It
// holds no game logic and does not look into a game's payloads. Anybody may import it.
package client
