package edge

import (
	"errors"
	"flag"
	"io"
	"log/slog"

	"teahouse/pkg/link"
	"teahouse/pkg/token"
	"teahouse/registry/consul"
)

// FromFlags reads a Config from command line arguments. Closing what it returns closes the
// registry client; do that after Run. Messages for the operator go to out.
func FromFlags(args []string, out io.Writer) (Config, io.Closer, error) {
	var cfg Config
	var registryAddr, secretFile, tokenFile string
	var level slog.Level
	fs := flag.NewFlagSet("gateway", flag.ContinueOnError)
	fs.SetOutput(out)
	fs.StringVar(&cfg.Name, "name", "", "name of this gateway, unique in the cluster (default gateway-RANDOM)")
	fs.StringVar(&cfg.Listen, "listen", "127.0.0.1:7700", "`host:port` for clients")
	fs.BoolVar(&cfg.ReusePort, "reuseport", false, "share the address with other gateways of this host")
	fs.StringVar(&cfg.StatusListen, "status", "", "`host:port` for GET /status, which needs no password (default: none)")
	fs.StringVar(&registryAddr, "registry", "127.0.0.1:8500", "`address` of the Consul agent or the embedded registry")
	fs.StringVar(&cfg.Cluster, "cluster", "", "cluster id (default: as the nodes have registered it)")
	fs.StringVar(&secretFile, "secret-file", "", "`file` with the cluster secret in hex, mode 0600, as the nodes have it")
	fs.StringVar(&tokenFile, "token-key", token.PublicFile, "`file` with the public key of the session tokens")
	fs.IntVar(&cfg.MaxConns, "max-conns", 0, "most clients at once (default 20000)")
	fs.TextVar(&level, "log-level", slog.LevelInfo, "debug, info, warn or error")
	if err := fs.Parse(args); err != nil {
		return cfg, nil, err
	}
	cfg.Logger = slog.New(slog.NewTextHandler(out, &slog.HandlerOptions{Level: level}))
	var err error
	if secretFile == "" {
		return cfg, nil, errors.New("edge: -secret-file is missing")
	}
	if cfg.Secret, err = link.LoadSecret(secretFile); err != nil {
		return cfg, nil, err
	}
	if cfg.Verifier, err = token.LoadVerifier(tokenFile); err != nil {
		return cfg, nil, err
	}
	reg, err := consul.New(consul.Config{Addr: registryAddr, Logger: cfg.Logger})
	if err != nil {
		return cfg, nil, err
	}
	cfg.Registry = reg
	return cfg, reg, nil
}
