// Package edge assembles a gateway process: the listener for clients, the sessions, the links to
// the nodes.
//
//	cfg := edge.Config{Registry: reg, Secret: secret, Verifier: verifier}
//	err := edge.Run(ctx, cfg) // until ctx ends
//
// A gateway keeps no state that matters: a client may come back through any other. This is the only
// package of the gateway that chooses technologies. Only gateway/main.go and deploy import it.
package edge

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"teahouse/gateway/session"
	"teahouse/gateway/upstream"
	"teahouse/pkg/link"
	"teahouse/pkg/status"
	"teahouse/registry"
)

// Edge is one gateway. Make it with New; Run it once.
type Edge struct {
	cfg      Config
	hub      *session.Hub
	up       *upstream.Upstream
	ln       net.Listener
	statuses net.Listener // nil = no status page
}

// Stats counts what a gateway does.
type Stats struct {
	Clients session.Stats
	Nodes   upstream.Stats
}

// Status is what a gateway reports at /status. It shows no player.
type Status struct {
	Gateway string         `json:"gateway"`
	Process status.Process `json:"process"`
	Stats
	Peers []link.Contact `json:"peers"` // the nodes that links are kept to
}

// Run is New and Edge.Run.
func Run(ctx context.Context, cfg Config) error {
	e, err := New(ctx, cfg)
	if err != nil {
		return err
	}
	return e.Run(ctx)
}

// New binds the address and waits until the cluster id is known. Clients that connect meanwhile
// wait in the listener's backlog.
func New(ctx context.Context, cfg Config) (_ *Edge, err error) {
	cfg, err = cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	e := &Edge{cfg: cfg}
	if e.ln, err = listen(ctx, cfg.Listen, cfg.ReusePort); err != nil {
		return nil, fmt.Errorf("edge: %w", err)
	}
	defer func() {
		if err != nil {
			e.ln.Close()
			if e.statuses != nil {
				e.statuses.Close()
			}
		}
	}()
	if cfg.StatusListen != "" {
		if e.statuses, err = listen(ctx, cfg.StatusListen, false); err != nil {
			return nil, fmt.Errorf("edge: status: %w", err)
		}
	}
	cluster := cfg.Cluster
	if cluster == "" {
		cfg.Logger.Info("waiting for a node to tell the cluster's id", "addr", e.Addr(), "gateway", cfg.Name)
		if cluster, err = learnCluster(ctx, cfg.Registry); err != nil {
			return nil, fmt.Errorf("edge: cluster id: %w", err)
		}
	}

	// Sessions call upstream and upstream pushes to sessions, so one of them gets the other late;
	// neither runs before both exist.
	late := &lateUpstream{}
	e.hub, err = session.NewHub(session.Config{
		Gateway: cfg.Name, Verifier: cfg.Verifier, Limits: cfg.Limits,
		MaxSessions: cfg.MaxConns, MaxOutbound: cfg.MaxOutbound, Logger: cfg.Logger,
	}, late)
	if err != nil {
		return nil, err
	}
	e.up, err = upstream.New(upstream.Config{
		Link:     link.Config{Cluster: cluster, Secret: cfg.Secret, Name: cfg.Name},
		Registry: cfg.Registry, MaxParked: cfg.MaxParked, Timeout: cfg.CallTimeout, Logger: cfg.Logger,
	}, e.hub)
	if err != nil {
		return nil, err
	}
	late.Upstream = e.up
	return e, nil
}

type lateUpstream struct{ *upstream.Upstream }

// Addr is the bound address.
func (e *Edge) Addr() string { return e.ln.Addr().String() }

func (e *Edge) Stats() Stats { return Stats{Clients: e.hub.Stats(), Nodes: e.up.Stats()} }

func (e *Edge) status() any {
	return Status{Gateway: e.cfg.Name, Process: status.Now(), Stats: e.Stats(), Peers: e.up.Contacts()}
}

