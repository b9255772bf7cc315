package link

import (
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// The roles that a peer can have.
const (
	RoleNode    = "node"
	RoleGateway = "gateway"
)

// Methods of calls between nodes; cluster.proto has their messages.
const (
	MethodCreate = "cluster.create" // CreateTable, to the shard's leader
	MethodEnded  = "cluster.ended"  // TableEnded, to the coordinator's leader
	MethodYield  = "cluster.yield"  // Yield, to the leader of Request.group
	MethodJoin   = "cluster.join"   // Join, to the coordinator's leader
	MethodAlign  = "cluster.align"  // Align, to the leader of Request.group
)

// nodePace is how much slower the keep-alive between two nodes is. No player waits for
// their silence to be noticed: Raft watches its own connections, a killed process
// breaks the link at once, and nodes repeat their calls. Each ping costs an idle
// node some 20 µs.
const nodePace = 4

// Bounds of what is said in the handshake.
const (
	minSecret    = 16
	maxName      = 128
	maxHandshake = 4 << 10 // bytes of a frame from a peer that has proved nothing yet
)

// Config says who this end of a link is and how much it holds. A zero field
// means its default.
type Config struct {
	// Cluster is the id from the cluster's birth record. Required.
	Cluster string
	// Secret is what all members of the cluster share, at least 16 bytes. Required.
	Secret []byte
	// Name tells this process from all others, at most 128 bytes. Required.
	Name string
	// Role is RoleNode or RoleGateway. Required.
	Role string

	// PingEvery is how often something is sent at least. Default 50 ms. Two nodes
	// take nodePace times as long for this and for DeadAfter.
	PingEvery time.Duration
	// DeadAfter is the silence after which the peer counts as dead; it must be at
	// least twice PingEvery. Time in which this process itself did not run does
	// not count. Default 300 ms.
	DeadAfter time.Duration
	// HandshakeTimeout bounds the handshake. Default 2 s.
	HandshakeTimeout time.Duration
	// DialTimeout bounds the connecting. Default 1 s.
	DialTimeout time.Duration

	// MaxFrame is the longest body of a frame in bytes, both ways. Default 4 MiB.
	MaxFrame int
	// QueueFrames and QueueBytes bound what waits to be written; beyond them
	// sending fails with ErrFull. Defaults 32,768 frames and 8 MiB.
	QueueFrames int
	QueueBytes  int
	// MaxCalls bounds the calls that wait for a response; beyond it Go fails
	// with ErrBusy. Default 16,384.
	MaxCalls int

	// Logger gets what an operator should know. Default: nothing is logged.
	Logger *slog.Logger
}

// WithDefaults fills in what is zero and refuses what cannot work. Dial, Accept,
// Serve and NewPool do it themselves.
func (c Config) WithDefaults() (Config, error) {
	setDefault(&c.PingEvery, 50*time.Millisecond)
	setDefault(&c.DeadAfter, 300*time.Millisecond)
	setDefault(&c.HandshakeTimeout, 2*time.Second)
	setDefault(&c.DialTimeout, time.Second)
	setDefault(&c.MaxFrame, 4<<20)
	setDefault(&c.QueueFrames, 32<<10)
	setDefault(&c.QueueBytes, 8<<20)
	setDefault(&c.MaxCalls, 16<<10)
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	switch {
	case c.Cluster == "" || len(c.Cluster) > maxName:
		return c, errors.New("link: Cluster is missing or too long")
	case len(c.Secret) < minSecret:
		return c, fmt.Errorf("link: Secret is shorter than %d bytes", minSecret)
	case !validName(c.Name):
		return c, errors.New("link: Name is missing or too long")
	case !validRole(c.Role):
		return c, fmt.Errorf("link: unknown Role %q", c.Role)
	case c.PingEvery < 0 || c.DeadAfter < 2*c.PingEvery:
		return c, errors.New("link: DeadAfter must be at least twice PingEvery")
	case c.HandshakeTimeout < 0 || c.DialTimeout < 0:
		return c, errors.New("link: times must be positive")
	case c.MaxFrame < maxHandshake || c.QueueFrames < 1 || c.QueueBytes < 1 || c.MaxCalls < 1:
		return c, errors.New("link: a bound is too small")
	}
	return c, nil
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

func validName(s string) bool { return s != "" && len(s) <= maxName }

func validRole(s string) bool { return s == RoleNode || s == RoleGateway }
