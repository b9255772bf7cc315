// Package registrytest is the suite that every implementation of the registry must pass.
// Only tests import it.
package registrytest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"teahouse/registry"
)

// patience is how long the suite waits for an event that must come. It is generous because it
// elapses only when a test fails.
const patience = 30 * time.Second

// Run runs the suite. Each call of newRegistry makes another client of the same service, as another
// process would; clients with the same cluster see each other's instances and no others. The suite
// closes them. The time to live should be short: some tests wait for it.
func Run(t *testing.T, newRegistry func(t *testing.T, cluster string) registry.Registry) {
	s := suite{newRegistry: newRegistry}
	for _, test := range []struct {
		name string
		run  func(*testing.T, cluster)
	}{
		{"an empty role has an empty snapshot", s.empty},
		{"an instance arrives unchanged", s.roundTrip},
		{"snapshots are full and sorted", s.sorted},
		{"a closed registration is gone", s.deregister},
		{"registering again replaces", s.replace},
		{"roles are apart", s.roles},
		{"clusters are apart", s.clusters},
		{"a silent instance vanishes, a living one stays", s.expiry},
		{"a slow reader gets the newest", s.slowReader},
		{"the end of a watch closes its channel", s.watchEnds},
		{"a closed registry refuses", s.closed},
		{"invalid input is refused", s.invalid},
	} {
		t.Run(test.name, func(t *testing.T) {
			// Names are unique per run too, so services left over from an earlier run do no harm.
			name := fmt.Sprintf("t%x", time.Now().UnixNano())
			test.run(t, cluster{suite: s, name: name})
		})
	}
}

type suite struct {
	newRegistry func(t *testing.T, cluster string) registry.Registry
}

// cluster makes clients that see each other.
type cluster struct {
	suite
	name string
}

func (c cluster) client(t *testing.T) registry.Registry {
	t.Helper()
	r := c.newRegistry(t, c.name)
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Errorf("close registry: %v", err)
		}
	})
	return r
}

func node(id string) registry.Instance {
	return registry.Instance{ID: id, Name: id, Role: registry.RoleNode, LinkAddr: "127.0.0.1:7801"}
}

func register(t *testing.T, r registry.Registry, i registry.Instance) registry.Registration {
	t.Helper()
	reg, err := r.Register(t.Context(), i)
	if err != nil {
		t.Fatalf("register %s: %v", i.ID, err)
	}
	return reg
}

// watcher checks every snapshot that it receives.
type watcher struct {
	t  *testing.T
	ch <-chan registry.Snapshot
}

func watch(t *testing.T, r registry.Registry, role string) watcher {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	ch, err := r.Watch(ctx, role)
	if err != nil {
		t.Fatalf("watch %s: %v", role, err)
	}
	return watcher{t, ch}
}

// next returns the next snapshot.
func (w watcher) next() registry.Snapshot {
	w.t.Helper()
	select {
	case s, ok := <-w.ch:
		if !ok {
			w.t.Fatal("watch ended")
		}
		byID := func(a, b registry.Instance) int { return strings.Compare(a.ID, b.ID) }
		if s.Instances == nil || !slices.IsSortedFunc(s.Instances, byID) {
			w.t.Fatalf("snapshot is nil or not sorted: %v", s.Instances)
		}
		return s
	case <-time.After(patience):
		w.t.Fatal("no snapshot")
		panic("unreachable")
	}
}

// until returns the first snapshot that has exactly these ids.
func (w watcher) until(ids ...string) registry.Snapshot {
	w.t.Helper()
	for {
		if s := w.next(); slices.Equal(idsOf(s), ids) {
			return s
		}
	}
}

func idsOf(s registry.Snapshot) []string {
	ids := make([]string, len(s.Instances))
	for i, instance := range s.Instances {
		ids[i] = instance.ID
	}
	return ids
}

func (suite) empty(t *testing.T, c cluster) {
	if s := watch(t, c.client(t), registry.RoleNode).next(); len(s.Instances) != 0 {
		t.Errorf("somebody is there: %v", s.Instances)
	}
}

func (suite) roundTrip(t *testing.T, c cluster) {
	full := registry.Instance{
		ID: "node-1.a_B", Name: "node-1", Role: registry.RoleNode,
		LinkAddr: "[::1]:7801", RaftAddr: "127.0.0.1:7901",
		Meta: map[string]string{"server_id": "node-1-5f3a", "zone": "东", "weight": "2", "empty": ""},
	}
	bare := registry.Instance{ID: "gateway-1", Name: "gateway-1", Role: registry.RoleGateway}
	writer, reader := c.client(t), c.client(t)
	for _, want := range []registry.Instance{full, bare} {
		register(t, writer, want)
		got := watch(t, reader, want.Role).until(want.ID).Instances[0]
		if !got.Equal(want) {
			t.Errorf("got %+v, want %+v", got, want)
		}
	}
}

func (suite) sorted(t *testing.T, c cluster) {
	w := watch(t, c.client(t), registry.RoleNode)
	register(t, c.client(t), node("n2"))
	w.until("n2")
	register(t, c.client(t), node("n3"))
	w.until("n2", "n3")
	register(t, c.client(t), node("n1"))
	w.until("n1", "n2", "n3")
}

func (suite) deregister(t *testing.T, c cluster) {
	r := c.client(t)
	w := watch(t, c.client(t), registry.RoleNode)
	stays, goes := register(t, r, node("stays")), register(t, r, node("goes"))
	w.until("goes", "stays")
	for range 2 { // the second Close does nothing
		if err := goes.Close(t.Context()); err != nil {
			t.Fatalf("close: %v", err)
		}
	}
	w.until("stays")
	if err := stays.Close(t.Context()); err != nil {
		t.Fatalf("close: %v", err)
	}
	w.until()
}

