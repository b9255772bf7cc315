package failover

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"teahouse/bench/report"
	"teahouse/deploy/cluster"
	"teahouse/node/host"
	"teahouse/pkg/game"
)

func TestParseFault(t *testing.T) {
	for text, want := range map[string]Fault{"kill": {}, "stop:5s": {Stop: 5 * time.Second}, "stop:300ms": {Stop: 300 * time.Millisecond}, "kill:2s": {Down: 2 * time.Second}, "wipe": {Wipe: true}, "term": {Term: true}, "term:2s": {Term: true, Down: 2 * time.Second}} {
		got, err := ParseFault(text)
		if err != nil || got != want {
			t.Errorf("%q: %v, %v", text, got, err)
		}
		if got.String() != text {
			t.Errorf("%q is written as %q", text, got)
		}
	}
	for _, text := range []string{"", "stop", "stop:", "stop:x", "stop:-1s", "stop:0s", "KILL", "kill:", "kill:-5s", "leave:5s"} {
		if _, err := ParseFault(text); err == nil {
			t.Errorf("%q is a fault", text)
		}
	}
}

func TestQuantiles(t *testing.T) {
	if got := quantiles(nil); got != (Quantiles{}) {
		t.Error(got)
	}
	values := make([]float64, 20)
	for i := range values {
		values[i] = float64((i*7)%20 + 1)
	}
	if got, want := quantiles(values), (Quantiles{Median: 10, P99: 20, Max: 20}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if got, want := quantiles([]float64{3}), (Quantiles{Median: 3, P99: 3, Max: 3}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestHeld(t *testing.T) {
	dirty := Try{Audit: report.Audit{LostMoves: 1}}
	for name, c := range map[string]struct {
		r    Result
		want bool
	}{
		"clean":                         {Result{Tries: []Try{{}}}, true},
		"audit":                         {Result{Tries: []Try{{}, dirty}}, false},
		"audit of a repeated try":       {Result{Tries: []Try{{}}, Repeated: []Try{dirty}}, false},
		"disconnects":                   {Result{Tries: []Try{{Disconnects: 1}}, Role: Leader}, false},
		"disconnects when all is lost":  {Result{Tries: []Try{{Disconnects: 1, Resumes: 1}}, Role: All}, true},
		"disconnects at a lost gateway": {Result{Tries: []Try{{Disconnects: 1, Resumes: 1}}, Role: Gateway}, true},
		"disconnects at one that ends":  {Result{Tries: []Try{{Disconnects: 1, Resumes: 1, Fault: "term:2s"}}, Role: Gateway}, false},
		"all leave one that ends":       {Result{Tries: []Try{{Departures: 9, Fault: "term"}}, Role: Gateway}, true},
		"disconnects when all end":      {Result{Tries: []Try{{Disconnects: 1, Resumes: 1, Fault: "term"}}, Role: All}, true},
		"one does not come back":        {Result{Tries: []Try{{Disconnects: 2, Resumes: 1}}, Role: Gateway}, false},
	} {
		if got := c.r.Held(); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestStruck(t *testing.T) {
	at := 20.0
	for _, c := range []struct {
		role Role
		try  Try
		want bool
	}{
		{Leader, Try{InFlight: 1, LeaderMS: &at, AllMS: &at}, true},
		{Leader, Try{LeaderMS: &at, AllMS: &at}, false},
		{Leader, Try{InFlight: 1}, false},
		{Coordinator, Try{InFlight: 1, AllMS: &at}, false}, // only shards moved
		{Coordinator, Try{InFlight: 1, LeaderMS: &at, AllMS: &at}, true},
		{Follower, Try{InFlight: 1}, true},
		{Any, Try{InFlight: 1}, true},
		{Any, Try{}, false},
		{Gateway, Try{InFlight: 1}, true},
	} {
		if got := c.try.struck(c.role); got != c.want {
			t.Errorf("%s, %+v: %v", c.role, c.try, got)
		}
	}
}

func status(groups ...host.GroupStatus) host.Status { return host.Status{Replicas: groups} }

func TestFitting(t *testing.T) {
	state := cluster.State{Processes: []cluster.Process{
		{Name: "registry", Role: "registry", PID: 1},
		{Name: "node-1", Role: "node", PID: 2}, {Name: "node-2", Role: "node", PID: 3},
		{Name: "node-3", Role: "node", PID: 4}, {Name: "node-4", Role: "node"},
		{Name: "gateway-1", Role: "gateway", PID: 5}, {Name: "gateway-2", Role: "gateway"},
	}}
	statuses := map[string]host.Status{
		"node-1": status(host.GroupStatus{Group: 0, Serving: true}, host.GroupStatus{Group: 1, Serving: true}),
		"node-2": status(host.GroupStatus{Group: 0}, host.GroupStatus{Group: 2, Serving: true, Tables: 3}),
		"node-3": status(host.GroupStatus{Group: 3, Tables: 3}),
		"node-4": status(host.GroupStatus{Group: 3, Tables: 3}), // it does not run any more
	}
	for role, want := range map[Role][]string{
		Any: {"node-1", "node-2", "node-3"}, Leader: {"node-2"}, Coordinator: {"node-1"}, Follower: {"node-3"}, Gateway: {"gateway-1"}, Registry: {"registry"}, Database: nil,
	} {
		f := &Failover{cfg: Config{Role: role}, rand: rand.New(rand.NewPCG(1, 0))}
		if got := f.fitting(state, statuses); !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", role, got, want)
		}
	}
}

func TestServes(t *testing.T) {
	node := victim{name: "node-1", role: roleNode, groups: map[uint32]bool{0: true, 2: true}}
	behind := victim{name: "node-2", role: roleNode, follows: map[uint32]bool{2: true}}
	gateway := victim{name: "gateway-1", role: roleGateway}
	database := victim{name: "database", role: string(Database)}
	for _, c := range []struct {
		v     victim
		shard game.GroupID
		want  bool
	}{{node, 2, true}, {node, 1, false}, {behind, 2, true}, {behind, 1, false}, {gateway, 2, true}, {database, 2, true}} {
		if got := c.v.serves(game.MakeTableID(c.shard, 9), "gateway-1"); got != c.want {
			t.Errorf("%s, shard %d: %v", c.v.name, c.shard, got)
		}
	}
	if gateway.serves(game.MakeTableID(2, 9), "gateway-2") {
		t.Error("another gateway is hit")
	}
}

// Losses from before the fault, and those of other nodes, are none of its business.
func TestFirstLoss(t *testing.T) {
	began := time.UnixMicro(1_000_000)
	statuses := map[string]host.Status{
		"node-1": {Losses: []host.Loss{{Node: "node-2", AtUS: 900_000}, {Node: "node-2", AtUS: 1_009_000}}},
		"node-3": {Losses: []host.Loss{{Node: "node-1", AtUS: 1_001_000}, {Node: "node-2", AtUS: 1_007_500}}},
	}
	if got := firstLoss(statuses, "node-2", began); got == nil || *got != 7.5 {
		t.Errorf("%v", got)
	}
	if got := firstLoss(statuses, "node-3", began); got != nil {
		t.Errorf("%v", *got)
	}
}

func TestConfig(t *testing.T) {
	for _, c := range []Config{{}, {State: "x", Role: "king"}, {State: "x", Tries: -1}, {State: "x", Pace: -1},
		{State: "x", Role: Gateway, Fault: Fault{Wipe: true}}, {State: "x", Role: All, Fault: Fault{Wipe: true}}} {
		if _, err := c.withDefaults(); err == nil {
			t.Errorf("%+v is accepted", c)
		}
	}
	c, err := Config{State: "x"}.withDefaults()
	if err != nil || c.Role != Any || c.Tries != 20 || c.Players != 200 {
		t.Errorf("%+v, %v", c, err)
	}
}

func TestNoCluster(t *testing.T) {
	_, err := New(Config{State: filepath.Join(t.TempDir(), "none.json")})
	if err == nil || !strings.Contains(err.Error(), "go run ./deploy/local") {
		t.Errorf("the error should tell how to start a cluster: %v", err)
	}
}

// A supervisor that does not answer ends the run with an error, not with a result
// that looks good.
func TestDeadSupervisor(t *testing.T) {
	file := filepath.Join(t.TempDir(), "state.json")
	if err := os.WriteFile(file, fmt.Appendf(nil, `{"control": "127.0.0.1:1"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := New(Config{State: file})
	if err != nil {
		t.Fatal(err)
	}
	if r, err := f.Run(context.Background()); err == nil || len(r.Tries) != 0 {
		t.Errorf("%+v, %v", r, err)
	}
}
