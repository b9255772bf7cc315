// Package embedded is a registry server for clusters without Consul: it speaks the part of Consul's
// HTTP API that the client in package consul uses, so that the same client code runs on both.
//
//	server, err := embedded.New(embedded.Config{Addr: "127.0.0.1:7799", Logger: logger})
//	go server.Run(ctx)
//	reg, err := consul.New(consul.Config{Addr: server.Addr()})
//
// It keeps nothing on disk: after a restart it knows no instance, says so to each heartbeat, and
// the instances register themselves again within a third of their time to live. It is one process
// without replicas or authentication; the cluster keeps working while it is away.
//
// Only packages that assemble a process import this one.
package embedded

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// Server is the registry server.
type Server struct {
	// immutable
	cfg      Config
	listener net.Listener
	http     *http.Server
	book     *book

	closing chan struct{} // closed by the first Close
	done    chan struct{} // closed when Run has ended

	conns        atomic.Int64 // open connections
	refusedConns atomic.Uint64

	mu              sync.Mutex
	started, closed bool // guarded by mu
}

// New listens; requests are answered once Run is called. It returns an error if the config is wrong
// or the address is taken.
func New(cfg Config) (*Server, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", cfg.Addr)
	if err != nil {
		return nil, fmt.Errorf("embedded: %w", err)
	}
	s := &Server{
		cfg: cfg, listener: listener, book: newBook(cfg),
		closing: make(chan struct{}), done: make(chan struct{}),
	}
	s.http = &http.Server{
		Handler:   s.book.handler(),
		ConnState: s.countConn,
		// No ReadTimeout: it would end the context of a blocking query. Bodies have their own.
		ReadHeaderTimeout: 5 * time.Second,
		WriteTimeout:      maxWait + 10*time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    8 << 10,
		// net/http reports here what clients do wrong; logging that is up to them.
		ErrorLog: log.New(io.Discard, "", 0),
	}
	return s, nil
}

// Addr is the address that the server listens on, host:port.
func (s *Server) Addr() string { return s.listener.Addr().String() }

// drainTime is how long open requests may take to notice that the server is ending. They all wait
// on Run's context, so only a connection that has sent nothing yet can use it up.
const drainTime = 250 * time.Millisecond

// Run serves until ctx ends or Close is called, then returns nil with no request open and no
// goroutine left. Any other error is the listener's. Call it once; after Close it does nothing.
func (s *Server) Run(ctx context.Context) error {
	s.mu.Lock()
	started, closed := s.started, s.closed
	s.started = started || !closed
	s.mu.Unlock()
	switch {
	case started:
		return errors.New("embedded: Run called twice")
	case closed:
		return nil
	}
	defer close(s.done)

	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s.http.BaseContext = func(net.Listener) context.Context { return ctx }
	var tasks sync.WaitGroup
	tasks.Go(func() { s.book.expire(ctx) })
	var serveErr error
	tasks.Go(func() {
		defer cancel() // if the listener fails, end everything else
		if err := s.http.Serve(s.listener); !errors.Is(err, http.ErrServerClosed) {
			serveErr = fmt.Errorf("embedded: serve: %w", err)
		}
	})

	select {
	case <-ctx.Done():
	case <-s.closing:
		cancel()
	}
	drain, stop := context.WithTimeout(context.Background(), drainTime)
	defer stop()
	if s.http.Shutdown(drain) != nil {
		_ = s.http.Close() // cuts off remaining connections
	}
	tasks.Wait()
	return serveErr
}

// Close ends Run and waits for it. Watches are answered with status 503. It may be called more than
// once, and without Run.
func (s *Server) Close() error {
	s.mu.Lock()
	started, closed := s.started, s.closed
	s.closed = true
	s.mu.Unlock()
	if !closed {
		close(s.closing)
	}
	if started {
		<-s.done
		return nil
	}
	if err := s.listener.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
		return fmt.Errorf("embedded: %w", err)
	}
	return nil
}

// countConn is called for every connection; any above the bound is closed before it is read.
func (s *Server) countConn(conn net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		if s.conns.Add(1) > int64(s.cfg.MaxConns) {
			s.refusedConns.Add(1)
			_ = conn.Close()
		}
	case http.StateClosed, http.StateHijacked:
		s.conns.Add(-1)
	}
}

// Stats is a snapshot of the server's counters.
type Stats struct {
	Instances int // registered, healthy or not
	Watches   int // waiting blocking queries
	Conns     int // open connections

	RefusedInstances uint64 // registrations over MaxInstances
	RefusedWatches   uint64 // blocking queries over MaxWatches
	RefusedConns     uint64 // connections over MaxConns
	RefusedBodies    uint64 // requests over MaxBody, or unreadable
}

func (s *Server) Stats() Stats {
	stats := s.book.stats()
	stats.Conns = int(s.conns.Load())
	stats.RefusedConns = s.refusedConns.Load()
	return stats
}
