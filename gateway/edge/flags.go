package edge

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/spf13/pflag"

	"teahouse/pkg/link"
	"teahouse/pkg/token"
	"teahouse/registry/consul"
)

// Flags are a gateway's command line.
type Flags struct {
	cfg                                   Config
	registry, cluster, secret, publicFile string
	drain                                 time.Duration
}

// Add adds the flags to f.
func (f *Flags) Add(fs *pflag.FlagSet) {
	fs.StringVar(&f.cfg.Name, "name", "", "`NAME` of this gateway, unique in the cluster (default: gateway- and random letters)")
	fs.StringVar(&f.cfg.Listen, "listen", "127.0.0.1:7700", "`HOST:PORT` to listen on for clients")
	fs.BoolVar(&f.cfg.ReusePort, "reuseport", false, "share the address with other gateways of this machine")
	fs.StringVar(&f.cfg.StatusListen, "status", "", "`HOST:PORT` to listen on for GET /status, which needs no password (default: none)")
	fs.StringVar(&f.registry, "registry", consul.DefaultAddr, "`HOST:PORT` of the Consul agent or the embedded registry")
	fs.StringVar(&f.cluster, "cluster", "", "`NAME` of the cluster in the registry, the same on all nodes and gateways (default \"teahouse\")")
	fs.StringVar(&f.cfg.Cluster, "cluster-id", "", "`ID` that the nodes must have, as they log it (default: as they have registered it)")
	fs.StringVar(&f.secret, "secret-file", "", "`FILE` with the cluster's secret, mode 0600 (required)")
	fs.StringVar(&f.publicFile, "token-public-file", "", "`FILE` with the public key that session tokens are checked with (required)")
	fs.DurationVar(&f.drain, "drain", 10*time.Second, "when asked to end: `TIME` to serve the clients until they have gone to other gateways; 0 = send them away at once")
	fs.IntVar(&f.cfg.MaxConns, "max-conns", 0, "most clients at once (default 20000)")
}

// OldFlags tells what flags of earlier releases are called now.
func OldFlags() map[string]string { return map[string]string{"token-key": "token-public-file"} }

// Config is what the flags say, once they are parsed. Closing what it returns closes the
// registry's client; do that after Run.
func (f *Flags) Config(logger *slog.Logger) (Config, io.Closer, error) {
	cfg := f.cfg
	cfg.Logger = logger
	switch {
	case f.drain < 0:
		return cfg, nil, fmt.Errorf("edge: --drain is %v, and must not be below 0", f.drain)
	case f.drain == 0:
		cfg.Drain = -1 // for Config, 0 is its default
	default:
		cfg.Drain = f.drain
	}
	if f.secret == "" {
		return cfg, nil, errors.New("edge: --secret-file is missing: it is the nodes' secret, made with: teahouse-local keygen")
	}
	if f.publicFile == "" {
		return cfg, nil, errors.New("edge: --token-public-file is missing: it is the public half of the nodes' --token-key-file, made with: teahouse-local keygen")
	}
	var err error
	if cfg.Secret, err = link.LoadSecret(f.secret); err != nil {
		return cfg, nil, err
	}
	if cfg.Verifier, err = token.LoadVerifier(f.publicFile); err != nil {
		return cfg, nil, err
	}
	reg, err := consul.New(consul.Config{Addr: f.registry, Cluster: f.cluster, Logger: logger})
	if err != nil {
		return cfg, nil, err
	}
	cfg.Registry = reg
	return cfg, reg, nil
}
