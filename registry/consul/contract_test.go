package consul_test

import (
	"errors"
	"testing"
	"time"

	"teahouse/pkg/daemon"
	"teahouse/registry"
	"teahouse/registry/consul"
	"teahouse/registry/registrytest"
)

// TestContractOnConsul runs the suite on a real agent, which it starts.
func TestContractOnConsul(t *testing.T) {
	agent, err := daemon.StartConsul(t.Context(), t.TempDir(), "127.0.0.1:0")
	if errors.Is(err, daemon.ErrNotInstalled) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(agent.Kill)
	registrytest.Run(t, func(t *testing.T, cluster string) registry.Registry {
		r, err := consul.New(consul.Config{Addr: agent.Addr(), Cluster: cluster, TTL: time.Second})
		if err != nil {
			t.Fatal(err)
		}
		return r
	})
}
