package edge

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"sync"
	"time"
)

const (
	// maxRefused is how many connections beyond Config.MaxConns may be told at the same time that
	// the server is full; any more are closed without a message.
	maxRefused = 256
	// acceptPause is the pause after an error of accept, such as running out of file descriptors.
	acceptPause = 20 * time.Millisecond
)

// acceptor accepts clients.
type acceptor struct {
	// immutable
	ln    net.Listener
	serve func(net.Conn)
	max   int
	log   *slog.Logger
}

// run accepts until ctx ends or the listener is closed, and waits until all connections are served.
// It pauses after an error so as not to spin.
func (a *acceptor) run(ctx context.Context) error {
	var serving sync.WaitGroup
	defer serving.Wait()
	seats := make(chan struct{}, a.max)
	for {
		conn, err := a.ln.Accept()
		switch {
		case errors.Is(err, net.ErrClosed):
			return nil
		case err != nil:
			a.log.Error("accept failed", "err", err)
			select {
			case <-time.After(acceptPause):
				continue
			case <-ctx.Done():
				return nil
			}
		}
		select {
		case seats <- struct{}{}:
		default:
			conn.Close()
			continue
		}
		serving.Go(func() {
			defer func() { <-seats }()
			a.serve(conn)
		})
	}
}

// listen binds the address, shared with other processes if asked.
func listen(ctx context.Context, addr string, reusePort bool) (net.Listener, error) {
	lc := net.ListenConfig{}
	if reusePort {
		lc.Control = controlReusePort
	}
	return lc.Listen(ctx, "tcp", addr)
}
