package raftgroup

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/raft"
)

const (
	// maxRequests bounds the requests of peers that wait for a group; more are refused, and the
	// peer's raft retries.
	maxRequests = 256

	logCache  = 512         // entries kept in memory for followers that are a little behind
	stopGrace = time.Second // how long Stop waits for proposals without an outcome
)

// Group is one replica of a Raft group. Its methods are safe for concurrent use.
type Group struct {
	host    *Host
	id      GroupID
	onState func(State)
	fsm     *fsm
	log     *groupLog
	raft    *raft.Raft // set before started is closed

	halting halting
	endRaft func() error // shuts raft down once and waits for it

	started, done chan struct{}
	wg            sync.WaitGroup
	stop          sync.Once
	stopErr       error

	rpcs   chan raft.RPC // to raft
	queue  chan inbound  // to serveLoop
	signal chan struct{} // to stateLoop; capacity 1

	// withheld holds back append requests and heartbeats while the log store is stalled.
	withheld   atomic.Bool
	newestTerm atomic.Uint64 // highest term in requests of peers

	stepping atomic.Bool // Align is changing the members

	beat      sync.RWMutex // held for reading while heartbeat runs
	heartbeat func(raft.RPC)

	proposing sync.RWMutex // held for reading during Propose
	stopping  bool
	inFlight  atomic.Int32
	futures   chan *Future
	resolving atomic.Pointer[Future] // that resolveLoop waits for
	resolved  chan struct{}          // closed when resolveLoop ends

	mu           sync.Mutex
	changed      chan struct{}      // closed and replaced at every change of leadership
	matched      map[ServerID]match // leader only
	matchedTerm  uint64
	matchedSince time.Time // first answer in matchedTerm
	lostTerm     uint64    // newest term whose leader's loss was handled
}

func newGroup(h *Host, cfg GroupConfig) *Group {
	g := &Group{
		host:     h,
		id:       cfg.ID,
		onState:  cfg.OnState,
		log:      h.cfg.Disk.log(cfg.ID),
		started:  make(chan struct{}),
		done:     make(chan struct{}),
		rpcs:     make(chan raft.RPC),
		queue:    make(chan inbound, maxRequests),
		signal:   make(chan struct{}, 1),
		futures:  make(chan *Future, maxInFlight),
		resolved: make(chan struct{}),
		changed:  make(chan struct{}),
		halting:  halting{done: make(chan struct{})},
	}
	g.fsm = &fsm{g: g, machine: cfg.Machine}
	g.endRaft = sync.OnceValue(func() error { return g.raft.Shutdown().Error() })
	return g
}

// start starts raft with the state on the disk. It may call Machine.Restore.
func (g *Group) start(bootstrap []Member) error {
	snaps, err := g.host.cfg.Disk.snapshots(g.id)
	if err != nil {
		return err
	}
	cache, err := raft.NewLogCache(logCache, g.log)
	if err != nil {
		return err
	}
	if err := g.dropStaleLog(snaps); err != nil {
		return err
	}
	conf := g.raftConfig()
	if err := g.bootstrap(conf, snaps, bootstrap); err != nil {
		return err
	}
	g.raft, err = raft.NewRaft(conf, g.fsm, cache, g.log, snaps, transport{g})
	if err != nil {
		return fmt.Errorf("raftgroup: group %d: %w", g.id, err)
	}
	close(g.started)
	g.checkLevel()
	g.wg.Go(g.haltLoop)
	g.raft.RegisterObserver(raft.NewObserver(nil, false, g.observe))
	g.wg.Go(g.serveLoop)
	g.wg.Go(g.stateLoop)
	go g.resolveLoop() // ended by shutdown, see abandonFutures
	g.notify()
	return nil
}

func (g *Group) raftConfig() *raft.Config {
	t := g.host.cfg.Timings
	c := raft.DefaultConfig()
	c.LocalID = raft.ServerID(g.host.cfg.Self)
	c.HeartbeatTimeout, c.ElectionTimeout = t.Heartbeat, t.Election
	c.LeaderLeaseTimeout, c.CommitTimeout = t.Lease, t.Commit
	c.SnapshotInterval = t.Snapshot
	c.SnapshotThreshold, c.TrailingLogs = g.host.cfg.SnapshotEntries, g.host.cfg.TrailingEntries
	c.MaxAppendEntries = maxAppend
	c.BatchApplyCh = true
	c.ShutdownOnRemove = false // the host stops a removed replica
	c.NoLegacyTelemetry = true
	c.Logger = hclogAdapter{g.host.cfg.Logger.With("group", g.id)}
	return c
}

// dropStaleLog deletes a log that ends before the newest snapshot does. A crash after installing the
// snapshot, but before deleting the old log, leaves one.
func (g *Group) dropStaleLog(snaps snapshots) error {
	first, last := g.log.first, g.log.last
	if first == 0 {
		return nil
	}
	index, err := snaps.newestReadable()
	if err != nil {
		return err
	}
	if index <= last {
		return nil
	}
	return g.log.DeleteRange(first, last)
}

