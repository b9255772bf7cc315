package host

import (
	"fmt"
	"time"

	"github.com/spf13/pflag"

	"teahouse/registry/consul"
)

// AddFlags adds a node's command line; parsing it fills c.
func (c *Config) AddFlags(f *pflag.FlagSet) {
	f.StringVar(&c.Name, "name", "", "`NAME` of this node, unique in the cluster and kept over restarts (required)")
	f.StringVar(&c.Zone, "zone", "", "failure domain, for the spreading of replicas")
	f.IntVar(&c.Expect, "expect", 1, "number of nodes that start the cluster, the same on all of them")
	f.StringVar(&c.LinkListen, "link", "127.0.0.1:0", "`HOST:PORT` to listen on for gateways and other nodes")
	f.StringVar(&c.RaftListen, "raft", "127.0.0.1:0", "`HOST:PORT` to listen on for Raft")
	f.StringVar(&c.StatusListen, "status", "127.0.0.1:0", "`HOST:PORT` to listen on for GET /status")
	f.StringVar(&c.Advertise, "advertise", "", "`HOST` under which the others reach this node: a name or an address, without a port (default: as listened on)")
	f.StringVar(&c.Registry, "registry", consul.DefaultAddr, "`HOST:PORT` of the Consul agent or the embedded registry")
	f.StringVar(&c.RegistryCluster, "cluster", "", "`NAME` of the cluster in the registry, the same on all nodes and gateways; clusters that share a registry need different ones (default \"teahouse\")")
	f.StringVar(&c.Database, "db", "", "database: sqlite:FILE, which serves one machine, or mysql:USER:PASSWORD@tcp(HOST:PORT)/DATABASE (required)")
	f.StringVar(&c.Data, "data", "", "`FOLDER` of this node alone (required)")
	f.StringVar(&c.SecretFile, "secret-file", "", "`FILE` with the cluster's secret, mode 0600 (required)")
	f.StringVar(&c.TokenKeyFile, "token-key-file", "", "`FILE` with the key that signs session tokens, mode 0600 (required)")
	c.AddTableFlags(f)
}

// AddTableFlags adds the flags that have the same values on all nodes of a cluster, so that programs that
// start a whole cluster can offer them too.
func (c *Config) AddTableFlags(f *pflag.FlagSet) {
	c.Sync = true
	f.Var((*syncPolicy)(&c.Sync), "sync", "how the shards' logs are written: sync (each write), or nosync (survives a killed process, not a power cut)")
	f.Uint64Var(&c.KeepLog, "keep-log", 0, "log entries before a snapshot that each group keeps, for bench logs (0 = the default)")
	f.Int64Var(&c.MinFree, "min-free", DefaultMinFree, "free bytes of the data folder's file system below which a node takes no new tables")
	f.IntVar(&c.Unsettled, "unsettled", 0, "number of finished hands not in the database yet at which a shard deals no more (default 256)")
	f.DurationVar(&c.BotsAfter, "bots-after", 10*time.Second, "wait in the queue for people after which bots fill a table")
	f.StringVar(&c.BotStrength, "bot-strength", "strong", "how well bots play with people: weak, middle or strong")
	f.StringVar(&c.BotPace, "bot-pace", "human", "how long bots take to answer people: human, or none")
}

// OldFlags returns the present names of flags that earlier releases called differently.
func OldFlags() map[string]string {
	return map[string]string{"secret": "secret-file", "token-key": "token-key-file"}
}

// syncPolicy is the flag for Config.Sync.
type syncPolicy bool

func (p *syncPolicy) String() string {
	if *p {
		return "sync"
	}
	return "nosync"
}

func (p *syncPolicy) Set(s string) error {
	if s != "sync" && s != "nosync" {
		return fmt.Errorf("%q: want sync or nosync", s)
	}
	*p = s == "sync"
	return nil
}

func (p *syncPolicy) Type() string { return "POLICY" }
