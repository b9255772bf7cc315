package edge

import (
	"context"
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spf13/pflag"
	"go.uber.org/goleak"
	"google.golang.org/protobuf/proto"

	"teahouse/pkg/client"
	"teahouse/pkg/game"
	"teahouse/pkg/link"
	"teahouse/pkg/link/linkpb"
	"teahouse/pkg/token"
	"teahouse/pkg/wire/wirepb"
	"teahouse/registry"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	secret = []byte("0123456789abcdef")
	table  = game.MakeTableID(1, 1)
)

// fakeNode is a node that leads everything, with one table: each move is an event.
type fakeNode struct {
	t      *testing.T
	name   string
	addr   string
	term   uint64
	signer *token.Signer
	stop   context.CancelFunc
	done   chan struct{}
	gone   chan *linkpb.SessionClosed

	mu     sync.Mutex // there may be a link to each of several gateways
	epoch  uint64
	events []string // of the table
	seat   *linkpb.Push
}

func startNode(t *testing.T, name string, term uint64, signer *token.Signer) *fakeNode {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	n := &fakeNode{
		t: t, name: name, addr: ln.Addr().String(), term: term, signer: signer, stop: cancel,
		done: make(chan struct{}), gone: make(chan *linkpb.SessionClosed, 16), epoch: term * 100,
	}
	cfg := link.Config{Cluster: "c-1", Secret: secret, Name: name, Role: link.RoleNode, DeadAfter: 5 * time.Second}
	go func() {
		defer close(n.done)
		link.Serve(ctx, ln, cfg, link.Handler{
			Up: func(c *link.Conn) {
				for group := range uint32(2) {
					c.SendAnnounce(&linkpb.Announce{Group: group, Term: term})
				}
			},
			Request:       n.request,
			SessionClosed: func(_ *link.Conn, m *linkpb.SessionClosed) { n.gone <- m },
		})
	}()
	t.Cleanup(n.kill)
	return n
}

func (n *fakeNode) kill() {
	n.stop()
	<-n.done
}

func (n *fakeNode) request(c *link.Conn, r *linkpb.Request) {
	n.mu.Lock()
	defer n.mu.Unlock()
	var reply proto.Message
	var missed []uint64
	switch r.Method {
	case "auth.guest", "auth.resume":
		n.epoch++
		text, err := n.signer.Sign(token.Claims{Player: 42}, time.Now())
		if err != nil {
			n.t.Error(err)
		}
		reply = &wirepb.LoginReply{Player: 42, Epoch: n.epoch, Token: text}
	case "table.attach":
		m := &wirepb.AttachRequest{}
		if err := proto.Unmarshal(r.Payload, m); err != nil {
			n.t.Error(err)
		}
		n.seat = &linkpb.Push{Session: r.Session, Epoch: r.Epoch, Kind: wirepb.Push_EVENT, Table: r.Table}
		reply = &wirepb.AttachReply{NextNumber: uint64(len(n.events)) + 1}
		for i := m.LastEvent; i < uint64(len(n.events)); i++ {
			missed = append(missed, i+1)
		}
	case "table.move":
		m := &wirepb.MoveRequest{}
		if err := proto.Unmarshal(r.Payload, m); err != nil {
			n.t.Error(err)
		}
		if m.Number == uint64(len(n.events))+1 {
			n.events = append(n.events, string(m.Move))
			missed = []uint64{m.Number}
		}
		reply = &wirepb.MoveReply{NextNumber: m.Number + 1}
	}
	payload, err := proto.Marshal(reply)
	if err != nil {
		n.t.Error(err)
	}
	c.Respond(r.Id, &linkpb.Response{Payload: payload})
	for _, number := range missed {
		event := &wirepb.TableEvent{Body: &wirepb.TableEvent_Game{Game: []byte(n.events[number-1])}}
		p := proto.CloneOf(n.seat)
		if p.Payload, err = proto.Marshal(event); err != nil {
			n.t.Error(err)
		}
		p.Number = number
		c.SendPush(p)
	}
}

// fakeRegistry is a registry in memory.
type fakeRegistry struct {
	registered chan registry.Instance
	left       chan string

	mu      sync.Mutex
	current registry.Snapshot
	changed chan struct{} // closed and replaced by show
}

func newFakeRegistry() *fakeRegistry {
	return &fakeRegistry{registered: make(chan registry.Instance, 1), left: make(chan string, 1), changed: make(chan struct{})}
}

func (b *fakeRegistry) show(nodes ...*fakeNode) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.current = registry.Snapshot{}
	for _, n := range nodes {
		b.current.Instances = append(b.current.Instances, registry.Instance{
			ID: n.name, Name: n.name, Role: registry.RoleNode, LinkAddr: n.addr, Meta: map[string]string{ClusterMeta: "c-1"},
		})
	}
	close(b.changed)
	b.changed = make(chan struct{})
}

