package daemon

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"
)

// Consul is a running Consul agent in development mode: a server for itself that
// keeps nothing, so that a new start knows nobody.
type Consul struct {
	*Daemon
	addr string
}

// StartConsul runs an agent whose HTTP API listens on addr, a port of 127.0.0.1
// (port 0 = a free one), and returns once it answers. The program is the one that
// TEAHOUSE_CONSUL names, or consul in PATH. Its log goes into dir.
func StartConsul(ctx context.Context, dir, addr string) (*Consul, error) {
	program := os.Getenv("TEAHOUSE_CONSUL")
	if program == "" {
		var err error
		if program, err = exec.LookPath("consul"); err != nil {
			return nil, fmt.Errorf("daemon: Consul is %w: neither TEAHOUSE_CONSUL is set nor is consul in PATH (it is built by: cd deploy/tools/consul && go build -o DIR tool)", ErrNotInstalled)
		}
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	ports, err := consulPorts(addr)
	if err != nil {
		return nil, fmt.Errorf("daemon: %w", err)
	}
	c := &Consul{addr: fmt.Sprintf("127.0.0.1:%d", ports[0])}
	cmd := exec.Command(program, "agent", "-dev", "-bind", "127.0.0.1", "-log-level", "warn", "-hcl",
		fmt.Sprintf("ports { http = %d, server = %d, serf_lan = %d, serf_wan = -1, dns = -1, grpc = -1, grpc_tls = -1 }",
			ports[0], ports[1], ports[2]))
	c.Daemon, err = start(ctx, cmd, filepath.Join(dir, "consul.log"), c.led)
	if err != nil {
		return nil, err
	}
	return c, nil
}

// Addr is the address of the HTTP API.
func (c *Consul) Addr() string { return c.addr }

// led says whether the agent has elected itself; until then it answers no query.
func (c *Consul) led(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+c.addr+"/v1/status/leader", nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	var leader string
	if err := json.NewDecoder(resp.Body).Decode(&leader); err != nil {
		return err
	}
	if leader == "" {
		return errors.New("no leader yet")
	}
	return nil
}

// consulPorts returns the port of addr, which nobody listens on now, and two others.
func consulPorts(addr string) (ports []int, err error) {
	tcp, err := net.ResolveTCPAddr("tcp", addr)
	if err != nil {
		return nil, err
	}
	if tcp.Port != 0 {
		l, err := net.Listen("tcp", addr)
		if err != nil {
			return nil, err
		}
		defer l.Close()
		ports = append(ports, tcp.Port)
	}
	for len(ports) < 3 {
		free, err := FreeAddress("127.0.0.1")
		if err != nil {
			return nil, err
		}
		if tcp, err = net.ResolveTCPAddr("tcp", free); err != nil {
			return nil, err
		}
		if !slices.Contains(ports, tcp.Port) {
			ports = append(ports, tcp.Port)
		}
	}
	return ports, nil
}