// Run serves clients until ctx ends. Then it takes no new ones, leaves the registry, tells those that
// it has that it is going away, and serves them for Config.Drain, or until all have gone. A Bye to who
// is left ends it. The error is nil if ctx ended it.
func (e *Edge) Run(ctx context.Context) error {
	// Clients are served until the farewell is over, so beyond ctx.
	inner, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	var background sync.WaitGroup
	defer background.Wait()
	defer stop()
	failed := make(chan error, 3)
	background.Go(func() {
		if err := e.up.Run(inner); err != nil {
			failed <- err
		}
	})
	background.Go(func() { e.hub.Run(inner) })

	clients := &acceptor{ln: e.ln, serve: e.hub.Serve, max: e.cfg.MaxConns + maxRefused, log: e.cfg.Logger}
	background.Go(func() {
		if err := clients.run(ctx); err != nil {
			failed <- err
		}
	})
	addresses := map[string]string{"client": e.Addr()}
	if e.statuses != nil {
		addresses["status"] = e.statuses.Addr().String()
		mux := http.NewServeMux()
		mux.Handle("GET /status", status.Handler(e.status))
		status.Probes(mux, func() []string {
			if ctx.Err() != nil {
				return []string{"leaving"}
			}
			return e.up.Missing()
		})
		background.Go(func() {
			if err := status.Serve(inner, e.statuses, mux); err != nil {
				failed <- err
			}
		})
	}
	e.cfg.Logger.Info("clients are welcome", "addr", e.Addr(), "status", addresses["status"], "gateway", e.cfg.Name)
	if e.cfg.Ready != nil {
		e.cfg.Ready(addresses)
	}

	registration, err := e.cfg.Registry.Register(ctx, registry.Instance{
		ID: e.cfg.Name, Name: e.cfg.Name, Role: registry.RoleGateway,
		Meta: map[string]string{"clients": e.Addr()},
	})
	if err == nil {
		select {
		case err = <-failed:
		case <-ctx.Done():
		}
	} else if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		err = nil // it was to end before the registry had answered
	}
	// Network first: no new clients, then the farewell, and the links last, because they carry the
	// news of who has left to the tables.
	e.ln.Close()
	left := make(chan error, 1)
	background.Go(func() { left <- deregister(inner, registration) })
	if err == nil && e.cfg.Drain > 0 && !closed(e.cfg.Hurry) {
		err = e.goAway(inner, failed)
	}
	bye, cancel := context.WithTimeout(inner, farewell)
	defer cancel()
	e.hub.Drain(bye)
	if err = errors.Join(err, <-left); err != nil {
		return fmt.Errorf("edge: %w", err)
	}
	return nil
}

func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// farewell bounds the last words to clients, and to the registry.
const farewell = 2 * time.Second

func deregister(ctx context.Context, r registry.Registration) error {
	if r == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, farewell)
	defer cancel()
	return r.Close(ctx)
}

// goAway serves the clients until they have gone elsewhere, for at most Config.Drain. An error is one
// of failed, and ends it.
func (e *Edge) goAway(ctx context.Context, failed <-chan error) (err error) {
	ctx, over := context.WithCancel(ctx)
	var watching sync.WaitGroup
	watching.Go(func() {
		defer over()
		select {
		case err = <-failed:
		case <-e.cfg.Hurry:
		case <-ctx.Done():
		}
	})
	began, clients := time.Now(), e.hub.Len()
	e.hub.GoAway(ctx, e.cfg.Drain)
	over()
	watching.Wait()
	e.cfg.Logger.Info("going away", "clients", clients, "left", e.hub.Len(), "after", time.Since(began))
	return err
}

// learnCluster waits until a registered node carries the cluster id.
func learnCluster(ctx context.Context, reg registry.Registry) (string, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	snapshots, err := reg.Watch(ctx, registry.RoleNode)
	if err != nil {
		return "", err
	}
	for s := range snapshots {
		for _, i := range s.Instances {
			if id := i.Meta[ClusterMeta]; id != "" {
				return id, nil
			}
		}
	}
	return "", errors.Join(errors.New("no node has told it"), ctx.Err())
}
