package systest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"teahouse/bench/failover"
	"teahouse/deploy/cluster"
	"teahouse/node/host"
	"teahouse/pkg/daemon"
	"teahouse/pkg/game"
	"teahouse/registry"
	"teahouse/registry/consul"
)

// TestConsul runs a cluster on a real Consul, whose answers decide nothing about
// who is a member (a node dies, all of Consul is away for a minute and has
// forgotten everybody then, heartbeats come too late): the play goes on.
func TestConsul(t *testing.T) {
	slow(t)
	const ttl = 5 * time.Second // the default
	dir := t.TempDir()
	agent := startConsul(t, dir, "127.0.0.1:0")
	proxy := startRegistryProxy(t, agent.Addr())
	stateFile := filepath.Join(t.TempDir(), "state.json")
	c := lossy{t, start(t, cluster.Config{Nodes: 3, State: stateFile, Registry: proxy.addr}), ""}
	state := c.state()
	began := c.statuses()
	nodes := func(n int) {
		t.Helper()
		awaitInstances(t, proxy.addr, state.Services, registry.RoleNode, n)
	}
	nodes(3)

	// Another cluster on the same agent has nodes and a gateway of the same names.
	other := lossy{t, start(t, cluster.Config{Nodes: 2, Registry: proxy.addr}), ""}.state()
	join(t, other.Address, new(atomic.Int64))
	awaitInstances(t, proxy.addr, other.Services, registry.RoleNode, 2)

	crowd := startCrowd(t, stateFile)
	t.Log("a node dies and comes back")
	c.kill("node-1")
	crowd.plays(t)
	nodes(2)
	c.start("node-1")
	nodes(3)
	c.whole()

	t.Log("Consul is away for a minute; meanwhile a node comes back at addresses that nobody hears of")
	minute := time.NewTimer(time.Minute)
	defer minute.Stop()
	agent.Kill()
	crowd.plays(t)
	c.kill("node-2")
	crowd.plays(t)
	c.start("node-2")
	<-minute.C
	crowd.plays(t)
	t.Log("it comes back and knows nobody")
	agent = startConsul(t, dir, agent.Addr())
	c.whole()
	nodes(3)
	awaitInstances(t, proxy.addr, state.Services, registry.RoleGateway, 1)

	t.Log("Consul hears no heartbeat for longer than they count")
	pause := time.NewTimer(ttl + 2*time.Second)
	defer pause.Stop()
	if err := agent.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	crowd.plays(t)
	<-pause.C
	if err := agent.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	crowd.plays(t)
	nodes(3)

	t.Log("the heartbeats of one node do not come through, again and again")
	for _, group := range []uint32{0, 1, 2} {
		name := c.leads(group)
		proxy.silence(name)
		nodes(2)
		shards := led(c.status(name).Replicas)
		crowd.plays(t)
		eventually(t, "no move unanswered on "+name, func() bool {
			return crowd.Busy(func(table game.TableID, _ string) bool { return shards[uint32(table.Shard())] }) == 0
		})
		proxy.silence("")
		nodes(3)
	}

	if sum := crowd.audited(t); sum.Disconnects != 0 {
		t.Errorf("%d disconnects", sum.Disconnects)
	}
	for name, status := range c.statuses() {
		if was := began[name]; status.Groups != was.Groups || status.Server != was.Server || len(status.Replicas) != len(was.Replicas) {
			t.Errorf("%s: %+v, in the beginning it was %+v", name, status, was)
		}
		for _, g := range status.Replicas {
			if g.Members != 3 {
				t.Errorf("%s: group %d has %d members", name, g.Group, g.Members)
			}
		}
	}
}

// TestForgetfulRegistry does it with the embedded registry: it is killed and comes
// back knowing nobody.
func TestForgetfulRegistry(t *testing.T) {
	slow(t)
	state := filepath.Join(t.TempDir(), "state.json")
	c := start(t, cluster.Config{Nodes: 3, State: state})
	f, err := failover.New(failover.Config{
		State: state, Role: failover.Registry, Tries: 1, Players: 24, Pace: 20 * time.Millisecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	r, err := f.Run(t.Context())
	if err != nil || !r.Held() || len(r.Tries) != 1 {
		t.Fatalf("%+v, %v", r, err)
	}
	now := lossy{t, c, ""}.state()
	i := slices.IndexFunc(now.Processes, func(p cluster.Process) bool { return p.Role == "registry" })
	addr := now.Processes[i].Addresses["http"]
	awaitInstances(t, addr, now.Services, registry.RoleNode, 3)
	awaitInstances(t, addr, now.Services, registry.RoleGateway, 1)
}

func startConsul(t *testing.T, dir, addr string) *daemon.Consul {
	t.Helper()
	agent, err := daemon.StartConsul(t.Context(), dir, addr)
	if errors.Is(err, daemon.ErrNotInstalled) {
		t.Skipf("SKIPPED: a cluster on a real Consul is NOT tested: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(agent.Kill)
	return agent
}

// registryProxy stands between the processes and their registry.
type registryProxy struct {
	addr   string
	silent atomic.Pointer[string] // instance whose registrations and heartbeats are lost
}

func startRegistryProxy(t *testing.T, target string) *registryProxy {
	t.Helper()
	p := &registryProxy{}
	p.silence("")
	forward := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: target})
	forward.ErrorHandler = func(http.ResponseWriter, *http.Request, error) {
		panic(http.ErrAbortHandler) // no answer is what one hears of a registry that is away
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPut {
			body, err := io.ReadAll(r.Body)
			silent := *p.silent.Load()
			if err != nil || silent != "" && (strings.HasSuffix(r.URL.Path, "."+silent) || bytes.Contains(body, []byte("."+silent+`"`))) {
				panic(http.ErrAbortHandler)
			}
			r.Body = io.NopCloser(bytes.NewReader(body))
		}
		forward.ServeHTTP(w, r)
	}))
	server.Config.ErrorLog = nil
	t.Cleanup(server.Close)
	p.addr = server.Listener.Addr().String()
	return p
}

func (p *registryProxy) silence(instance string) { p.silent.Store(&instance) }

// awaitInstances waits until a cluster has n instances of a role in the registry.
func awaitInstances(t *testing.T, addr, services, role string, n int) {
	t.Helper()
	awaitRegistry(t, addr, services, role, fmt.Sprintf("%d of role %s", n, role), func(list []registry.Instance) bool { return len(list) == n })
}

// awaitRegistry waits until the registry has such instances of a role. A state that
// passes may not be seen.
func awaitRegistry(t *testing.T, addr, services, role, what string, holds func([]registry.Instance) bool) (index uint64) {
	t.Helper()
	reg, err := consul.New(consul.Config{Addr: addr, Cluster: services})
	if err != nil {
		t.Fatal(err)
	}
	defer reg.Close()
	snapshots, err := reg.Watch(t.Context(), role)
	if err != nil {
		t.Fatal(err)
	}
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	var last []registry.Instance
	for {
		select {
		case s := <-snapshots:
			if holds(s.Instances) {
				return s.Index
			}
			last = s.Instances
		case <-deadline.C:
			t.Fatalf("waited %v for %s, there are %v", patience, what, last)
		}
	}
}

// led are the shards that a node serves.
func led(replicas []host.GroupStatus) map[uint32]bool {
	shards := make(map[uint32]bool)
	for _, g := range replicas {
		shards[g.Group] = g.Serving && g.Group != 0
	}
	return shards
}
