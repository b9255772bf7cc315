package link

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"teahouse/pkg/versions"
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
	MethodOffer  = "cluster.offer"  // Yield with who is linked to the caller, to a replica of Request.group: would it serve at once?
	MethodJoin   = "cluster.join"   // Join, to the coordinator's leader
	MethodAlign  = "cluster.align"  // Align, to the leader of Request.group
	MethodLevel  = "cluster.level"  // Level, to the coordinator's leader
)

// nodePace is how much slower the keep-alive between two nodes is. No player waits for their
// silence to be noticed: Raft watches its own connections, a killed process breaks the link at
// once, and nodes repeat their calls. Each ping costs an idle node some 20 µs.
const nodePace = 4

// Bounds of the handshake's messages.
const (
	minSecret    = 16
	maxName      = 128
	maxHandshake = 4 << 10 // bytes of a frame from a peer that is not authenticated yet
)

// Config identifies this end of a link and sets its bounds. A zero field means its default.
type Config struct {
	// Cluster is the id from the cluster's birth record. Required.
	Cluster string
	// Secret is shared by all members of the cluster, at least 16 bytes. Required.
	Secret []byte
	// Name is unique among all processes, at most 128 bytes. Required.
	Name string
	// Role is RoleNode or RoleGateway. Required.
	Role string

	// Versions are those of the protocol that this end speaks; the highest one that both
	// ends speak is chosen, and without one the link is refused. Default versions.Link.
	Versions versions.Range

	// PingEvery is the longest time without sending anything. Default 50 ms. Between two nodes,
	// this and DeadAfter are nodePace times as long.
	PingEvery time.Duration
	// DeadAfter is the silence after which the peer is considered dead; at least twice PingEvery.
	// Time for which this process itself was paused does not count. Default 300 ms.
	DeadAfter time.Duration
	// HandshakeTimeout bounds the handshake. Default 2 s.
	HandshakeTimeout time.Duration
	// DialTimeout bounds connecting. Default 1 s.
	DialTimeout time.Duration

	// MaxFrame is the longest body of a frame in bytes, both ways. Default 4 MiB.
	MaxFrame int
	// QueueFrames and QueueBytes bound the frames that are queued for writing; beyond them sending
	// fails with ErrFull. Defaults 32,768 frames and 8 MiB.
	QueueFrames int
	QueueBytes  int
	// MaxCalls bounds the calls without a response yet; beyond it Go fails with ErrBusy. Default
	// 16,384.
	MaxCalls int

	// Contacts is told of all links, for a status page. May be nil.
	Contacts *Contacts
	// Logger gets what an operator should know. Default: no logging.
	Logger *slog.Logger
}

// WithDefaults fills in zero fields and refuses values that cannot work. Dial, Accept, Serve and
// NewPool call it themselves.
func (c Config) WithDefaults() (Config, error) {
	setDefault(&c.Versions, versions.Link())
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
	case !c.Versions.Valid():
		return c, fmt.Errorf("link: no versions from %d to %d", c.Versions.Min, c.Versions.Max)
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