func (suite) replace(t *testing.T, c cluster) {
	first := node("n1")
	second := first
	second.LinkAddr, second.Meta = "127.0.0.1:7999", map[string]string{"weight": "3"}
	r := c.client(t)
	w := watch(t, c.client(t), registry.RoleNode)
	register(t, r, first)
	if got := w.until("n1").Instances[0]; !got.Equal(first) {
		t.Fatalf("got %+v, want %+v", got, first)
	}
	register(t, c.client(t), second)
	if got := w.until("n1").Instances[0]; !got.Equal(second) {
		t.Errorf("got %+v, want %+v", got, second)
	}
}

func (suite) roles(t *testing.T, c cluster) {
	r := c.client(t)
	gateway := node("g1")
	gateway.Role = registry.RoleGateway
	register(t, r, node("n1"))
	register(t, r, gateway)
	watch(t, r, registry.RoleNode).until("n1")
	watch(t, r, registry.RoleGateway).until("g1")
}

func (suite) clusters(t *testing.T, c cluster) {
	other := cluster{suite: c.suite, name: c.name + "-other"}
	mine, theirs := node("node-1"), node("node-1")
	theirs.LinkAddr = "127.0.0.1:7999"
	register(t, c.client(t), mine)
	leaves := register(t, other.client(t), theirs)
	w, theirW := watch(t, c.client(t), registry.RoleNode), watch(t, other.client(t), registry.RoleNode)
	if got := w.until("node-1").Instances[0]; !got.Equal(mine) {
		t.Errorf("got %+v, want %+v", got, mine)
	}
	if got := theirW.until("node-1").Instances[0]; !got.Equal(theirs) {
		t.Errorf("of the other cluster: got %+v, want %+v", got, theirs)
	}
	if err := leaves.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	theirW.until()
	if got := idsOf(watch(t, c.client(t), registry.RoleNode).next()); !slices.Equal(got, []string{"node-1"}) {
		t.Errorf("after somebody left the other cluster: %v", got)
	}
}

// expiry waits, twice, until an instance whose process has died is gone; by then the other one's
// heartbeats must have kept it beyond its own time to live.
func (suite) expiry(t *testing.T, c cluster) {
	alive := c.client(t)
	w := watch(t, alive, registry.RoleNode)
	register(t, alive, node("alive"))
	w.until("alive")
	for _, id := range []string{"dead-1", "dead-2"} {
		crashes := c.client(t)
		register(t, crashes, node(id))
		w.until("alive", id)
		if err := crashes.Close(); err != nil {
			t.Fatal(err)
		}
		if got := idsOf(w.next()); !slices.Equal(got, []string{"alive"}) {
			t.Fatalf("after the death of %s: %v", id, got)
		}
	}
}

func (suite) slowReader(t *testing.T, c cluster) {
	r := c.client(t)
	slow, quick := watch(t, r, registry.RoleNode), watch(t, r, registry.RoleNode)
	slow.next() // empty; it reads nothing from now on
	quick.until()
	var want []string
	for i := range 5 {
		id := fmt.Sprintf("n%d", i)
		want = append(want, id)
		register(t, r, node(id))
		quick.until(want...)
	}
	// The slow watch is a separate query, which may lag a step behind the quick one, but it never
	// returns more than the one snapshot that was kept and those after it.
	for reads := 1; ; reads++ {
		if slices.Equal(idsOf(slow.next()), want) {
			break
		}
		if reads == len(want) {
			t.Fatal("the newest snapshot was lost")
		}
	}
}

func (suite) watchEnds(t *testing.T, c cluster) {
	r := c.client(t)
	ctx, cancel := context.WithCancel(t.Context())
	byContext, err := r.Watch(ctx, registry.RoleNode)
	if err != nil {
		t.Fatal(err)
	}
	byClose := watch(t, r, registry.RoleNode)
	byClose.next()
	cancel()
	waitClosed(t, byContext)
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	waitClosed(t, byClose.ch)
}

func waitClosed(t *testing.T, ch <-chan registry.Snapshot) {
	t.Helper()
	deadline := time.After(patience)
	for {
		select {
		case _, ok := <-ch:
			if !ok {
				return
			}
		case <-deadline:
			t.Fatal("channel still open")
		}
	}
}

func (suite) closed(t *testing.T, c cluster) {
	r := c.client(t)
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Register(t.Context(), node("late")); !errors.Is(err, registry.ErrClosed) {
		t.Errorf("register: %v, want ErrClosed", err)
	}
	if _, err := r.Watch(t.Context(), registry.RoleNode); !errors.Is(err, registry.ErrClosed) {
		t.Errorf("watch: %v, want ErrClosed", err)
	}
	if s := watch(t, c.client(t), registry.RoleNode).next(); len(s.Instances) != 0 {
		t.Errorf("registered all the same: %v", s.Instances)
	}
}

func (suite) invalid(t *testing.T, c cluster) {
	r := c.client(t)
	bad := node("n1")
	bad.ID = "../../kv/x"
	if _, err := r.Register(t.Context(), bad); !errors.Is(err, registry.ErrInvalidInstance) {
		t.Errorf("register: %v, want ErrInvalidInstance", err)
	}
	if _, err := r.Watch(t.Context(), "dealer"); !errors.Is(err, registry.ErrInvalidRole) {
		t.Errorf("watch: %v, want ErrInvalidRole", err)
	}
}
