package consul

import (
	"context"
	"fmt"
	"sync"

	"github.com/hashicorp/consul/api"

	"teahouse/registry"
)

// Register implements registry.Registry.
func (r *Registry) Register(ctx context.Context, instance registry.Instance) (registry.Registration, error) {
	if err := instance.Validate(); err != nil {
		return nil, err
	}
	if r.isClosed() {
		return nil, registry.ErrClosed // before announcing anything
	}
	reg := &registration{
		registry: r,
		instance: instance.ID,
		service:  r.describe(instance),
		outage:   outage{log: r.log, addr: r.cfg.Addr, what: "registration of " + instance.ID},
		done:     make(chan struct{}),
	}
	keepCtx, cancel := context.WithCancel(context.Background())
	reg.cancel = cancel
	r.replace(reg.instance, nil) // else its heartbeat could register it again after a restart of the agent
	known := reg.announce(ctx)
	err := r.spawn(keepCtx, func(ctx context.Context) { reg.keep(ctx, known) })
	if err != nil {
		cancel()
		return nil, err
	}
	r.replace(reg.instance, reg)
	return reg, nil
}

// replace makes reg, which may be nil, the instance's registration and ends the previous one's
// heartbeat.
func (r *Registry) replace(instance string, reg *registration) {
	r.mu.Lock()
	old := r.kept[instance]
	if reg == nil {
		delete(r.kept, instance)
	} else {
		r.kept[instance] = reg
	}
	r.mu.Unlock()
	if old != nil {
		old.close.Do(old.end) // so that its Close does nothing
	}
}

// registration is a registry.Registration.
type registration struct {
	// immutable
	registry *Registry
	instance string // its ID
	service  *api.AgentServiceRegistration
	cancel   context.CancelFunc // ends keep
	done     chan struct{}      // closed when keep has ended

	outage outage // owned by Register, then by keep

	close    sync.Once
	closeErr error // written inside close
}

// keep is the goroutine of a registration: it sends a heartbeat every third of the TTL, and
// registers again whenever the registry does not know the instance.
func (g *registration) keep(ctx context.Context, known bool) {
	defer close(g.done)
	cfg := &g.registry.cfg
	retry := backoff{min: cfg.BackoffMin, max: min(cfg.BackoffMax, max(cfg.TTL/3, cfg.BackoffMin))}
	for {
		pause := cfg.TTL / 3
		if !known {
			pause = retry.pause()
		}
		if !sleep(ctx, pause) {
			return
		}
		if known {
			known = g.beat(ctx)
		}
		// A restarted agent has forgotten the instance and says so at once, so there is no pause
		// between the failed heartbeat and the new registration.
		if !known {
			known = g.announce(ctx)
		}
		if known {
			retry.reset()
		}
	}
}

// announce registers the instance; false means that it must be tried again.
func (g *registration) announce(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, g.registry.cfg.Timeout)
	defer cancel()
	opts := api.ServiceRegisterOpts{ReplaceExistingChecks: true}.WithContext(ctx)
	return g.note(g.registry.client.Agent().ServiceRegisterOpts(g.service, opts))
}

// beat keeps the check passing; false means that the instance must be registered again.
func (g *registration) beat(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, g.registry.cfg.Timeout)
	defer cancel()
	opts := (&api.QueryOptions{}).WithContext(ctx)
	err := g.registry.client.Agent().UpdateTTLOpts(g.service.Check.CheckID, "", api.HealthPassing, opts)
	if isRefusal(err) {
		g.registry.log.Info("registry has forgotten an instance, registering it anew", "instance", g.instance, "err", err)
		return false
	}
	return g.note(err)
}

func (g *registration) note(err error) bool {
	if err != nil {
		g.outage.failed(err)
		return false
	}
	g.outage.recovered()
	return true
}

// Close implements registry.Registration.
func (g *registration) Close(ctx context.Context) error {
	g.close.Do(func() {
		g.end() // first, since it would register the instance again
		g.registry.forget(g)
		ctx, cancel := context.WithTimeout(ctx, g.registry.cfg.Timeout)
		defer cancel()
		opts := (&api.QueryOptions{}).WithContext(ctx)
		err := g.registry.client.Agent().ServiceDeregisterOpts(g.service.ID, opts)
		// An agent that does not know the instance has already dropped it.
		if err != nil && !isUnknown(err) {
			g.closeErr = fmt.Errorf("consul: deregister %s: %w", g.instance, err)
		}
	})
	return g.closeErr
}

// end stops the heartbeat and waits for it.
func (g *registration) end() {
	g.cancel()
	<-g.done
}

// forget removes a closed registration from those that a later one replaces.
func (r *Registry) forget(g *registration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.kept[g.instance] == g {
		delete(r.kept, g.instance)
	}
}