func (b *fakeRegistry) Watch(ctx context.Context, _ string) (<-chan registry.Snapshot, error) {
	out := make(chan registry.Snapshot)
	go func() {
		defer close(out)
		for {
			b.mu.Lock()
			s, changed := b.current, b.changed
			b.mu.Unlock()
			select {
			case out <- s:
			case <-ctx.Done():
				return
			}
			select {
			case <-changed:
			case <-ctx.Done():
				return
			}
		}
	}()
	return out, nil
}

func (b *fakeRegistry) Register(_ context.Context, i registry.Instance) (registry.Registration, error) {
	b.registered <- i
	return registration{b, i.ID}, i.Validate()
}

func (b *fakeRegistry) Close() error { return nil }

type registration struct {
	b  *fakeRegistry
	id string
}

func (r registration) Close(context.Context) error {
	r.b.left <- r.id
	return nil
}

func receive[T any](t *testing.T, from <-chan T) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(time.Minute):
		t.Fatal("nothing came")
		panic("unreachable")
	}
}

func newSigner(t *testing.T) *token.Signer {
	t.Helper()
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := token.NewSigner(key)
	if err != nil {
		t.Fatal(err)
	}
	return signer
}

// TestAGatewayFromBirthToFarewell goes through a real gateway's life: the cluster id is learned, a
// move survives the death of the leader on an open connection, and the end is announced.
func TestAGatewayFromBirthToFarewell(t *testing.T) {
	signer := newSigner(t)
	reg := newFakeRegistry()
	a := startNode(t, "node-a", 1, signer)
	reg.show(a)
	ready := make(chan map[string]string, 1)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() {
		ended <- Run(ctx, Config{
			Name: "gateway-1", Listen: "127.0.0.1:0", ReusePort: true, Registry: reg, Secret: secret, Verifier: signer.Verifier(),
			Drain: time.Second, StatusListen: "127.0.0.1:0", Ready: func(a map[string]string) { ready <- a },
		})
	}()
	defer cancel()
	addresses := receive(t, ready)
	addr := addresses["client"]
	if i := receive(t, reg.registered); i.Role != registry.RoleGateway || i.Meta["clients"] != addr {
		t.Fatalf("registered as %v", i)
	}

	patience, enough := context.WithTimeout(context.Background(), time.Minute)
	defer enough()
	if s := askStatus(t, addresses["status"]); s.Gateway != "gateway-1" || s.Process.Goroutines == 0 || s.Clients.Sessions != 0 {
		t.Errorf("the status is %+v", s)
	}

	byes := make(chan wirepb.Code, 4)
	c, err := client.Dial(patience, client.Config{Addr: addr, Hooks: client.Hooks{Received: func(e *wirepb.Envelope) {
		if e.GetBye() != nil {
			byes <- e.GetBye().Code
		}
	}}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	tab, err := c.Attach(patience, table)
	if err != nil {
		t.Fatal(err)
	}
	play := func(move string, number uint64) {
		t.Helper()
		if n, err := tab.Move(patience, 1, []byte(move)); err != nil || n != number {
			t.Fatalf("move %d: %v", n, err)
		}
		if e, err := tab.Receive(patience); err != nil || e.Number != number || string(e.Event.GetGame()) != move {
			t.Fatalf("received %v %v", e, err)
		}
	}
	play("one", 1)
	play("two", 2)

	// The leader died before it could push "three"; another node has it in its log.
	events := append(a.events, "three")
	a.kill()
	b := startNode(t, "node-b", 2, signer)
	b.events = events
	reg.show(b)
	if e, err := tab.Receive(patience); err != nil || e.Number != 3 {
		t.Fatalf("received %v %v", e, err)
	}
	if n, err := tab.Move(patience, 1, []byte("three")); err != nil || n != 3 {
		t.Fatalf("a repeated move %d: %v", n, err)
	}
	play("four", 4)
	if s := c.Stats(); s.Disconnects != 0 {
		t.Fatalf("the client noticed: %+v", s)
	}

	peers := askStatus(t, addresses["status"]).Peers
	if !slices.ContainsFunc(peers, func(p link.Contact) bool { return p.Name == "node-b" && p.Linked && p.SinceMS >= 0 }) {
		t.Errorf("the status shows the nodes %+v", peers)
	}

	other, err := client.Dial(patience, client.Config{Addr: addr, Token: c.Token()})
	if err != nil {
		t.Fatal(err)
	}
	if code := receive(t, byes); code != wirepb.Code_SUPERSEDED {
		t.Fatalf("the older session was told %v", code)
	}
	if m := receive(t, b.gone); m.Table != uint64(table) || m.Player != 42 {
		t.Fatalf("the table was told %v", m)
	}
	cancel()
	if err := receive(t, ended); err != nil {
		t.Fatal(err)
	}
	other.Close()
	if id := receive(t, reg.left); id != "gateway-1" {
		t.Fatalf("%s left the registry", id)
	}
}

func TestConfigIsChecked(t *testing.T) {
	signer := newSigner(t)
	reg := newFakeRegistry()
	good := Config{Listen: "127.0.0.1:0", Cluster: "c", Registry: reg, Secret: secret, Verifier: signer.Verifier()}
	for name, change := range map[string]func(*Config){
		"no registry":    func(c *Config) { c.Registry = nil },
		"no verifier":    func(c *Config) { c.Verifier = nil },
		"short secret":   func(c *Config) { c.Secret = secret[:5] },
		"small outbound": func(c *Config) { c.MaxOutbound = 1 },
		"bad bound":      func(c *Config) { c.MaxConns = -1 },
		"bad time":       func(c *Config) { c.CallTimeout = -1 },
		"long drain":     func(c *Config) { c.Drain = 2 * time.Hour },
		"bad address":    func(c *Config) { c.Listen = "nowhere" },
	} {
		cfg := good
		change(&cfg)
		if _, err := New(t.Context(), cfg); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
	e, err := New(t.Context(), good)
	if err != nil {
		t.Fatal(err)
	}
	e.ln.Close()
}

func TestFlags(t *testing.T) {
	dir := t.TempDir()
	if err := token.GenerateKeyFiles(dir); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "secret")
	if err := os.WriteFile(file, []byte(hex.EncodeToString(secret)+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	public := filepath.Join(dir, token.PublicFile)
	parse := func(args ...string) (Config, io.Closer, error) {
		t.Helper()
		var flags Flags
		fs := pflag.NewFlagSet("", pflag.ContinueOnError)
		flags.Add(fs)
		if err := fs.Parse(args); err != nil {
			t.Fatal(err)
		}
		return flags.Config(slog.New(slog.DiscardHandler))
	}
	cfg, closer, err := parse("--listen", "127.0.0.1:7777", "--secret-file", file, "--token-public-file", public)
	if err != nil {
		t.Fatal(err)
	}
	defer closer.Close()
	for text, want := range map[string]time.Duration{"0": -1, "3s": 3 * time.Second} {
		if c, r, err := parse("--secret-file", file, "--token-public-file", public, "--drain", text); err != nil || c.Drain != want {
			t.Errorf("--drain %s is %v, %v", text, c.Drain, err)
		} else {
			r.Close()
		}
	}
	if _, _, err := parse("--secret-file", file, "--token-public-file", public, "--drain", "-1s"); err == nil {
		t.Error("--drain -1s is taken")
	}
	if cfg.Drain != 10*time.Second || cfg.Listen != "127.0.0.1:7777" || string(cfg.Secret) != string(secret) || cfg.Verifier == nil || cfg.Registry == nil {
		t.Fatalf("%+v", cfg.Listen)
	}
	if nodes, err := link.LoadSecret(file); err != nil || string(nodes) != string(cfg.Secret) {
		t.Errorf("a node reads another secret from the same file (%v)", err)
	}
	open := filepath.Join(dir, "open")
	if err := os.WriteFile(open, []byte(hex.EncodeToString(secret)), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		secret, public, registry, cluster string
		says                              string
	}{
		{"", public, "r:1", "", "--secret-file is missing"},
		{file, "", "r:1", "", "--token-public-file is missing"},
		{filepath.Join(dir, "none"), public, "r:1", "", "keygen"},
		{file, filepath.Join(dir, "none"), "r:1", "", "keygen"},
		{open, public, "r:1", "", "chmod 600"},
		{file, filepath.Join(dir, token.SecretFile), "r:1", "", "no PEM block"},
		{file, public, "nowhere", "", "want host:port"},
		{file, public, "r:port", "", "want host:port"},
		{file, public, "ftp://r:1", "", "http, https or unix"},
		{file, public, "r:1", "No Name", "Cluster"},
	} {
		_, closer, err := parse("--secret-file", c.secret, "--token-public-file", c.public, "--registry", c.registry, "--cluster", c.cluster)
		if err == nil {
			closer.Close()
		}
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

// brokenListener fails until it is closed, as when file descriptors run out.
type brokenListener struct {
	net.Listener
	accepts chan struct{}
}

func (l *brokenListener) Accept() (net.Conn, error) {
	select {
	case l.accepts <- struct{}{}:
	default:
	}
	return nil, errors.New("out of file descriptors")
}

func TestAcceptorSurvivesFailedAccepts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ln := &brokenListener{accepts: make(chan struct{}, 16)}
		a := &acceptor{ln: ln, max: 1, log: slog.New(slog.DiscardHandler)}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- a.run(ctx) }()
		began := time.Now()
		<-ln.accepts
		<-ln.accepts
		if rest := time.Since(began); rest != acceptPause {
			t.Errorf("the second try came after %v", rest)
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

func askStatus(t *testing.T, addr string) (s Status) {
	t.Helper()
	resp, err := http.Get("http://" + addr + "/status")
	if err != nil {
		t.Fatal(err)
	}

	defer http.DefaultClient.CloseIdleConnections()
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(&s); err != nil {
		t.Fatal(err)
	}
	return s
}
