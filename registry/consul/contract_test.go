package consul_test

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"teahouse/registry"
	"teahouse/registry/consul"
	"teahouse/registry/registrytest"
)

// TestContractOnConsul runs the suite on a real agent, which it starts: the binary that
// TEAHOUSE_CONSUL names, or consul in PATH.
func TestContractOnConsul(t *testing.T) {
	binary := os.Getenv("TEAHOUSE_CONSUL")
	if binary == "" {
		var err error
		if binary, err = exec.LookPath("consul"); err != nil {
			t.Skip("no Consul: neither TEAHOUSE_CONSUL is set nor is consul in PATH")
		}
	}
	addr := startConsul(t, binary)
	registrytest.Run(t, func(t *testing.T, cluster string) registry.Registry {
		r, err := consul.New(consul.Config{Addr: addr, Cluster: cluster, TTL: time.Second})
		if err != nil {
			t.Fatal(err)
		}
		return r
	})
}

// startConsul runs a development agent without state until the test ends, and returns its
// HTTP address. The suite's own patience covers the time until it has a leader.
func startConsul(t *testing.T, binary string) (addr string) {
	t.Helper()
	ports := freePorts(t, 3)
	logs, err := os.Create(filepath.Join(t.TempDir(), "consul.log"))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), binary, "agent", "-dev", "-bind", "127.0.0.1", "-hcl",
		fmt.Sprintf("ports { http = %d, server = %d, serf_lan = %d, serf_wan = -1, dns = -1, grpc = -1, grpc_tls = -1 }",
			ports[0], ports[1], ports[2]))
	cmd.Stdout, cmd.Stderr = logs, logs
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		_ = logs.Close()
		if t.Failed() {
			text, _ := os.ReadFile(logs.Name())
			t.Logf("consul:\n%s", text[max(0, len(text)-8000):])
		}
	})
	return fmt.Sprintf("127.0.0.1:%d", ports[0])
}

func freePorts(t *testing.T, n int) []int {
	t.Helper()
	ports := make([]int, n)
	for i := range ports {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer listener.Close()
		ports[i] = listener.Addr().(*net.TCPAddr).Port
	}
	return ports
}
