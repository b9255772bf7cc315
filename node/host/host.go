package host

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/panjf2000/ants/v2"

	"teahouse/node/coordinator"
	"teahouse/node/ingress"
	"teahouse/node/peer"
	"teahouse/pkg/game"
	"teahouse/pkg/gormstore"
	"teahouse/pkg/link"
	"teahouse/pkg/link/linkpb"
	"teahouse/pkg/raftgroup"
	"teahouse/pkg/token"
	"teahouse/registry"
	"teahouse/registry/consul"
)

// What blocks or burns CPU runs in pools. Look-ups have their own: when the
// database hangs they pile up, and bots must go on thinking.
const (
	poolSize   = 64 // settlements (a few a led shard), outbox calls, bots
	lookupSize = 32 // players' questions to the database; more get UNAVAILABLE
)

// node is the assembled process.
type node struct {
	// immutable once Run has built them
	cfg    Config
	log    *slog.Logger
	server raftgroup.ServerID
	used   bool // groups have been started on this disk
	birth  game.Birth
	store  *gormstore.Store
	signer *token.Signer
	pool   *ants.Pool
	lookup *ants.Pool
	games  map[string]game.Game
	raft   *raftgroup.Host
	in     *ingress.Ingress
	peers  *peer.Peers
	coord  *coordinator.Coordinator

	directory *directory
	losses    losses
	contacts  link.Contacts
	disk      *raftgroup.Disk
	space     *space
	views     chan coordinator.View // newest view that follow has not seen
	levelled  chan uint32           // has room for one: newest level that a link told of
	told      chan error            // has room for one: why this node cannot go on, as a link said
	displaced atomic.Bool           // the registry shows another server under this name
	leaving   atomic.Bool           // the node steps aside, and takes no leadership any more

	registered registered

	mu           sync.Mutex
	view         coordinator.View
	shards       map[game.GroupID]*replica
	servingSince map[game.GroupID]int64 // when this node began to serve a group, Unix µs
}

// Run is a node's life. When ctx ends, the node gives its leaderships to others and
// leaves, within five seconds. Run returns with everything closed, or
// with the reason why the node cannot go on.
func Run(ctx context.Context, cfg Config) (err error) {
	cfg, err = cfg.withDefaults()
	if err != nil {
		return err
	}
	var closers []func() error
	defer func() { // what was opened last is closed first
		for i := len(closers) - 1; i >= 0; i-- {
			err = errors.Join(err, closers[i]())
		}
	}()

	// Who we are: the disk has an id of its own, so that a wiped folder under
	// an old name is a new server.
	secret, err := link.LoadSecret(cfg.SecretFile)
	if err != nil {
		return err
	}
	signer, err := token.LoadSigner(cfg.TokenKeyFile)
	if err != nil {
		return err
	}
	disk, err := raftgroup.OpenDisk(cfg.Data, raftgroup.DiskConfig{Sync: cfg.Sync, Exit: cfg.Exit, Logger: cfg.Logger})
	if err != nil {
		return err
	}
	n := &node{
		cfg: cfg, signer: signer, directory: newDirectory(), used: disk.Used(), disk: disk,
		server:       raftgroup.ServerID(cfg.Name + "-" + disk.ID()),
		log:          cfg.Logger.With("node", cfg.Name),
		views:        make(chan coordinator.View, 1),
		told:         make(chan error, 1),
		levelled:     make(chan uint32, 1),
		shards:       make(map[game.GroupID]*replica),
		servingSince: make(map[game.GroupID]int64),
	}
	n.space = newSpace(disk, cfg.MinFree, n.log)
	if n.games, err = games(); err != nil {
		return errors.Join(err, disk.Close())
	}

	// The ports, before anybody is told of them.
	links, rafts, statuses, err := n.listen()
	if err != nil {
		return errors.Join(err, disk.Close())
	}
	owned := false // whether the Raft host closes disk and port
	closers = append(closers, links.Close, statuses.Close, func() error {
		if owned {
			return nil
		}
		return errors.Join(rafts.Close(), disk.Close())
	})

	n.log.Info("listening", "link", links.address, "raft", rafts.address, "status", statuses.address, "data", cfg.Data)

	if n.store, err = n.openStore(ctx); err != nil {
		return err
	}
	closers = append(closers, n.store.Close)
	if !n.store.Shared() && !(loopback(links.address) && loopback(rafts.address)) {
		return errors.New("host: DB_NOT_SHARED: SQLite serves one machine, but this node advertises an address beyond it; use --db mysql:…")
	}
	if err := n.store.Migrate(ctx); err != nil {
		return err
	}
	if n.pool, err = n.newPool(poolSize); err != nil {
		return err
	}
	closers = append(closers, func() error { n.pool.Release(); return nil })
	if n.lookup, err = n.newPool(lookupSize); err != nil {
		return err
	}
	closers = append(closers, func() error { n.lookup.Release(); return nil })

	// The others, and with them the birth.
	reg, err := consul.New(consul.Config{Addr: cfg.Registry, Cluster: cfg.RegistryCluster, Logger: cfg.Logger})
	if err != nil {
		return err
	}
	closers = append(closers, reg.Close)
	self := registry.Instance{
		// By name: what is left of a node that was killed is not in the way of
		// the one that takes its place on another disk.
		ID: cfg.Name, Name: cfg.Name, Role: registry.RoleNode,
		LinkAddr: links.address, RaftAddr: rafts.address,
		Meta: map[string]string{metaServer: string(n.server), metaZone: cfg.Zone},
	}
	if n.birth, err = n.beBorn(ctx, reg, self); err != nil {
		return err
	}
	self.Meta = map[string]string{metaServer: string(n.server), metaZone: cfg.Zone, metaCluster: n.birth.Cluster}

	// Links in both directions, then the groups that talk over them.
	linkConfig := link.Config{Cluster: n.birth.Cluster, Secret: secret, Name: cfg.Name, Role: link.RoleNode, Contacts: &n.contacts, Logger: cfg.Logger}
	if err := n.connect(linkConfig); err != nil {
		return err
	}
	closers = append(closers, func() error { n.peers.Close(); return nil })
	n.raft, err = raftgroup.Open(raftgroup.Config{
		Self: n.server, Disk: disk, Listener: rafts, ClusterID: n.birth.Cluster, Secret: secret,
		Resolve: n.directory.raft, TrailingEntries: cfg.KeepLog, Levels: cfg.levels(), Logger: cfg.Logger,
	})
	if err != nil {
		return err
	}
	owned = true
	closers = append(closers, n.raft.Close)
	return n.serve(ctx, reg, self, links, statuses)
}

