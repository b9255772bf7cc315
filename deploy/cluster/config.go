package cluster

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"teahouse/pkg/logging"
)

// Bounds of a local cluster.
const (
	MaxNodes    = 16
	MaxGateways = 8
)

// Config describes a cluster on this machine.
type Config struct {
	// Executable is started for each role with the single argument
	// RoleArgument; its main must then call RunRole.
	Executable string

	Nodes    int    // 1..MaxNodes; default 3
	Gateways int    // 1..MaxGateways, sharing Listen by SO_REUSEPORT; default 1
	Listen   string // the clients' address; default 127.0.0.1:7700; when it is busy a free port is taken

	Data  string // folder kept between runs; empty = a temporary one that goes with the supervisor
	State string // state file; default: StateFile()
	Sync  bool   // whether each write of the shards' logs is synced to disk

	// KeepLog is how many log entries each group keeps behind a snapshot, for
	// tools that compare the replicas' logs; 0 = the usual number.
	KeepLog uint64

	// Registry is the address of a Consul agent, or Consul to run one (in
	// development mode: it keeps nothing); empty = the embedded registry.
	Registry string
	// Database is a DSN, or MariaDB to run a server in Data; empty = SQLite in Data.
	Database string

	BotsAfter time.Duration // wait in the queue for people after which bots fill a table; default 10 s
	// How bots play with people: see host.Config, whose defaults these have.
	BotStrength, BotPace string

	// Unsettled is at how many finished hands that are not in the database yet a
	// shard takes no tables and deals no hand; default 256.
	Unsettled int

	// MinFree is at how few free bytes of Data's file system nodes take no new
	// tables; default host.DefaultMinFree.
	MinFree int64

	// MaxLevels are the highest levels of the cluster that nodes can run at, by name, for
	// tests of two builds in one cluster; none = what the build knows.
	MaxLevels map[string]uint32

	// Respawn starts a child again that ended without being told to.
	Respawn bool

	// Profile is an existing folder that gets a CPU profile of each process
	// that ends by itself; empty = none.
	Profile string

	// Log is what the processes log. Without a File each of them has one of its own,
	// in the folder logs of Data; with one they share it.
	Log logging.Config

	Output io.Writer // what people read; default: discard
}

// Words for servers that are started here, from programs of this machine.
const (
	Consul  = "consul"
	MariaDB = "mariadb"
)

// RoleArgument makes the executable a child.
const RoleArgument = "role"

// StateFile is where the state of the newest local cluster stands.
func StateFile() (string, error) {
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("the state file has no place (%w); name one: --state FILE", err)
	}
	return filepath.Join(dir, "teahouse", "local.json"), nil
}

func (c Config) withDefaults() (Config, error) {
	if c.Executable == "" {
		return c, errors.New("cluster: Config.Executable is empty")
	}
	if c.Nodes == 0 {
		c.Nodes = 3
	}
	if c.Nodes < 1 || c.Nodes > MaxNodes {
		return c, fmt.Errorf("cluster: %d nodes: 1 to %d can run here", c.Nodes, MaxNodes)
	}
	if c.Gateways == 0 {
		c.Gateways = 1
	}
	if c.Gateways < 1 || c.Gateways > MaxGateways {
		return c, fmt.Errorf("cluster: %d gateways: 1 to %d can run here", c.Gateways, MaxGateways)
	}
	if c.Listen == "" {
		c.Listen = "127.0.0.1:7700"
	}
	if c.State == "" {
		file, err := StateFile()
		if err != nil {
			return c, err
		}
		c.State = file
	}
	if c.Unsettled < 0 {
		return c, fmt.Errorf("cluster: a bound of %d unsettled hands: want one above zero", c.Unsettled)
	}
	if c.Output == nil {
		c.Output = io.Discard
	}
	return c, nil
}
