package shard

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"teahouse/node/table"
	"teahouse/node/table/tablepb"
	"teahouse/pkg/game"
	"teahouse/pkg/link/linkpb"
	"teahouse/pkg/versions"
)

// Log proposes entries to the shard's Raft group.
type Log interface {
	// Propose never blocks. The errors of the Future are raftgroup's.
	Propose(data []byte) Future
}

// Future is the outcome of a proposal, with the same meaning as raftgroup's.
type Future interface {
	Done() <-chan struct{}
	Result() (result any, index, term uint64, err error)
}

// Pool runs functions that block or need much CPU, a bounded number at a time. An error means that f
// will not run.
type Pool interface {
	Go(f func()) error
}

// QueueConfig is how the tables of a queue behave. Nodes need not agree on the times: a table keeps
// those of the leader that creates it.
type QueueConfig struct {
	Intermission time.Duration // log time between two hands
	Nonces       time.Duration // how long the first deal waits for the seats' nonces
	Reserve      time.Duration // of a seat in a hand, after the limits of prompts that are not secret
	Bots         game.Strength // how well bots play; default game.Middle
	Pace         Pace          // how long bots take to answer
}

// People returns the settings for tables where people play.
func People() QueueConfig {
	return QueueConfig{
		Intermission: 3 * time.Second, Nonces: time.Second, Reserve: 20 * time.Second, Bots: game.Strong, Pace: PaceHuman,
	}
}

// Config describes a Shard. Fields without a default are required.
type Config struct {
	Group   game.GroupID // not 0
	Cluster string       // cluster id, part of the key of settled hands
	Node    string       // this node's name
	Games   map[string]game.Game

	// Results settles hands; called in Pool.
	Results game.Results
	// Ended tells the coordinator that it can remove a table's bindings. Called in Pool, and
	// retried until it returns nil.
	Ended func(context.Context, *linkpb.TableEnded) error
	// Push sends to the session on a gateway. Called in order, on the goroutine that applies
	// entries; it must neither block nor call the Shard.
	Push func(gateway string, p *linkpb.Push)
	// Announce says that this node leads the group in term, or (withdrawn) that it no longer does.
	// It must neither block nor call the Shard.
	Announce func(term uint64, withdrawn bool)
	// Level returns the cluster's level, which bounds what may be written into the log. It must not
	// block. Default: the highest that this binary knows.
	Level func() uint32
	// Refuse returns a reason to accept no new tables now, or "". It must not block. Optional.
	Refuse func() string
	Pool   Pool
	Logger *slog.Logger     // default: discard
	Now    func() time.Time // monotonic; default time.Now

	// Queues by name; DefaultQueue is for all others. Default: one queue, "bench", without pauses.
	Queues       map[string]QueueConfig
	DefaultQueue QueueConfig // default: People

	AttachWait   time.Duration // the first deal waits for seats to attach; default 10 s
	AutoDelay    time.Duration // auto-play answers a prompt after this; default 500 ms
	Retention    time.Duration // how long a released table stays readable; default 2 min
	DetachAfter  time.Duration // a seat whose session is gone is detached after this; default 10 s
	Unsettled    int           // with this many unsettled hands no table is made and no hand dealt; default 256
	MaxTables    int           // more are refused; default 4096
	Mailbox      int           // requests waiting for a batch; more get BUSY; default 8192
	BatchItems   int           // commands in one entry; default 1024
	BatchBytes   int           // default 1 MiB
	SettleAtOnce int           // settlements and outbox calls running at a time; default 8
	JobTimeout   time.Duration // of one of them; default 5 s
	RetryMin     time.Duration // pause after its first failure, doubled up to RetryMax; default 100 ms
	RetryMax     time.Duration // default 5 s
	// ConflictPause is the pause between tries to settle a hand for which the database holds a
	// different result; default 30 s.
	ConflictPause time.Duration
}

func (c Config) withDefaults() (Config, error) {
	switch {
	case c.Group == game.Coordinator:
		return c, errors.New("shard: Config.Group is the coordinator's")
	case len(c.Games) == 0:
		return c, errors.New("shard: Config.Games is empty")
	case c.Cluster == "" || c.Node == "":
		return c, errors.New("shard: Config.Cluster or Config.Node is empty")
	case c.Results == nil || c.Ended == nil || c.Push == nil || c.Announce == nil || c.Pool == nil:
		return c, errors.New("shard: Results, Ended, Push, Announce and Pool are required")
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	c.Logger = c.Logger.With("shard", uint32(c.Group))
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Level == nil {
		c.Level = func() uint32 { return versions.Levels().Max }
	}
	if c.Queues == nil {
		c.Queues = map[string]QueueConfig{"bench": {}}
	}
	if c.DefaultQueue == (QueueConfig{}) {
		c.DefaultQueue = People()
	}
	for _, f := range []struct {
		field *time.Duration
		value time.Duration
	}{
		{&c.AttachWait, 10 * time.Second}, {&c.AutoDelay, 500 * time.Millisecond},
		{&c.Retention, 2 * time.Minute}, {&c.DetachAfter, 10 * time.Second},
		{&c.JobTimeout, 5 * time.Second}, {&c.RetryMin, 100 * time.Millisecond}, {&c.RetryMax, 5 * time.Second}, {&c.ConflictPause, 30 * time.Second},
	} {
		if *f.field == 0 {
			*f.field = f.value
		}
		if *f.field < 0 {
			return c, fmt.Errorf("shard: a negative duration: %v", *f.field)
		}
	}
	for _, f := range []struct {
		field *int
		value int
	}{
		{&c.Unsettled, 256}, {&c.MaxTables, 4096}, {&c.Mailbox, 8192}, {&c.BatchItems, 1024},
		{&c.BatchBytes, 1 << 20}, {&c.SettleAtOnce, 8},
	} {
		if *f.field == 0 {
			*f.field = f.value
		}
		if *f.field < 0 {
			return c, fmt.Errorf("shard: a negative bound: %d", *f.field)
		}
	}
	return c, nil
}

// queue is the configuration of a queue's tables.
func (c *Config) queue(name string) QueueConfig {
	if q, ok := c.Queues[name]; ok {
		return q
	}
	return c.DefaultQueue
}

// levelClock is the cluster's level from which on tables have a clock.
const levelClock = 2

// timing returns the times that a new table keeps.
func (c *Config) timing(spec *linkpb.CreateTable) *tablepb.Timing {
	ms := func(d time.Duration) uint32 { return uint32(d / time.Millisecond) }
	q := c.queue(spec.GetQueue())
	t := &tablepb.Timing{
		AttachMs: ms(c.AttachWait), IntermissionMs: ms(q.Intermission), NonceMs: ms(q.Nonces), AutoMs: ms(c.AutoDelay),
		RetentionMs: ms(c.Retention), RecheckMs: recheckMS,
	}
	if c.Level() >= levelClock {
		t.Clock = &tablepb.Clock{ReserveMs: ms(q.Reserve), Untimed: spec.GetUntimed(), Strength: uint32(q.Bots)}
	}
	return t
}

// lagStep is how finely a client's round trip is told to its table: what is less is no reason to wait.
const lagStep = 20

// lag returns the round trip that came with a request as its table may be told, rounded.
func (c *Config) lag(req *linkpb.Request) uint32 {
	if c.Level() < levelClock {
		return 0
	}
	return min(req.GetLagMs(), table.MaxGrace) / lagStep * lagStep
}

// recheckMS is how often a table that may not deal because of the settlement bound tries again:
// rarely, because each try is a command in the log.
const recheckMS = 500