// storeEvery is how often a node that starts looks for its database.
const storeEvery = 500 * time.Millisecond

// openStore waits for a database that is out of reach: after a power cut it may
// come back later than the nodes.
func (n *node) openStore(ctx context.Context) (*gormstore.Store, error) {
	tick := time.NewTicker(storeEvery)
	defer tick.Stop()
	for told := false; ; told = true {
		store, err := gormstore.Open(ctx, gormstore.Config{DSN: n.cfg.Database, Logger: n.cfg.Logger})
		if !errors.Is(err, gormstore.ErrUnreachable) {
			return store, err
		}
		if !told {
			n.log.Warn("waiting for the database; is it running, and is --db right?", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-tick.C:
		}
	}
}

// beBorn registers this node and waits for the birth record.
func (n *node) beBorn(ctx context.Context, reg registry.Registry, self registry.Instance) (game.Birth, error) {
	birth, err := n.store.Born(ctx)
	if err != nil && !errors.Is(err, game.ErrNotFound) {
		return birth, err
	}
	if err != nil {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		nodes, err := reg.Watch(ctx, registry.RoleNode)
		if err != nil {
			return birth, err
		}
		if err := n.registered.begin(ctx, reg, self); err != nil {
			return birth, err
		}
		n.log.Info("waiting for the nodes that begin the cluster", "expect", n.cfg.Expect)
		if birth, err = awaitBirth(ctx, n.store, nodes, n.cfg.Expect); err != nil {
			return birth, err
		}
	}
	n.log.Info("cluster", "id", birth.Cluster, "server", n.server)
	return birth, place(birth, n.cfg.Name, string(n.server), n.used)
}

func (n *node) listen() (links, rafts, statuses listener, err error) {
	for _, l := range []struct {
		to   *listener
		addr string
	}{{&links, n.cfg.LinkListen}, {&rafts, n.cfg.RaftListen}, {&statuses, n.cfg.StatusListen}} {
		if *l.to, err = n.cfg.open(l.addr); err != nil {
			for _, open := range []listener{links, rafts, statuses} {
				if open.Listener != nil {
					open.Close()
				}
			}
			return links, rafts, statuses, fmt.Errorf("host: %s: %w", l.addr, err)
		}
	}
	return links, rafts, statuses, nil
}

// announce tells everybody, this node's own callers included, who leads.
func (n *node) announce(group game.GroupID, term uint64, leading bool) {
	a := &linkpb.Announce{Group: uint32(group), Term: term, Withdrawn: !leading}
	n.serving(group, leading)
	n.peers.Announce(a)
	n.in.Announce(a)
}
