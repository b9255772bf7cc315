package edge

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"teahouse/pkg/token"
	"teahouse/pkg/wire"
	"teahouse/registry"
)

// Config configures a gateway. A zero field means its default.
type Config struct {
	// Name identifies this gateway to operators and in Welcome; unique in the cluster. Default:
	// "gateway-" and random letters.
	Name string
	// Listen is the host:port for clients. Default 127.0.0.1:7700.
	Listen string
	// ReusePort lets several gateways of this host share the address (SO_REUSEPORT).
	ReusePort bool

	// Registry lists the nodes. Required; Run does not close it.
	Registry registry.Registry
	// Cluster is the cluster id. If empty, New waits for a node's instance in the registry that
	// carries it (ClusterMeta).
	Cluster string
	// Secret is shared by all members of the cluster, at least 16 bytes. Required.
	Secret []byte
	// Verifier checks session tokens. Required.
	Verifier *token.Verifier

	// MaxConns bounds the clients; more get Bye SERVER_FULL. Default 20,000.
	MaxConns int
	// Limits of one client.
	Limits wire.Limits
	// MaxOutbound bounds the bytes pending for a slow client; beyond it the client gets Bye
	// TOO_SLOW. Default 256 KiB.
	MaxOutbound int
	// MaxParked bounds the calls that wait for a leader; beyond it a call is answered with
	// NOT_SENT. Default 10,000.
	MaxParked int
	// CallTimeout is how long a call may take, including waiting. After that it is answered with
	// NOT_SENT if no node has seen it, else with OUTCOME_UNKNOWN. Default 10 s.
	CallTimeout time.Duration
	// Drain is for how long Run serves its clients when it is to end, after it has told them so
	// (GoingAway), until they have gone to other gateways. Default 10 s; below zero = not at all.
	Drain time.Duration
	// Hurry, once closed, ends that time: nobody waits for it any more. Default: never.
	Hurry <-chan struct{}

	// Logger gets what an operator should know. Default: no logging.
	Logger *slog.Logger
	// StatusListen is the host:port for GET /status, which returns Status to anyone who asks. Empty
	// = no status page.
	StatusListen string
	// Ready, if set, is called once with the bound addresses, "client" and perhaps "status", when
	// clients are accepted.
	Ready func(addresses map[string]string)
}

// maxDrain bounds Config.Drain: nobody waits for longer for a process to end.
const maxDrain = time.Hour

// ClusterMeta is the key of Instance.Meta under which nodes register the cluster id.
const ClusterMeta = "cluster"

func (c Config) withDefaults() (Config, error) {
	if c.Name == "" {
		var b [4]byte
		rand.Read(b[:])
		c.Name = "gateway-" + hex.EncodeToString(b[:])
	}
	setDefault(&c.Listen, "127.0.0.1:7700")
	setDefault(&c.MaxConns, 20_000)
	setDefault(&c.MaxOutbound, 256<<10)
	setDefault(&c.MaxParked, 10_000)
	setDefault(&c.CallTimeout, 10*time.Second)
	setDefault(&c.Drain, 10*time.Second)
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	var err error
	if c.Limits, err = c.Limits.WithDefaults(); err != nil {
		return c, err
	}
	switch {
	case c.Registry == nil:
		return c, errors.New("edge: Registry is missing")
	case c.Verifier == nil:
		return c, errors.New("edge: Verifier is missing")
	case c.MaxConns < 1 || c.MaxParked < 1:
		return c, errors.New("edge: MaxConns and MaxParked must be positive")
	case c.MaxOutbound < c.Limits.MaxFrame:
		return c, fmt.Errorf("edge: MaxOutbound is below the longest frame, %d", c.Limits.MaxFrame)
	case c.CallTimeout < 0:
		return c, errors.New("edge: CallTimeout must be positive")
	case c.Drain > maxDrain:
		return c, fmt.Errorf("edge: Drain is %v, at most %v", c.Drain, maxDrain)
	}
	return c, nil
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}
