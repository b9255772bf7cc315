package host

import (
	"flag"
	"time"
)

// Flags are a node's command line; parsing them fills c.
func (c *Config) Flags() *flag.FlagSet {
	f := flag.NewFlagSet("node", flag.ContinueOnError)
	f.StringVar(&c.Name, "name", "", "name of this node, kept over restarts (required)")
	f.StringVar(&c.Zone, "zone", "", "failure domain, for the spreading of replicas")
	f.IntVar(&c.Expect, "expect", 1, "number of nodes that begin the cluster, the same on all of them")
	f.StringVar(&c.LinkListen, "link", "127.0.0.1:0", "listen address for gateways and other nodes")
	f.StringVar(&c.RaftListen, "raft", "127.0.0.1:0", "listen address for Raft")
	f.StringVar(&c.StatusListen, "status", "127.0.0.1:0", "listen address for GET /status")
	f.StringVar(&c.Advertise, "advertise", "", "host under which the others reach this node (default: as listened on)")
	f.StringVar(&c.Registry, "registry", "", "HTTP address of the Consul agent (required)")
	f.StringVar(&c.Database, "db", "", "sqlite:FILE or mysql:DSN (required)")
	f.StringVar(&c.Data, "data", "", "data folder of this node (required)")
	f.BoolVar(&c.Sync, "sync", true, "sync each write of the shards' logs to disk")
	f.Int64Var(&c.MinFree, "min-free", DefaultMinFree, "free bytes of the data folder's file system below which this node takes no new tables")
	f.DurationVar(&c.BotsAfter, "bots-after", 10*time.Second, "wait in the queue for people after which bots fill a table")
	f.Uint64Var(&c.KeepLog, "keep-log", 0, "log entries that each group keeps behind a snapshot (default: the usual number)")
	f.StringVar(&c.BotStrength, "bot-strength", "strong", "how well bots play with people: weak, middle or strong")
	f.StringVar(&c.BotPace, "bot-pace", "human", "how long bots take to answer people: human, or none")
	f.StringVar(&c.SecretFile, "secret", "", "file with the cluster's secret, mode 0600 (required)")
	f.StringVar(&c.TokenKeyFile, "token-key", "", "file with the key that signs session tokens, mode 0600 (required)")
	return f
}
