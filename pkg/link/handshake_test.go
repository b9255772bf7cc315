package link

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/protobuf/proto"

	"teahouse/pkg/link/linkpb"
	"teahouse/pkg/versions"
	"teahouse/pkg/wire"
)

func TestHandshakeRefusals(t *testing.T) {
	for name, test := range map[string]struct {
		spoil func(*Config) // the dialer's
		why   string
	}{
		"secret":    {func(c *Config) { c.Secret = []byte("another secret of enough bytes") }, secretMismatch},
		"cluster":   {func(c *Config) { c.Cluster = "c2" }, "another cluster"},
		"same name": {func(c *Config) { c.Name = "node-1" }, "same name"},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := gatewayConfig()
			test.spoil(&cfg)
			dialed, accepted := tcpPair(t)
			_, _, derr, aerr := shake(cfg, nodeConfig(), dialed, accepted, Handler{}, Handler{})
			for side, err := range map[string]error{"dialer": derr, "acceptor": aerr} {
				if !errors.Is(err, ErrRefused) || !strings.Contains(err.Error(), test.why) {
					t.Errorf("%s: %v, want %q", side, err, test.why)
				}
			}
			for _, nc := range []net.Conn{dialed, accepted} {
				if _, err := nc.Read(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
					t.Errorf("the connection is still open: %v", err)
				}
			}
		})
	}
}

func TestHandshakeWantsName(t *testing.T) {
	dialed, accepted := tcpPair(t)
	cfg, err := gatewayConfig().WithDefaults()
	if err != nil {
		t.Fatal(err)
	}
	acc := make(chan error, 1)
	go func() {
		_, err := accept(context.Background(), nodeConfig(), accepted, Handler{})
		acc <- err
	}()
	if _, err := connect(t.Context(), cfg, dialed, "node-2", Handler{}); !errors.Is(err, ErrRefused) {
		t.Errorf("node-1 was accepted as node-2: %v", err)
	}
	if err := <-acc; err == nil {
		t.Error("the acceptor has a link")
	}
}

// Whatever a stranger sends, both sides end with an error, and no acceptor shows a mac before it
// has seen one.
func TestHandshakeGarbage(t *testing.T) {
	challenge := func(spoil func(*linkpb.Challenge)) []byte {
		c := &linkpb.Challenge{Version: 1, Cluster: "c1", Name: "x", Role: RoleNode, Nonce: make([]byte, nonceLen)}
		spoil(c)
		buf, err := wire.AppendFrame(nil, &linkpb.Frame{Body: &linkpb.Frame_Challenge{Challenge: c}})
		if err != nil {
			t.Fatal(err)
		}
		return buf
	}
	proof := func(mac []byte) []byte {
		buf, err := wire.AppendFrame(nil, &linkpb.Frame{Body: &linkpb.Frame_Proof{Proof: &linkpb.Proof{Mac: mac}}})
		if err != nil {
			t.Fatal(err)
		}
		return buf
	}
	good := challenge(func(*linkpb.Challenge) {})
	for name, say := range map[string][]byte{
		"http":        []byte("GET / HTTP/1.1\r\n\r\n"),
		"oversize":    binary.BigEndian.AppendUint32(nil, maxHandshake+1),
		"huge":        {0xff, 0xff, 0xff, 0xff},
		"cut":         good[:9],
		"not a frame": {0, 0, 0, 2, 0xff, 0xff},
		"empty":       {0, 0, 0, 0},
		"ping":        {0, 0, 0, 2, 0x1a, 0},
		"version":     challenge(func(c *linkpb.Challenge) { c.Version = 2 }),
		"no name":     challenge(func(c *linkpb.Challenge) { c.Name = "" }),
		"long name":   challenge(func(c *linkpb.Challenge) { c.Name = strings.Repeat("x", maxName+1) }),
		"role":        challenge(func(c *linkpb.Challenge) { c.Role = "king" }),
		"nonce":       challenge(func(c *linkpb.Challenge) { c.Nonce = c.Nonce[1:] }),
		"no proof":    bytes.Join([][]byte{good, good}, nil),
		"empty proof": bytes.Join([][]byte{good, proof(nil)}, nil),
		"wrong proof": bytes.Join([][]byte{good, proof(make([]byte, 32))}, nil),
	} {
		t.Run(name, func(t *testing.T) {
			sides := map[string]func(net.Conn) error{
				"acceptor": func(nc net.Conn) error {
					_, err := accept(context.Background(), nodeConfig(), nc, Handler{})
					return err
				},
				"dialer": func(nc net.Conn) error {
					cfg, err := nodeConfig().WithDefaults()
					if err == nil {
						_, err = connect(context.Background(), cfg, nc, "", Handler{})
					}
					return err
				},
			}
			for side, run := range sides {
				stranger, member := tcpPair(t)
				ended := make(chan error, 1)
				go func() { ended <- run(member) }()
				if _, err := stranger.Write(say); err != nil {
					t.Fatal(err)
				}
				stranger.(*net.TCPConn).CloseWrite()
				heard, err := io.ReadAll(stranger)
				if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) && !isReset(err) {
					t.Fatal(err)
				}
				stranger.Close()
				if err := <-ended; err == nil {
					t.Errorf("%s: no error", side)
				}
				if side == "acceptor" && showsMAC(t, heard) {
					t.Error("the acceptor showed a mac to a stranger")
				}
			}
		})
	}
}

