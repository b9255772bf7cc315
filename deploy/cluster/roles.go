package cluster

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"runtime/pprof"
	"time"

	"teahouse/gateway/edge"
	"teahouse/node/host"
	"teahouse/pkg/daemon"
	"teahouse/pkg/link"
	"teahouse/pkg/logging"
	"teahouse/pkg/process"
	"teahouse/pkg/token"
	"teahouse/registry/consul"
	"teahouse/registry/embedded"
)

const (
	roleDatabase = "database"
	roleRegistry = "registry"
	roleNode     = "node"
	roleGateway  = "gateway"
	roleReaper   = "reaper"
)

// maxSpec bounds the line that a child reads, in bytes.
const maxSpec = 64 << 10

// roleSpec is the line that a child gets on its standard input.
type roleSpec struct {
	Name      string
	Role      string
	Data      string        // the cluster's folder
	Registry  string        // address of the registry; for the registry itself: where to listen
	Consul    bool          // the registry runs Consul
	Cluster   string        // name in the registry, see registryCluster
	Listen    string        // clients' address of a gateway
	Share     bool          // the gateways share Listen
	Drain     time.Duration // see Config, of a gateway
	Expect    int           // number of nodes that start the cluster
	Sync      bool
	KeepLog   uint64
	Database  string
	Bots      time.Duration // wait after which bots fill a table
	Strength  string        // of bots
	Pace      string        // of bots
	Unsettled int           // see Config
	MinFree   int64         // see Config
	MaxLevel  uint32        `json:",omitempty"` // see Config.MaxLevels
	Profile   string        `json:",omitempty"` // folder for a CPU profile
	Reap      *reapSpec     `json:",omitempty"`
	Log       logging.Config

	exit  func(status int, why error) // ends the process, see process.Exit
	hurry <-chan struct{}             // closed when the whole cluster ends
}

// specs returns the specs of the supervisor's children, in starting order.
func (s *Supervisor) specs() ([]roleSpec, error) {
	var specs []roleSpec
	if s.cfg.Database == MariaDB {
		specs = append(specs, roleSpec{Name: roleDatabase, Role: roleDatabase, Data: s.data})
	}
	if s.cfg.Registry == "" || s.cfg.Registry == Consul {
		address, err := daemon.FreeAddress("127.0.0.1")
		if err != nil {
			return nil, err
		}
		specs = append(specs, roleSpec{
			Name: roleRegistry, Role: roleRegistry, Data: s.data, Registry: address, Consul: s.cfg.Registry == Consul,
		})
	}
	for i := range s.cfg.Nodes {
		specs = append(specs, roleSpec{
			Name: nodeName(i), Role: roleNode, Data: s.data, Registry: s.cfg.Registry,
			Expect: s.cfg.Nodes, Sync: s.cfg.Sync, KeepLog: s.cfg.KeepLog, Database: s.dsn(),
			Bots: s.cfg.BotsAfter, Strength: s.cfg.BotStrength, Pace: s.cfg.BotPace,
			Unsettled: s.cfg.Unsettled, MinFree: s.cfg.MinFree, MaxLevel: s.cfg.MaxLevels[nodeName(i)],
		})
	}
	for i := range s.cfg.Gateways {
		specs = append(specs, roleSpec{
			Name: fmt.Sprintf("gateway-%d", i+1), Role: roleGateway, Data: s.data, Registry: s.cfg.Registry,
			Listen: s.listen, Share: s.cfg.Gateways > 1, Drain: s.cfg.Drain,
		})
	}
	for i := range specs {
		specs[i].Profile, specs[i].Cluster, specs[i].Log = s.cfg.Profile, s.services, s.cfg.Log
		if specs[i].Log.File == "" {
			specs[i].Log.File = filepath.Join(s.data, "logs", specs[i].Name+".log")
		}
	}
	return specs, nil
}

// nodeName returns the name of the node with index i, which is also its folder.
func nodeName(i int) string { return fmt.Sprintf("%s-%d", roleNode, i+1) }

// dsn returns the DSN of the cluster's database.
func (s *Supervisor) dsn() string {
	switch s.cfg.Database {
	case "":
		return "sqlite:" + filepath.Join(s.data, database+".db")
	case MariaDB:
		return daemon.MariaDBDSN(filepath.Join(s.data, MariaDB), database)
	}
	return s.cfg.Database
}

const database = "teahouse"

