package host

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
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

// Functions that block or need much CPU run in pools. Look-ups have a pool of their own: if the database
// hangs, they fill it, and bots must still be able to think.
const (
	poolSize   = 64 // settlements (a few for each led shard), outbox calls, bots
	lookupSize = 32 // players' queries to the database; more get UNAVAILABLE
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
	views     chan coordinator.View // capacity 1: newest view that follow has not handled yet
	newLevel  chan uint32           // capacity 1: highest level in member lists from links
	replaced  chan error            // capacity 1: errReplaced, from a member list that a link has brought
	displaced atomic.Bool           // the registry shows another server under this name
	leaving   atomic.Bool           // the node gives its leaderships away and accepts no more

	registered registered

	mu           sync.Mutex
	view         coordinator.View
	shards       map[game.GroupID]*replica
	servingSince map[game.GroupID]int64 // when this node started to serve a group as leader, Unix µs
}

// Run runs a node. When ctx ends, the node transfers its leaderships and leaves, within five seconds. When
// Run returns, everything is closed; the error says why the node could not go on.
func Run(ctx context.Context, cfg Config) (err error) {
	cfg, err = cfg.withDefaults()
	if err != nil {
		return err
	}
	var closers []func() error
	defer func() { // close in reverse order of opening
		for i := len(closers) - 1; i >= 0; i-- {
			err = errors.Join(err, closers[i]())
		}
	}()

	// The node's identity. The disk has an id of its own, so that a node whose folder was wiped is a new
	// server.
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
		replaced:     make(chan error, 1),
		newLevel:     make(chan uint32, 1),
		shards:       make(map[game.GroupID]*replica),
		servingSince: make(map[game.GroupID]int64),
	}
	n.space = newSpace(disk, cfg.MinFree, n.log)
	if n.games, err = games(); err != nil {
		return errors.Join(err, disk.Close())
	}

	// Bind the ports before their addresses are published.
	links, rafts, statuses, err := n.listen()
	if err != nil {
		return errors.Join(err, disk.Close())
	}
	owned := false // whether the Raft host owns the disk and its port, and closes them
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

	// Find the other nodes, and start the cluster with them unless it has started before.
	reg, err := consul.New(consul.Config{Addr: cfg.Registry, Cluster: cfg.RegistryCluster, Logger: cfg.Logger})
	if err != nil {
		return err
	}
	closers = append(closers, reg.Close)
	self := registry.Instance{
		// The id is the name, so that a node that comes back on another disk replaces the entry that
		// the killed process has left.
		ID: cfg.Name, Name: cfg.Name, Role: registry.RoleNode,
		LinkAddr: links.address, RaftAddr: rafts.address,
		Meta: n.meta(),
	}
	if n.birth, err = n.awaitBirthRecord(ctx, reg, self); err != nil {
		return err
	}
	self.Meta = n.meta()

	// Links in both directions, then the groups that use them.
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
	n.raft.SetLevel(birthLevel(n.birth)) // the first entries carry it too
	return n.serve(ctx, reg, self, links, statuses)
}

// meta returns what the registry shows of this node beside its addresses.
func (n *node) meta() map[string]string {
	m := map[string]string{
		metaServer: string(n.server), metaZone: n.cfg.Zone, metaLevel: strconv.FormatUint(uint64(n.cfg.levels().Max), 10),
	}
	if n.birth.Cluster != "" {
		m[metaCluster] = n.birth.Cluster
	}
	return m
}

// storeEvery is how often a node that starts tries to reach its database.
const storeEvery = 500 * time.Millisecond

// openStore opens the database, and waits while it is unreachable: after a power cut it may start later
// than the nodes.
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

// awaitBirthRecord returns the cluster's birth record. If there is none yet, it registers this node and
// waits for the record.
func (n *node) awaitBirthRecord(ctx context.Context, reg registry.Registry, self registry.Instance) (game.Birth, error) {
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
		n.log.Info("waiting for the nodes that start the cluster", "expect", n.cfg.Expect)
		if birth, err = awaitBirth(ctx, n.store, nodes, n.cfg.Expect); err != nil {
			return birth, err
		}
	}
	n.log.Info("cluster", "id", birth.Cluster, "server", n.server)
	return birth, checkBirth(birth, n.cfg.Name, string(n.server), n.used)
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

// moving tells the gateways that this node is about to give a group's leadership away.
func (n *node) moving(group game.GroupID, term uint64) {
	n.in.Announce(&linkpb.Announce{Group: uint32(group), Term: term, Moving: true})
}

// announce tells all peers, and this node's own callers, whether this node leads a group.
func (n *node) announce(group game.GroupID, term uint64, leading bool) {
	a := &linkpb.Announce{Group: uint32(group), Term: term, Withdrawn: !leading}
	n.serving(group, leading)
	n.peers.Announce(a)
	n.in.Announce(a)
}
