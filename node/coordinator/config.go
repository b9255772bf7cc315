package coordinator

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"teahouse/pkg/link/linkpb"
	"teahouse/pkg/token"
)

// Config describes a Coordinator. Node, Propose, Create, Push, Announce and
// Signer have no default. The functions are called from several goroutines and
// must not block.
type Config struct {
	// Node is this node's name.
	Node string

	// Propose hands an entry to the group's log.
	Propose func(data []byte) Future

	// Create asks the leader of the table's shard to make a table, by the method "cluster.create".
	// Calls for one shard are made in order of their numbers, and up to MaxCreations are open at a
	// time. Create must call done exactly once, from any goroutine, soon after ctx ends at the
	// latest; an error means that the outcome is unknown, and the same creation will be sent again.
	// Create must not change the table.
	Create func(ctx context.Context, table *linkpb.CreateTable, done func(*linkpb.CreateTableReply, error))

	// Push sends a hint to a gateway. It may be lost.
	Push func(gateway string, push *linkpb.Push)

	// Announce tells all peers that this node leads the group in term, or that it no longer does.
	Announce func(term uint64, leading bool)

	// Signer makes the session tokens. *token.Signer is one.
	Signer Signer

	// Birth returns with what the cluster begins, or no members if they are not known yet. The leader
	// of a cluster that has not started calls it. Default: the cluster never starts.
	Birth func() Birth

	// OnView is called on every replica, one call at a time, with each new member list or
	// placement, including one restored from a snapshot. It must not call the Coordinator. Default:
	// nothing.
	OnView func(View)

	// LedShards is how many shards each member leads by preference (1 to 8, default 2), Replicas
	// how many nodes keep a shard (default 3, fewer in a smaller cluster). They matter only when
	// the cluster starts.
	LedShards, Replicas int

	// Queues that players may join; default DefaultQueues. All replicas use the queues and limits of
	// the leader.
	Queues []Queue
	Limits Limits

	MatchEvery   time.Duration // shortest time between two tries to match tickets; default 20 ms
	MaxWaiting   int           // requests that wait to be proposed; default 8192
	MaxBatch     int           // requests in one entry; default 1024
	MaxCreations int           // creations in flight to one shard; default 1, more only if Create sends in order of the calls
	CreateWithin time.Duration // a creation without an answer is sent again after this; default 2 s
	RetryEvery   time.Duration // pause of a shard's creations after an error; default 25 ms

	Now    func() time.Time // default time.Now; needs a monotonic clock
	Rand   io.Reader        // default crypto/rand
	Logger *slog.Logger     // default: discard
}

// Birth is with what a cluster begins.
type Birth struct {
	Cluster string // its id
	Members []*linkpb.Member
	Level   uint32 // of the cluster, which all members must know; 0 = 1
}

// Future is the outcome of a proposal; *raftgroup.Future is one. Its result is what Apply returned.
type Future interface {
	Done() <-chan struct{}
	Result() (result any, index, term uint64, err error)
}

// Signer signs session tokens.
type Signer interface {
	Sign(claims token.Claims, now time.Time) (string, error)
}

// Limits bound the state. Zero fields take the default.
type Limits struct {
	Tickets int // waiting in all queues together; default 20,000
	// Queues bounds the kinds of tables (queue, mode, stake, hands) that somebody waits for; default
	// 1024. What the queues offer must fit in it, so that nobody can use it up.
	Queues       int
	Idle         int           // players remembered without ticket or table; default 100,000
	Pending      int           // unconfirmed tables of one shard; default 256
	PassOver     time.Duration // a shard that refused a table gets none for this long; default 5 s
	Stuck        time.Duration // a shard with an unconfirmed table older than this gets none; default 1 s
	SlackPercent int           // how far above the average a shard may be loaded; default 25
}

const (
	seats        = 4 // of a table whose mode has no number of seats
	maxSeats     = 8
	maxLed       = 8
	maxReplicas  = 5
	maxReplicate = 24 // shards that one node keeps
)

func (c Config) withDefaults() (Config, error) {
	switch {
	case c.Node == "":
		return c, errors.New("coordinator: Config.Node is empty")
	case c.Propose == nil || c.Create == nil || c.Push == nil || c.Announce == nil || c.Signer == nil:
		return c, errors.New("coordinator: Config needs Propose, Create, Push, Announce and Signer")
	}
	if c.Birth == nil {
		c.Birth = func() Birth { return Birth{} }
	}
	if c.OnView == nil {
		c.OnView = func(View) {}
	}
	c.Queues = c.completeQueues()
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Rand == nil {
		c.Rand = rand.Reader
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	for _, f := range []struct {
		field *int
		value int
	}{
		{&c.LedShards, 2}, {&c.Replicas, 3}, {&c.MaxWaiting, 8192}, {&c.MaxBatch, 1024}, {&c.MaxCreations, 1},
		{&c.Limits.Tickets, 20_000}, {&c.Limits.Queues, 1024}, {&c.Limits.Idle, 100_000}, {&c.Limits.Pending, 256},
		{&c.Limits.SlackPercent, 25},
	} {
		if *f.field == 0 {
			*f.field = f.value
		}
	}
	for _, f := range []struct {
		field *time.Duration
		value time.Duration
	}{
		{&c.MatchEvery, 20 * time.Millisecond}, {&c.CreateWithin, 2 * time.Second}, {&c.RetryEvery, 25 * time.Millisecond},
		{&c.Limits.PassOver, 5 * time.Second}, {&c.Limits.Stuck, time.Second},
	} {
		if *f.field == 0 {
			*f.field = f.value
		}
	}
	return c, c.validate()
}

func (c Config) validate() error {
	for _, f := range []struct {
		name          string
		value, lo, hi int
	}{
		{"LedShards", c.LedShards, 1, maxLed},
		{"Replicas", c.Replicas, 1, maxReplicas},
		{"MaxWaiting", c.MaxWaiting, 1, 1 << 20},
		{"MaxBatch", c.MaxBatch, 1, 1 << 13},
		{"MaxCreations", c.MaxCreations, 1, 1 << 10},
		{"Limits.Tickets", c.Limits.Tickets, seats, 1 << 20},
		{"Limits.Queues", c.Limits.Queues, 1, 1 << 16},
		{"Limits.Idle", c.Limits.Idle, 1, 1 << 24},
		{"Limits.Pending", c.Limits.Pending, 1, 1 << 16},
		{"Limits.SlackPercent", c.Limits.SlackPercent, 0, 1000},
	} {
		if f.value < f.lo || f.value > f.hi {
			return fmt.Errorf("coordinator: Config.%s is %d, want %d to %d", f.name, f.value, f.lo, f.hi)
		}
	}
	for _, d := range []time.Duration{c.MatchEvery, c.CreateWithin, c.RetryEvery} {
		if d < time.Millisecond {
			return errors.New("coordinator: MatchEvery, CreateWithin and RetryEvery are a millisecond at least")
		}
	}
	return c.validateQueues()
}