func isReset(err error) bool { return strings.Contains(err.Error(), "connection reset") }

func showsMAC(t *testing.T, heard []byte) bool {
	t.Helper()
	for {
		body, rest, err := wire.Split(heard, maxHandshake)
		if err != nil {
			return false
		}
		f := new(linkpb.Frame)
		if err := proto.Unmarshal(body, f); err != nil {
			t.Fatal(err)
		}
		if len(f.GetProof().GetMac()) > 0 {
			return true
		}
		heard = rest
	}
}

// A proof that is sent back as one's own is wrong.
func TestReflection(t *testing.T) {
	attacker, member := tcpPair(t)
	defer attacker.Close()
	cfg, err := nodeConfig().WithDefaults()
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() {
		_, err := connect(context.Background(), cfg, member, "", Handler{})
		ended <- err
	}()
	in := wire.NewReader(attacker, maxHandshake, 0)
	other, err := testConfig("node-2", RoleNode).WithDefaults()
	if err != nil {
		t.Fatal(err)
	}
	s := newHandshake(other, attacker, in)
	if _, err := s.challenge(); err != nil {
		t.Fatal(err)
	}
	if err := s.send(&linkpb.Frame{Body: &linkpb.Frame_Challenge{Challenge: s.mine}}); err != nil {
		t.Fatal(err)
	}
	proof, err := s.next()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.send(proof); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; !errors.Is(err, ErrRefused) {
		t.Fatalf("the dialer accepted its own proof: %v", err)
	}
}

// Changing anything that a mac covers changes the mac.
func TestMACCoversAll(t *testing.T) {
	base := func() (d, a *linkpb.Challenge) {
		return &linkpb.Challenge{Version: 1, Cluster: "c", Name: "ab", Role: "c", Nonce: []byte("n1")},
			&linkpb.Challenge{Version: 1, Cluster: "c", Name: "x", Role: "y", Nonce: []byte("n2")}
	}
	d, a := base()
	seen := map[string]string{string(mac(testSecret, fromDialer, d, a)): "base"}
	check := func(what string, m []byte) {
		if other, ok := seen[string(m)]; ok {
			t.Errorf("%s has the mac of %s", what, other)
		}
		seen[string(m)] = what
	}
	check("secret", mac([]byte("other"), fromDialer, d, a))
	check("direction", mac(testSecret, fromAcceptor, d, a))
	check("sides", mac(testSecret, fromDialer, a, d))
	for what, change := range map[string]func(*linkpb.Challenge){
		"version": func(c *linkpb.Challenge) { c.Version = 2 },
		"newest":  func(c *linkpb.Challenge) { c.Newest = 2 },
		"cluster": func(c *linkpb.Challenge) { c.Cluster = "d" },
		"name":    func(c *linkpb.Challenge) { c.Name = "y" },
		"role":    func(c *linkpb.Challenge) { c.Role = "z" },
		"nonce":   func(c *linkpb.Challenge) { c.Nonce = []byte("n3") },
		"shifted": func(c *linkpb.Challenge) { c.Name, c.Role = c.Name+c.Role, "" },
	} {
		d, a := base()
		change(d)
		check("dialer's "+what, mac(testSecret, fromDialer, d, a))
		d, a = base()
		change(a)
		check("acceptor's "+what, mac(testSecret, fromDialer, d, a))
	}
}

