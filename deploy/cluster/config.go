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
	Listen   string // the clients' address; default 127.0.0.1:7700; if it is busy, a free port of the host is used

	Data  string // folder kept between runs; empty = a temporary one, removed at the end
	State string // state file; default: StateFile()
	Sync  bool   // whether each write of the shards' logs is synced to disk

	// KeepLog is how many log entries before a snapshot each group keeps, for tools that compare the
	// replicas' logs; 0 = the default.
	KeepLog uint64

	// Registry is the address of a Consul agent, or Consul to run one (in development mode, without
	// data on disk); empty = the embedded registry.
	Registry string
	// Database is a DSN, or MariaDB to run a server in Data; empty = SQLite in Data.
	Database string

	BotsAfter time.Duration // wait in the queue for people after which bots fill a table; default 10 s
	// How bots play with people: see host.Config, which has the defaults.
	BotStrength, BotPace string

	// Unsettled is the number of finished hands not in the database yet at which a shard accepts no
	// tables and deals no hands; default 256.
	Unsettled int

	// MinFree is the number of free bytes on Data's file system below which nodes accept no new
	// tables; default host.DefaultMinFree.
	MinFree int64

	// MaxLevels are the highest cluster levels that nodes can run at, by node name, for tests of two
	// builds in one cluster; none = the build's own maximum.
	MaxLevels map[string]uint32

	// Drain is for how long a gateway that is told to end serves its clients until they have gone to
	// another one; at most MaxDrain; default 2 s, below zero = not at all. At the end of the cluster
	// nobody is waited for.
	Drain time.Duration

	// Respawn restarts a child that has ended without being told to.
	Respawn bool

	// Profile is an existing folder for a CPU profile of each process that is not killed; empty =
	// none.
	Profile string

	// Log configures the processes' logs. Without a File each process has its own, in the folder logs
	// of Data; with one they share it.
	Log logging.Config

	Output io.Writer // messages for people; default: discard
}

// MaxDrain bounds Config.Drain, and so how long a gateway takes to end.
const MaxDrain = stopGrace

// Values of Config.Registry and Config.Database for servers that the cluster runs itself, from programs
// installed on this machine.
const (
	Consul  = "consul"
	MariaDB = "mariadb"
)

// RoleArgument is the argument that makes the executable a child.
const RoleArgument = "role"

// StateFile returns the default path of the state file.
func StateFile() (string, error) {
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("there is no default folder for the state file (%w); name a file: --state FILE", err)
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
	if c.Drain == 0 {
		c.Drain = 2 * time.Second
	}
	if c.Drain > MaxDrain {
		return c, fmt.Errorf("cluster: gateways that are served for %v when they are to end: at most %v", c.Drain, MaxDrain)
	}
	if c.Unsettled < 0 {
		return c, fmt.Errorf("cluster: a bound of %d unsettled hands: want one above zero", c.Unsettled)
	}
	if c.Output == nil {
		c.Output = io.Discard
	}
	return c, nil
}