func (g *Group) bootstrap(conf *raft.Config, snaps raft.SnapshotStore, members []Member) error {
	var c raft.Configuration
	listed := false
	for _, m := range members {
		s := raft.Server{ID: raft.ServerID(m.ID), Address: raft.ServerAddress(m.ID), Suffrage: raft.Nonvoter}
		if m.Voter {
			s.Suffrage = raft.Voter
		}
		c.Servers = append(c.Servers, s)
		listed = listed || m.ID == g.host.cfg.Self
	}
	if !listed {
		return nil
	}
	err := raft.BootstrapCluster(conf, g.log, g.log, snaps, transport{g}, c)
	if errors.Is(err, raft.ErrCantBootstrap) {
		return nil // the disk already has state of the group
	}
	return err
}

// ID returns the group's id.
func (g *Group) ID() GroupID { return g.id }

// Stop ends the replica on this server; its state stays on the disk. It waits up to a second for the
// outcomes of proposals; those that have none then get ErrUnknown.
func (g *Group) Stop() error {
	g.stop.Do(func() {
		g.host.hide(g)
		g.stopErr = g.shutdown()
		g.host.release(g.id)
	})
	return g.stopErr
}

func (g *Group) shutdown() error {
	g.proposing.Lock()
	g.stopping = true
	g.proposing.Unlock()
	close(g.futures)
	// Raft forgets the futures in its queue when it shuts down, so wait until they have an outcome:
	// committed, or refused because the leader's lease has expired.
	select {
	case <-g.resolved:
	case <-time.After(stopGrace):
	}
	g.setHeartbeat(nil)
	close(g.done)
	err := g.endRaft()
	g.wg.Wait()
	g.abandonFutures()
	return err
}

// setHeartbeat sets raft's fast path for heartbeats. When it returns, the previous one is not running.
func (g *Group) setHeartbeat(f func(raft.RPC)) {
	g.beat.Lock()
	defer g.beat.Unlock()
	g.heartbeat = f
}

// observe runs inside raft's loop.
func (g *Group) observe(o *raft.Observation) bool {
	switch o.Data.(type) {
	case raft.LeaderObservation, raft.RaftState:
		g.notify()
	}
	return false
}

// notify wakes all goroutines that wait for a change of leadership.
func (g *Group) notify() {
	g.mu.Lock()
	close(g.changed)
	g.changed = make(chan struct{})
	g.mu.Unlock()
	select {
	case g.signal <- struct{}{}:
	default:
	}
}

// watch returns a channel that is closed at the next change of leadership.
func (g *Group) watch() <-chan struct{} {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.changed
}

// stateLoop calls OnState.
func (g *Group) stateLoop() {
	var last State
	tell := func(s State) {
		if s != last && g.onState != nil {
			g.onState(s)
		}
		last = s
	}
	for {
		select {
		case <-g.signal:
			tell(g.State())
		case <-g.done:
			tell(State{Term: last.Term})
			return
		}
	}
}

// State returns the current leadership as far as this replica knows.
func (g *Group) State() State {
	if g.halting.halted() {
		return State{Term: g.raft.CurrentTerm()}
	}
	for {
		s := State{Term: g.raft.CurrentTerm()}
		s.Leading = g.raft.State() == raft.Leader
		if _, leader := g.raft.LeaderWithID(); s.Leading {
			s.Leader = g.host.cfg.Self
		} else {
			s.Leader = ServerID(leader)
		}
		if s.Term == g.raft.CurrentTerm() {
			return s
		}
	}
}

// Leader returns the leader, if one is known, and the term.
func (g *Group) Leader() (id ServerID, term uint64, ok bool) {
	s := g.State()
	return s.Leader, s.Term, s.Leader != ""
}

// Status describes a replica.
type Status struct {
	State
	ID        GroupID
	Commit    uint64              // index up to which entries are known to be committed
	Applied   uint64              // index of the last entry that the Machine has applied
	LastIndex uint64              // index of the last entry in the log
	Members   []Member            // newest known, possibly not committed
	Matched   map[ServerID]uint64 // leader only: index up to which the log of each member that currently answers matches
	// Silent, leader only, is how long each other member has not answered. The time is counted from
	// the first answer of any member in the term, and the map is empty before that.
	Silent   map[ServerID]time.Duration
	InFlight int    // proposals without an outcome
	Level    uint32 // of new proposals
	Halted   string // why the replica is halted, see Halt; "" = it is not
}

// Status returns figures for health pages and tests.
func (g *Group) Status() Status {
	s := Status{
		State:     g.State(),
		ID:        g.id,
		Commit:    g.raft.CommitIndex(),
		Applied:   g.fsm.applied.Load(),
		LastIndex: g.raft.LastIndex(),
		Members:   g.members(),
		InFlight:  int(g.inFlight.Load()),
		Level:     g.entryLevel(),
		Halted:    g.halting.why(),
	}
	if s.Leading {
		s.Matched, s.Silent = g.answers(s.Term, s.Members)
	}
	return s
}

