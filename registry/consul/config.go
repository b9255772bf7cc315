package consul

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// DefaultAddr is where a Consul agent usually listens, and so the embedded registry.
const DefaultAddr = "127.0.0.1:8500"

// Config tells how to reach the registry. Only Addr is required.
type Config struct {
	// Addr is the Consul agent's, or the embedded registry's, HTTP address: host:port, or a
	// URL with the scheme http, https or unix.
	Addr string
	// Token is the ACL token; if empty, the client uses the usual CONSUL_ environment variables. It
	// is a secret.
	Token string
	// Cluster prefixes the names of the services, so that several clusters can share one registry:
	// lower-case letters, digits and dashes, at most 32. Default: teahouse.
	Cluster string

	// TTL is how long an instance stays healthy without a heartbeat; one is sent every third
	// of it. Default: 5 s.
	TTL time.Duration
	// DeregisterAfter is how long an unhealthy instance stays registered. By then watchers have
	// long ceased to see it. Default: 1 minute, which is Consul's minimum.
	DeregisterAfter time.Duration
	// Wait is how long a blocking query may stay unanswered, at most 10 minutes. Default: 30 s.
	Wait time.Duration
	// Timeout bounds each non-blocking request, and the time that a blocking one may take beyond
	// Wait. Default: 2 s.
	Timeout time.Duration
	// BackoffMin and BackoffMax bound the pause after a failed request: it doubles from the one to
	// the other, less a random part of up to a half. Defaults: 50 ms and 2 s.
	BackoffMin, BackoffMax time.Duration

	// Transport carries the requests; it is for tests and for TLS settings. By default the
	// Registry makes its own and closes it.
	Transport http.RoundTripper
	// Logger gets a line when the registry is lost and found. Default: no logging.
	Logger *slog.Logger
}

// checkAddr refuses addresses that cannot work. Retrying could not tell them from an agent that is
// away.
func checkAddr(addr string) error {
	hostPort := addr
	if scheme, rest, found := strings.Cut(addr, "://"); found {
		switch scheme {
		case "unix":
			return nil
		case "http", "https":
		default:
			return fmt.Errorf("consul: registry %q: want host:port, or a URL with http, https or unix", addr)
		}
		if hostPort, _, _ = strings.Cut(rest, "/"); !strings.Contains(hostPort, ":") {
			return nil // the scheme's port
		}
	}
	_, port, err := net.SplitHostPort(hostPort)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	if err != nil {
		return fmt.Errorf("consul: registry %q: want host:port, such as %s", addr, DefaultAddr)
	}
	return nil
}

var validCluster = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,31}$`)

// withDefaults fills in zero fields, or returns an error that names a field that is out of range.
func (c Config) withDefaults() (Config, error) {
	if c.Addr == "" {
		return c, errors.New("consul: Addr is empty")
	}
	if err := checkAddr(c.Addr); err != nil {
		return c, err
	}
	if c.Cluster == "" {
		c.Cluster = "teahouse"
	}
	if !validCluster.MatchString(c.Cluster) {
		return c, fmt.Errorf("consul: Cluster %q: lower-case letters, digits and dashes, at most 32", c.Cluster)
	}
	for _, d := range []struct {
		name     string
		value    *time.Duration
		fallback time.Duration
		min, max time.Duration
	}{
		{"TTL", &c.TTL, 5 * time.Second, 10 * time.Millisecond, time.Hour},
		{"DeregisterAfter", &c.DeregisterAfter, time.Minute, 10 * time.Millisecond, 24 * time.Hour},
		{"Wait", &c.Wait, 30 * time.Second, 10 * time.Millisecond, 10 * time.Minute},
		{"Timeout", &c.Timeout, 2 * time.Second, 10 * time.Millisecond, time.Minute},
		{"BackoffMin", &c.BackoffMin, 50 * time.Millisecond, time.Millisecond, time.Minute},
		{"BackoffMax", &c.BackoffMax, 2 * time.Second, time.Millisecond, time.Minute},
	} {
		if *d.value == 0 {
			*d.value = d.fallback
		}
		if *d.value < d.min || *d.value > d.max {
			return c, fmt.Errorf("consul: %s is %v, not within %v to %v", d.name, *d.value, d.min, d.max)
		}
	}
	if c.BackoffMax < c.BackoffMin {
		return c, fmt.Errorf("consul: BackoffMax %v is below BackoffMin %v", c.BackoffMax, c.BackoffMin)
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c, nil
}
