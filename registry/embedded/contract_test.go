package embedded_test

import (
	"context"
	"testing"
	"time"

	"go.uber.org/goleak"

	"teahouse/registry"
	"teahouse/registry/consul"
	"teahouse/registry/embedded"
	"teahouse/registry/registrytest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// start runs a server until the test ends.
func start(t *testing.T, cfg embedded.Config) *embedded.Server {
	t.Helper()
	server, err := embedded.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	result := make(chan error, 1)
	go func() { result <- server.Run(context.Background()) }()
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
		if err := <-result; err != nil {
			t.Errorf("run: %v", err)
		}
	})
	return server
}

func client(t *testing.T, cfg consul.Config) *consul.Registry {
	t.Helper()
	r, err := consul.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	return r
}

func TestContract(t *testing.T) {
	server := start(t, embedded.Config{})
	registrytest.Run(t, func(t *testing.T, cluster string) registry.Registry {
		return client(t, consul.Config{
			Addr: server.Addr(), Cluster: cluster,
			TTL: time.Second, DeregisterAfter: 100 * time.Millisecond,
		})
	})
}
