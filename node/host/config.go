package host

import (
	"fmt"
	"log/slog"
	"time"

	"teahouse/node/shard"
	"teahouse/pkg/game"
)

// MaxExpect bounds Config.Expect.
const MaxExpect = 64

// DefaultMinFree is the default of Config.MinFree.
const DefaultMinFree = 256 << 20

// Config describes a node. Name, Registry, Database, Data and the two files
// have no default.
type Config struct {
	Name   string // unique in the cluster, kept over restarts
	Zone   string // failure domain; a shard's replicas are placed in different zones if possible
	Expect int    // number of nodes that start the cluster; default 1; the same on all of them

	// Listen addresses; the default is a free port on 127.0.0.1. A wildcard
	// address needs Advertise.
	LinkListen, RaftListen, StatusListen string
	// Advertise is the host under which the others reach this node: a name or an
	// address, without a port, of IPv6 with or without brackets. Default: the
	// listener's.
	Advertise string

	Registry string // HTTP address of the Consul agent or the embedded registry
	// RegistryCluster is the prefix of the cluster's names there: clusters that share an agent need
	// different ones. See consul.Config.Cluster.
	RegistryCluster string
	Database        string // "sqlite:FILE" or "mysql:DSN"
	Data            string // folder of this node alone
	Sync            bool   // whether each write of the shards' logs is synced to disk

	// Unsettled is the number of finished hands not in the database yet at which a shard accepts no
	// tables and deals no hands; default 256.
	Unsettled int

	// KeepLog is how many entries before a snapshot each group keeps; 0 = the default. Tools that
	// compare the replicas' logs need more.
	KeepLog uint64

	// MinFree is the number of free bytes on Data's file system below which the shards that this node
	// leads accept no new tables. A full disk ends the process, so MinFree should cover what the
	// current tables will still write: the log's files may grow by about 100 MB before snapshots
	// shorten them. Default DefaultMinFree.
	MinFree int64

	// MaxLevel is the highest cluster level that this node can run at; 0 = the build's own maximum.
	// For tests of two builds in one cluster.
	MaxLevel uint32

	BotsAfter time.Duration // wait in the queue for people after which bots fill a table; default 10 s
	// How bots play with people: BotStrength is the name of a game.Strength, default strong, BotPace
	// that of a shard.Pace, default human. In the queue "bench" bots have strength middle and answer
	// at once.
	BotStrength, BotPace string

	SecretFile   string // the cluster's secret in hex, mode 0600
	TokenKeyFile string // the key that signs session tokens, mode 0600

	// Exit ends the process, after writing the log lines that are still queued; see
	// raftgroup.DiskConfig.Exit.
	Exit func(status int, why error)

	Ready  func(addresses map[string]string) // called once the node serves
	Logger *slog.Logger                      // default: discard
}

func (c Config) withDefaults() (Config, error) {
	for _, required := range []struct{ name, flag, value string }{
		{"Name", "name", c.Name}, {"Registry", "registry", c.Registry}, {"Database", "db", c.Database},
		{"Data", "data", c.Data}, {"SecretFile", "secret-file", c.SecretFile}, {"TokenKeyFile", "token-key-file", c.TokenKeyFile},
	} {
		if required.value == "" {
			return c, fmt.Errorf("host: %s (--%s) is missing", required.name, required.flag)
		}
	}
	if c.Unsettled < 0 {
		return c, fmt.Errorf("host: a bound of %d unsettled hands: want one above zero", c.Unsettled)
	}
	var err error
	if c.Advertise, err = advertised(c.Advertise); err != nil {
		return c, err
	}
	if c.Expect == 0 {
		c.Expect = 1
	}
	if c.Expect < 1 || c.Expect > MaxExpect {
		return c, fmt.Errorf("host: %d nodes to expect: want 1 to %d", c.Expect, MaxExpect)
	}
	for _, listen := range []*string{&c.LinkListen, &c.RaftListen, &c.StatusListen} {
		if *listen == "" {
			*listen = "127.0.0.1:0"
		}
	}
	if c.BotsAfter == 0 {
		c.BotsAfter = 10 * time.Second
	}
	if c.BotsAfter < 0 {
		return c, fmt.Errorf("host: bots after %v: want a wait", c.BotsAfter)
	}
	if c.MinFree == 0 {
		c.MinFree = DefaultMinFree
	}
	if c.MinFree < 0 {
		return c, fmt.Errorf("host: %d free bytes: want none or more", c.MinFree)
	}
	if c.BotStrength == "" {
		c.BotStrength = game.Strong.String()
	}
	if c.BotPace == "" {
		c.BotPace = shard.PaceHuman.String()
	}
	if _, err := c.tables(); err != nil {
		return c, err
	}
	if c.Ready == nil {
		c.Ready = func(map[string]string) {}
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c, nil
}

// tables returns the settings of tables where people play.
func (c Config) tables() (shard.QueueConfig, error) {
	q := shard.People()
	var err error
	if q.Bots, err = game.ParseStrength(c.BotStrength); err != nil {
		return shard.QueueConfig{}, fmt.Errorf("host: %w", err)
	}
	if q.Pace, err = shard.ParsePace(c.BotPace); err != nil {
		return shard.QueueConfig{}, fmt.Errorf("host: %w", err)
	}
	return q, nil
}
