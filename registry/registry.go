// Package registry is the contract of service discovery: which processes exist, and at which
// addresses.
//
// A process registers itself once and watches the role that it needs:
//
//	registration, err := reg.Register(ctx, registry.Instance{
//		ID: "node-1", Name: "node-1", Role: registry.RoleNode, LinkAddr: "127.0.0.1:7801",
//	})
//	...
//	defer registration.Close(ctx)
//
//	snapshots, err := reg.Watch(ctx, registry.RoleNode)
//	for snapshot := range snapshots {
//		// snapshot.Instances lists all live instances
//	}
//
// The registry only proposes; the member list in the coordinator's log decides. So users of
// snapshots must not take absence for death: a missing instance may be alive (the registry was
// restarted and knows no instance yet), and an empty snapshot changes nothing. While the registry
// is unreachable no snapshot comes, and the last one stays in force.
//
// Implementations are in the sub-packages: consul talks to a Consul agent, and embedded is a server
// for that same client, for clusters without Consul. Package registrytest holds the suite that both
// must pass. Anybody may import this package; only the packages that assemble a process choose an
// implementation.
package registry

import "context"

// Registry is a connection to the discovery service. Its methods may be called from any
// goroutine.
type Registry interface {
	// Register announces the instance and keeps it announced, by heartbeats and if necessary by
	// registering again, until the Registration or the Registry is closed.
	//
	// The first attempt is made before Register returns, bounded by ctx. It is no error if the
	// registry cannot be reached: the attempts continue in the background, since a process must be
	// able to start without its registry. Errors are ErrInvalidInstance and ErrClosed. An instance
	// that is already registered under the same ID is replaced.
	Register(ctx context.Context, instance Instance) (Registration, error)

	// Watch sends the full list of the role's healthy instances: once as soon as the registry has
	// answered, then after every change. The channel holds one snapshot; a slow reader misses
	// intermediate snapshots, never the newest. It is closed when ctx ends or the Registry is
	// closed. Errors are ErrInvalidRole and ErrClosed.
	Watch(ctx context.Context, role string) (<-chan Snapshot, error)

	// Close ends all watches and heartbeats and waits for them. It does not remove the registered
	// instances: as after a crash, they vanish when their time to live is over. Close their
	// Registrations first to leave cleanly.
	Close() error
}

// Registration is an announced instance.
type Registration interface {
	// Close ends the heartbeats, waits for them, and removes the instance from the registry. It
	// returns an error if the registry could not be reached before ctx ended; the instance then
	// vanishes when its time to live is over. Later calls do nothing.
	Close(ctx context.Context) error
}

// Snapshot lists all live instances. It is shared between readers: do not modify it.
type Snapshot struct {
	// Index is the registry's own version of this list. It may go backwards when the registry
	// restarts, so use it in logs, not for comparing.
	Index uint64
	// Instances is sorted by ID. It is empty, not nil, when there are none.
	Instances []Instance
}
