// Package consul is the registry on a Consul agent, or on anything that speaks the same part of its
// HTTP API, such as package embedded.
//
//	reg, err := consul.New(consul.Config{Addr: "127.0.0.1:8500", Logger: logger})
//	defer reg.Close()
//
// An instance is a service "<cluster>-<role>" with the ID "<cluster>.<id>" and a TTL check, kept
// passing by a heartbeat and registered again whenever the agent does not know it. A watch is a
// chain of blocking queries for the passing instances; while the agent is unreachable the watch
// stays silent and retries with growing pauses, and the last snapshot stays in force.
//
// The agent is trusted: its answers are bounded in size, not authenticated. Only packages that
// assemble a process import this one.
package consul

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/hashicorp/consul/api"

	"teahouse/registry"
)

// maxAnswer bounds the body of one answer of the agent, in bytes: room for several thousand
// instances.
const maxAnswer = 16 << 20

// Registry is a registry.Registry.
type Registry struct {
	// immutable
	cfg       Config
	client    *api.Client
	transport http.RoundTripper
	log       *slog.Logger

	tasks sync.WaitGroup // grows under mu, and not once closed is set

	mu      sync.Mutex
	closed  bool                          // guarded by mu
	cancels map[uint64]context.CancelFunc // guarded by mu; by number of the running task
	started uint64                        // guarded by mu; the number of the newest task
	kept    map[string]*registration      // guarded by mu; by instance ID, those with a heartbeat
}

var _ registry.Registry = (*Registry)(nil)

// New returns a Registry; nothing is sent yet. The error names the invalid field of cfg.
func New(cfg Config) (*Registry, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	transport := cfg.Transport
	if transport == nil {
		own := http.DefaultTransport.(*http.Transport).Clone()
		own.Proxy = nil // an agent is nearby; a proxy would cut off blocking queries
		own.MaxIdleConnsPerHost = 4
		transport = own
	}
	client, err := api.NewClient(&api.Config{
		Address:    cfg.Addr,
		Token:      cfg.Token,
		HttpClient: &http.Client{Transport: boundedTransport{transport}},
	})
	if err != nil {
		return nil, fmt.Errorf("consul: %w", err)
	}
	return &Registry{
		cfg: cfg, client: client, transport: transport, log: cfg.Logger,
		cancels: map[uint64]context.CancelFunc{}, kept: map[string]*registration{},
	}, nil
}

// Close implements registry.Registry.
func (r *Registry) Close() error {
	r.mu.Lock()
	r.closed = true
	for _, cancel := range r.cancels {
		cancel()
	}
	r.mu.Unlock()
	r.tasks.Wait()
	if r.cfg.Transport == nil {
		r.transport.(*http.Transport).CloseIdleConnections()
	}
	return nil
}

func (r *Registry) isClosed() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.closed
}

// spawn runs a task that Close waits for. The task must end when its context does, which is when
// ctx ends or the Registry is closed.
func (r *Registry) spawn(ctx context.Context, task func(context.Context)) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return registry.ErrClosed
	}
	ctx, cancel := context.WithCancel(ctx)
	r.started++
	number := r.started
	r.cancels[number] = cancel
	r.tasks.Go(func() {
		task(ctx)
		cancel()
		r.mu.Lock()
		delete(r.cancels, number)
		r.mu.Unlock()
	})
	return nil
}

func (r *Registry) service(role string) string { return r.cfg.Cluster + "-" + role }

// boundedTransport cuts off answers that are longer than maxAnswer.
type boundedTransport struct{ next http.RoundTripper }

func (t boundedTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := t.next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	resp.Body = http.MaxBytesReader(nil, resp.Body, maxAnswer)
	return resp, nil
}

// outage logs the first of consecutive failures and their end, so that a registry that is away for
// an hour does not fill the log.
type outage struct {
	log      *slog.Logger
	addr     string // of the registry
	what     string
	since    time.Time
	failures int
}

func (o *outage) failed(err error) {
	o.failures++
	if o.failures == 1 {
		o.since = time.Now()
		o.log.Warn("registry out of reach, will keep trying; is a Consul agent or the embedded registry there?", "addr", o.addr, "what", o.what, "err", err)
	}
}

func (o *outage) recovered() {
	if o.failures > 0 {
		o.log.Info("registry back", "what", o.what, "after", time.Since(o.since), "failures", o.failures)
	}
	o.failures = 0
}

// isRefusal reports whether the agent answered with a refusal.
func isRefusal(err error) bool {
	_, ok := errors.AsType[api.StatusError](err)
	return ok
}

// isUnknown reports whether the agent does not know what it was asked about.
func isUnknown(err error) bool {
	status, ok := errors.AsType[api.StatusError](err)
	return ok && status.Code == http.StatusNotFound
}
