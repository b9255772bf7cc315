package embedded

import (
	"fmt"
	"log/slog"
	"time"
)

// Config sets the server's address and bounds. The zero value is usable.
type Config struct {
	// Addr is the host:port to listen on. Default: 127.0.0.1:0, any free port. There is no
	// authentication: an interface other than loopback must be one that only the cluster can reach.
	Addr string

	// MaxInstances bounds the registered instances; any more are refused with status 429. Default:
	// 1024.
	MaxInstances int
	// MaxWatches bounds the blocking queries that wait at a time; any more are refused with status
	// 429. Default: 4096.
	MaxWatches int
	// MaxConns bounds the open connections; any more are closed at once. Default: 8192.
	MaxConns int
	// MaxBody bounds the body of a request, in bytes; a longer one is refused with status 413.
	// Default: 64 KiB.
	MaxBody int64

	// Logger gets a line for each instance that comes, goes or falls silent. Default: no logging.
	Logger *slog.Logger
}

// withDefaults fills in zero fields, or returns an error that names a field that is out of range.
func (c Config) withDefaults() (Config, error) {
	if c.Addr == "" {
		c.Addr = "127.0.0.1:0"
	}
	for _, n := range []struct {
		name     string
		value    *int
		fallback int
	}{
		{"MaxInstances", &c.MaxInstances, 1024},
		{"MaxWatches", &c.MaxWatches, 4096},
		{"MaxConns", &c.MaxConns, 8192},
	} {
		if *n.value == 0 {
			*n.value = n.fallback
		}
		if *n.value < 0 {
			return c, fmt.Errorf("embedded: %s is %d", n.name, *n.value)
		}
	}
	if c.MaxBody == 0 {
		c.MaxBody = 64 << 10
	}
	if c.MaxBody < 0 {
		return c, fmt.Errorf("embedded: MaxBody is %d", c.MaxBody)
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c, nil
}

// The wait of a blocking query, as in Consul.
const (
	defaultWait = 5 * time.Minute
	maxWait     = 10 * time.Minute
)
