// Package client is the Go client of a Teahouse cluster: it logs in, keeps the session alive
// over broken connections, and hides failures as far as the protocol allows.
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
// After a broken connection it dials again with exponential back-off and full jitter,
// resumes with its token, attaches to its tables from the last event on and sends unanswered
// moves again under their old numbers, so that a table's events come exactly once, in order,
// and a move counts once.
//
// What is sent again when is decided in package engine, which is pure; here are the sockets, the
// clock and the lock around it.
//
// A client costs one goroutine and no timer per call. It holds no game logic and does not
// look into what a game puts in its messages. Anybody may import it.
package client