func TestHandshakeTimeout(t *testing.T) {
	for side, run := range map[string]func(Config, net.Conn) error{
		"acceptor": func(cfg Config, nc net.Conn) error {
			_, err := accept(context.Background(), cfg, nc, Handler{})
			return err
		},
		"dialer": func(cfg Config, nc net.Conn) error {
			_, err := connect(context.Background(), cfg, nc, "", Handler{})
			return err
		},
	} {
		t.Run(side, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				silent, member := net.Pipe()
				defer silent.Close()
				cfg, err := nodeConfig().WithDefaults()
				if err != nil {
					t.Fatal(err)
				}
				cfg.HandshakeTimeout = 3 * time.Second
				begin := time.Now()
				if err := run(cfg, member); !errors.Is(err, os.ErrDeadlineExceeded) {
					t.Errorf("error %v", err)
				}
				if took := time.Since(begin); took != cfg.HandshakeTimeout {
					t.Errorf("it took %v", took)
				}
			})
		})
	}
}

func TestHandshakeEndsWithContext(t *testing.T) {
	silent, member := tcpPair(t)
	defer silent.Close()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		_, err := Accept(ctx, nodeConfig(), member, Handler{})
		ended <- err
	}()
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Fatalf("error %v", err)
	}
}

// A frame that arrives together with the last proof is not lost.
func TestFrameBehindProof(t *testing.T) {
	got := make(chan uint64, 1)
	startPair(t, gatewayConfig(), nodeConfig(),
		Handler{Push: func(_ *Conn, m *linkpb.Push) { got <- m.Number }},
		Handler{Up: func(c *Conn) { c.SendPush(&linkpb.Push{Number: 5}) }})
	if n := <-got; n != 5 {
		t.Fatalf("got push %d", n)
	}
}

// The highest version that both speak is chosen; where there is none, each side says what
// both speak, and who they are.
func TestVersionsAreNegotiated(t *testing.T) {
	for _, tt := range []struct {
		dialer, acceptor versions.Range
		want             uint32 // 0 = refused
	}{
		{versions.Range{Min: 1, Max: 1}, versions.Range{Min: 1, Max: 1}, 1},
		{versions.Range{Min: 1, Max: 3}, versions.Range{Min: 1, Max: 1}, 1},
		{versions.Range{Min: 1, Max: 1}, versions.Range{Min: 1, Max: 3}, 1},
		{versions.Range{Min: 2, Max: 4}, versions.Range{Min: 1, Max: 3}, 3},
		{versions.Range{Min: 1, Max: 2}, versions.Range{Min: 3, Max: 5}, 0},
		{versions.Range{Min: 3, Max: 5}, versions.Range{Min: 1, Max: 2}, 0},
	} {
		a, d := nodeConfig(), nodeConfig()
		a.Name, a.Versions = "the-acceptor", tt.acceptor
		d.Name, d.Versions = "the-dialer", tt.dialer
		d, err := d.WithDefaults()
		if err != nil {
			t.Fatal(err)
		}
		one, other := tcpPair(t)
		type end struct {
			c   *Conn
			err error
		}
		accepted := make(chan end, 1)
		go func() {
			c, err := accept(context.Background(), a, other, Handler{})
			accepted <- end{c, err}
		}()
		c, err := connect(context.Background(), d, one, "", Handler{})
		for side, e := range map[string]end{"dialer": {c, err}, "acceptor": <-accepted} {
			if tt.want == 0 {
				for _, part := range []string{"the-dialer", "the-acceptor", tt.dialer.String(), tt.acceptor.String()} {
					if e.err == nil || !strings.Contains(e.err.Error(), part) {
						t.Errorf("%v to %v: the %s says %v, not %q", tt.dialer, tt.acceptor, side, e.err, part)
					}
				}
			} else if e.err != nil || e.c.Peer().Version != tt.want {
				t.Errorf("%v to %v: the %s has %+v, %v, want version %d", tt.dialer, tt.acceptor, side, e.c, e.err, tt.want)
			}
			if e.c != nil {
				e.c.start() // else nobody says that it is done
				e.c.Close()
				<-e.c.Done()
			}
		}
	}
}