// RunRole is the main function of a child: it reads its spec from stdin, serves, writes one line with its
// addresses (or an error) to stdout, and returns when stdin closes.
func RunRole(ctx context.Context, stdin io.Reader, stdout io.Writer) error {
	in := bufio.NewReaderSize(io.LimitReader(stdin, maxSpec), 4096)
	line, err := in.ReadBytes('\n')
	if err != nil {
		return fmt.Errorf("a role is started by its supervisor only: %w", err)
	}
	var spec roleSpec
	if err := json.Unmarshal(line, &spec); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	hurry := make(chan struct{})
	go func() { // ends with the pipe: the supervisor has ended, or is ending the cluster
		io.Copy(io.Discard, stdin)
		close(hurry)
		cancel()
	}()
	say := func(r readiness) { json.NewEncoder(stdout).Encode(r) }
	log, err := logging.Open(spec.Log)
	if err != nil {
		say(readiness{Error: err.Error()})
		return err
	}
	defer log.Close()
	logger := log.With("process", spec.Name)
	if spec.Role == roleReaper {
		lock, err := lockFolder(spec.Data) // the next supervisor waits until the reaper has released it
		if err != nil {
			return err
		}
		defer lock.Close()
		say(readiness{})
		<-ctx.Done()
		return reap(*spec.Reap, lock)
	}
	spec.hurry = hurry
	spec.exit = func(status int, why error) { process.Exit(log, status, why) }
	err = spec.serve(ctx, logger, func(addresses map[string]string) { say(readiness{Addresses: addresses}) })
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		err = nil
	}
	if err != nil {
		logger.Error("ended", "error", err)
		say(readiness{Error: err.Error()})
	}
	return err
}

// serve prepares the process and runs the role until ctx ends.
func (r roleSpec) serve(ctx context.Context, logger *slog.Logger, ready func(map[string]string)) error {
	process.SetMemory()
	lock, err := lockFolder(r.Data)
	if err != nil {
		return err
	}
	defer lock.Close()
	if r.Profile != "" {
		stop, err := profile(filepath.Join(r.Profile, r.Name+".cpu"))
		if err != nil {
			return err
		}
		defer stop()
	}
	// A child that hangs must not outlive its supervisor.
	grace := stopGrace + max(0, r.Drain)
	context.AfterFunc(ctx, func() {
		time.AfterFunc(grace, func() { r.exit(1, fmt.Errorf("the process did not end within %v", grace)) })
	})
	return r.run(ctx, logger, ready)
}

// profile writes a CPU profile of this process from now until stop.
func profile(file string) (stop func(), err error) {
	f, err := os.OpenFile(file, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		f.Close()
		return nil, err
	}
	return func() {
		pprof.StopCPUProfile()
		f.Close()
	}, nil
}

func (r roleSpec) run(ctx context.Context, logger *slog.Logger, ready func(map[string]string)) error {
	switch r.Role {
	case roleDatabase:
		db, err := daemon.StartMariaDB(ctx, filepath.Join(r.Data, MariaDB))
		if err != nil {
			return err
		}
		defer db.Stop()
		if err := db.CreateDatabase(ctx, database); err != nil {
			return err
		}
		ready(map[string]string{"mysql": db.Socket()})
		return awaitServer(ctx, db.Daemon)
	case roleRegistry:
		if r.Consul {
			agent, err := daemon.StartConsul(ctx, filepath.Join(r.Data, Consul), r.Registry)
			if err != nil {
				return err
			}
			defer agent.Stop()
			ready(map[string]string{"http": agent.Addr()})
			return awaitServer(ctx, agent.Daemon)
		}
		server, err := embedded.New(embedded.Config{Addr: r.Registry, Logger: logger})
		if err != nil {
			return err
		}
		ready(map[string]string{"http": server.Addr()})
		return server.Run(ctx)
	case roleNode:
		return host.Run(ctx, host.Config{
			Name: r.Name, Expect: r.Expect, Registry: r.Registry, RegistryCluster: r.Cluster, Database: r.Database, Unsettled: r.Unsettled,
			Data: filepath.Join(r.Data, r.Name), Sync: r.Sync, KeepLog: r.KeepLog, MinFree: r.MinFree, MaxLevel: r.MaxLevel, BotsAfter: r.Bots, BotStrength: r.Strength, BotPace: r.Pace,
			SecretFile: filepath.Join(r.Data, secretFile), TokenKeyFile: filepath.Join(r.Data, token.SecretFile),
			Logger: logger, Ready: ready, Exit: r.exit,
		})
	case roleGateway:
		return r.runGateway(ctx, logger, ready)
	}
	return fmt.Errorf("no role %q", r.Role)
}

// awaitServer waits until ctx ends, or until the server ends, which is an error.
func awaitServer(ctx context.Context, d *daemon.Daemon) error {
	select {
	case <-ctx.Done():
		return nil
	case <-d.Done():
		return errors.New("the server has ended")
	}
}

func (r roleSpec) runGateway(ctx context.Context, logger *slog.Logger, ready func(map[string]string)) error {
	secret, err := link.LoadSecret(filepath.Join(r.Data, secretFile))
	if err != nil {
		return err
	}
	verifier, err := token.LoadVerifier(filepath.Join(r.Data, token.PublicFile))
	if err != nil {
		return err
	}
	reg, err := consul.New(consul.Config{Addr: r.Registry, Cluster: r.Cluster, Logger: logger})
	if err != nil {
		return err
	}
	defer reg.Close()
	return edge.Run(ctx, edge.Config{
		Name: r.Name, Listen: r.Listen, ReusePort: r.Share,
		Registry: reg, Secret: secret, Verifier: verifier, Logger: logger,
		StatusListen: "127.0.0.1:0", Ready: ready, Drain: r.Drain, Hurry: r.hurry,
	})
}