func (g *Group) members() []Member {
	servers := g.raft.GetConfiguration().Configuration().Servers
	ms := make([]Member, len(servers))
	for i, s := range servers {
		ms[i] = Member{ID: ServerID(s.ID), Voter: s.Suffrage == raft.Voter}
	}
	return ms
}

func (g *Group) member(id ServerID) (Member, bool) {
	for _, m := range g.members() {
		if m.ID == id {
			return m, true
		}
	}
	return Member{}, false
}

// match is how far a follower's log agrees with this leader's, and when the newest append request that it
// accepted was sent.
type match struct {
	index uint64
	sent  time.Time
}

func (g *Group) noteMatched(id ServerID, term, index uint64, sent time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if term > g.matchedTerm {
		g.matchedTerm, g.matchedSince, g.matched = term, time.Now(), make(map[ServerID]match)
	}
	if term == g.matchedTerm {
		g.matched[id] = match{max(index, g.matched[id].index), sent}
	}
}

func (g *Group) matchedIn(term uint64) map[ServerID]match {
	g.mu.Lock()
	defer g.mu.Unlock()
	if term != g.matchedTerm {
		return nil
	}
	return maps.Clone(g.matched)
}

// heardFrom reports whether a follower has accepted an append request of this term so recently that a
// heartbeat would be redundant for both sides.
func (g *Group) heardFrom(id ServerID, term uint64) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return term == g.matchedTerm && time.Since(g.matched[id].sent) < g.host.cfg.Timings.Heartbeat/5
}

// Transfer moves the leadership to a voter. It returns nil only when that voter is known to lead;
// proposals get ErrBusy meanwhile. Errors: ErrNotLeader, ErrNotMember, ErrBusy (the voter is not
// connected or did not take over in time), ErrStopped, the error of ctx, or one that names the
// server that leads instead.
func (g *Group) Transfer(ctx context.Context, to ServerID) error {
	if m, ok := g.member(to); !ok || !m.Voter {
		return fmt.Errorf("%w: %s is not a voter", ErrNotMember, to)
	}
	if to == g.host.cfg.Self {
		if g.State().Leading {
			return nil
		}
		return ErrNotLeader
	}
	before := g.State()
	if !before.Leading {
		return ErrNotLeader
	}
	if !g.host.net.reachable(to) {
		return fmt.Errorf("%w: %s is not connected", ErrBusy, to)
	}
	election := g.host.cfg.Timings.Election
	start, bound := time.Now(), time.After(2*election)
	again := time.NewTicker(election / 20)
	defer again.Stop()
	for {
		changed := g.watch()
		// The result is who leads in the end, so do not wait for raft's answer. Raft refuses a
		// transfer for a moment after an earlier one, so retry, but only while an attempt begun at
		// start would still be running: a second attempt with a peer that hangs would block all
		// proposals.
		if g.State().Leading && time.Since(start) < election/2 {
			g.raft.LeadershipTransferToServer(raft.ServerID(to), raft.ServerAddress(to))
		}
		switch s := g.State(); {
		case s.Leader == to:
			return nil
		case s.Term > before.Term && s.Leader != "":
			return fmt.Errorf("raftgroup: %s leads group %d instead of %s", s.Leader, g.id, to)
		}
		select {
		case <-changed:
		case <-again.C:
			if !g.host.net.reachable(to) { // it died, or left as well
				return fmt.Errorf("%w: %s is not connected any more", ErrBusy, to)
			}
		case <-bound:
			return fmt.Errorf("%w: group %d has not moved to %s", ErrBusy, g.id, to)
		case <-g.done:
			return ErrStopped
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Snapshot takes a snapshot now, unless there are no entries since the last one.
func (g *Group) Snapshot(ctx context.Context) error {
	err := g.change(ctx, func() error { return g.raft.Snapshot().Error() })
	if errors.Is(err, raft.ErrNothingNewToSnapshot) {
		return nil
	}
	return err
}

// change runs a slow operation of raft. The operation continues when ctx ends; raft ends it when it shuts
// down.
func (g *Group) change(ctx context.Context, run func() error) error {
	g.proposing.RLock()
	if g.stopping {
		g.proposing.RUnlock()
		return ErrStopped
	}
	if g.halting.halted() {
		g.proposing.RUnlock()
		return ErrNotLeader
	}
	result := make(chan error, 1)
	g.wg.Go(func() { result <- run() })
	g.proposing.RUnlock()
	select {
	case err := <-result:
		switch {
		case errors.Is(err, raft.ErrNotLeader):
			return ErrNotLeader
		case errors.Is(err, raft.ErrEnqueueTimeout), errors.Is(err, raft.ErrLeadershipTransferInProgress):
			return ErrBusy
		case errors.Is(err, raft.ErrLeadershipLost), errors.Is(err, raft.ErrRaftShutdown):
			return ErrUnknown
		}
		return err
	case <-ctx.Done():
		return errors.Join(ErrUnknown, ctx.Err())
	}
}
