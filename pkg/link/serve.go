package link

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"
)

// maxHandshakes is how many connections may be in their handshake at once; more wait in the
// listener's backlog.
const maxHandshakes = 64

// Serve accepts links on ln until ctx ends or ln fails, then closes ln and all links and waits for
// them. There is at most one link per peer name: a newer one replaces the older, whose Handler.Down
// comes before the newer's Up. The error is nil if ctx ended it.
func Serve(ctx context.Context, ln net.Listener, cfg Config, h Handler) error {
	cfg, err := cfg.WithDefaults()
	if err != nil {
		return errors.Join(err, ln.Close())
	}
	ctx, cancel := context.WithCancel(ctx)
	s := &server{cfg: cfg, handler: h, links: make(map[string]*Conn)}
	defer s.running.Wait()
	defer ln.Close()
	defer cancel()
	stop := context.AfterFunc(ctx, func() { ln.Close() })
	defer stop()
	handshakes := make(chan struct{}, maxHandshakes)
	for {
		select {
		case handshakes <- struct{}{}:
		case <-ctx.Done():
			return nil
		}
		nc, err := ln.Accept()
		switch {
		case ctx.Err() != nil:
			if err == nil {
				nc.Close()
			}
			return nil
		case errors.Is(err, net.ErrClosed):
			return fmt.Errorf("link: listener: %w", err)
		case err != nil: // out of file descriptors, for instance: it may pass
			cfg.Logger.Error("link: accept failed", "error", err)
			<-handshakes
			pause(ctx, acceptPause)
			continue
		}
		s.running.Go(func() { s.serve(ctx, nc, func() { <-handshakes }) })
	}
}

const acceptPause = 50 * time.Millisecond

// server is one run of Serve.
type server struct {
	cfg     Config
	handler Handler
	running sync.WaitGroup

	mu    sync.Mutex
	links map[string]*Conn // by peer name; running or about to
}

// serve runs one connection from handshake to end; greeted is called when the
// handshake is over.
func (s *server) serve(ctx context.Context, nc net.Conn, greeted func()) {
	c, err := accept(ctx, s.cfg, nc, s.handler)
	greeted()
	if err != nil {
		if ctx.Err() == nil {
			s.cfg.Logger.Warn("link: handshake failed", "from", nc.RemoteAddr().String(), "error", err)
		}
		return
	}
	name := c.Peer().Name
	s.mu.Lock()
	old := s.links[name]
	s.links[name] = c
	s.mu.Unlock()
	if old != nil {
		s.cfg.Logger.Warn("link: replaced by a newer one", "peer", name)
		old.Close()
		<-old.Done()
	}
	c.start()
	select {
	case <-c.Done():
	case <-ctx.Done():
		c.Close()
		<-c.Done()
	}
	s.mu.Lock()
	if s.links[name] == c {
		delete(s.links, name)
	}
	s.mu.Unlock()
}

// pause waits for d or for ctx.
func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
