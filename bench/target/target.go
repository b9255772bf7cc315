// Package target is the cluster that a bench command plays on: one of this machine, by its state
// file, or any, by the address of its gateways.
//
//	t := target.Target{Addr: "10.0.0.7:7700", Status: []string{"http://10.0.0.8:7800"}}
//	addr, err := t.Open(ctx)
//
// Only the state file tells process ids, and only its supervisor breaks anything. Only bench
// imports it.
package target

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"teahouse/bench/cpu"
	"teahouse/deploy/cluster"
	"teahouse/node/host"
	"teahouse/pkg/wire"
	"teahouse/pkg/wire/wirepb"
)

// Target says where a cluster is. State or Addr must be set.
type Target struct {
	State  string   // state file of a cluster on this machine; "" = it has none
	Addr   string   // of the gateways, host:port; overrides that of the state file
	DB     string   // DSN of its database; overrides that of the state file; "" = nobody can ask it
	Status []string // addresses of its processes' status pages, where there is no state file
}

// Check says what is missing. The error begins with the name of whoever asks.
func (t Target) Check(who string) error {
	if t.State == "" && t.Addr == "" {
		return fmt.Errorf("%s: neither a state file nor the address of a gateway is given", who)
	}
	if t.Addr != "" {
		if _, _, err := net.SplitHostPort(t.Addr); err != nil {
			return fmt.Errorf("%s: address %q: want host:port", who, t.Addr)
		}
	}
	return nil
}

// Find is the address of the gateways and the database. It asks nobody.
func (t Target) Find() (addr, db string, err error) {
	if t.State == "" {
		return t.Addr, t.DB, nil
	}
	state, err := cluster.ReadState(t.State)
	if err != nil {
		return "", "", err
	}
	addr, db = state.Address, state.Database
	if t.Addr != "" {
		addr = t.Addr
	}
	if t.DB != "" {
		db = t.DB
	}
	return addr, db, nil
}

// Visible says whether the processes can be looked at.
func (t Target) Visible() bool { return t.State != "" || len(t.Status) > 0 }

// Look is a process as it says of itself.
type Look struct {
	Key  string // of this process, not of the next one under its name
	Name string
	Addr string        // of its status page, without a state file
	Role string        // node or gateway
	CPU  time.Duration // used since it began
	Node host.Status   // of a node that answers
}

// lookTimeout bounds asking one process.
const lookTimeout = 2 * time.Second

// Look asks all processes; those that do not answer are left out.
func (t Target) Look(ctx context.Context) (all []Look) {
	if t.State == "" {
		for _, page := range t.Status {
			if l, err := ask(ctx, page); err == nil {
				all = append(all, l)
			}
		}
		return all
	}
	state, err := cluster.ReadState(t.State)
	if err != nil {
		return nil // the next look may do better
	}
	statuses := t.Statuses(ctx)
	for _, p := range state.Processes {
		took, err := cpu.Process(p.PID)
		if p.PID == 0 || err != nil {
			continue
		}
		all = append(all, Look{Key: fmt.Sprint(p.PID), Name: p.Name, Role: p.Role, CPU: took, Node: statuses[p.Name]})
	}
	return all
}

// CPU is Look without what nodes say, which costs them nothing where there is a state file.
func (t Target) CPU(ctx context.Context) (all []Look) {
	if t.State == "" {
		return t.Look(ctx)
	}
	state, err := cluster.ReadState(t.State)
	if err != nil {
		return nil
	}
	for _, p := range state.Processes {
		if took, err := cpu.Process(p.PID); p.PID != 0 && err == nil {
			all = append(all, Look{Key: fmt.Sprint(p.PID), Name: p.Name, Role: p.Role, CPU: took})
		}
	}
	return all
}

// Statuses is what the nodes say of themselves, by name.
func (t Target) Statuses(ctx context.Context) map[string]host.Status {
	if t.State != "" {
		state, err := cluster.ReadState(t.State)
		if err != nil {
			return nil
		}
		return state.Statuses(ctx)
	}
	all := make(map[string]host.Status)
	for _, l := range t.Look(ctx) {
		if l.Role == "node" {
			all[l.Name] = l.Node
		}
	}
	return all
}

// Unanswered are the status pages that do not answer.
func (t Target) Unanswered(ctx context.Context) error {
	var all error
	for _, page := range t.Status {
		if _, err := ask(ctx, page); err != nil {
			all = errors.Join(all, fmt.Errorf("status page %s: %w", page, err))
		}
	}
	return all
}

func ask(ctx context.Context, page string) (l Look, err error) {
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	if !strings.Contains(page, "://") {
		page = "http://" + page
	}
	page = strings.TrimSuffix(strings.TrimSuffix(page, "/"), "/status") + "/status"
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, page, nil)
	if err != nil {
		return l, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return l, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return l, errors.New(resp.Status)
	}
	var said struct {
		Gateway string `json:"gateway"`
		host.Status
	}
	if err := json.NewDecoder(resp.Body).Decode(&said); err != nil {
		return l, err
	}
	l = Look{Key: page, Addr: req.URL.Host, CPU: time.Duration(said.Process.CPUMS) * time.Millisecond}
	switch {
	case said.Node != "":
		l.Name, l.Role, l.Node = said.Node, "node", said.Status
	case said.Gateway != "":
		l.Name, l.Role = said.Gateway, "gateway"
	default:
		return l, errors.New("neither a node nor a gateway answers there")
	}
	return l, nil
}

// patience is how long a gateway may take to greet.
const patience = 5 * time.Second

// Probe waits until a gateway greets at the address; the error says what to do.
func Probe(ctx context.Context, addr string) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		err := greet(ctx, addr)
		if err == nil {
			return nil
		}
		select {
		case <-tick.C:
			continue
		case <-ctx.Done():
		}
		if errors.Is(context.Cause(ctx), context.Canceled) {
			return ctx.Err()
		}
		return fmt.Errorf("no gateway has answered at %s for %v (%w): start a cluster with go run ./deploy/local, or name a gateway that runs with --addr HOST:PORT", addr, patience, err)
	}
}

func greet(ctx context.Context, addr string) error {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return err
	}
	defer conn.Close()
	if end, ok := ctx.Deadline(); ok {
		conn.SetDeadline(end)
	}
	hello, err := wire.AppendEnvelope(nil, &wirepb.Envelope{Body: &wirepb.Envelope_Hello{
		Hello: &wirepb.Hello{Version: wire.Version, Client: "teahouse-bench"},
	}})
	if err != nil {
		return err
	}
	if _, err := conn.Write(hello); err != nil {
		return err
	}
	body, err := wire.NewReader(conn, 16<<10, 512).Next()
	if err != nil {
		return err
	}
	e, err := wire.ParseEnvelope(body)
	if err != nil {
		return fmt.Errorf("what answers is no gateway: %w", err)
	}
	if bye := e.GetBye(); bye != nil {
		return fmt.Errorf("the gateway said goodbye: %v %s", bye.Code, bye.Detail)
	}
	if e.GetWelcome() == nil {
		return errors.New("what answers is no gateway")
	}
	return nil
}
