package raftgroup

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"go.uber.org/goleak"

	"teahouse/pkg/versions"
)

// TestMain lets the test binary also run as a process whose disk fails.
func TestMain(m *testing.M) {
	if os.Getenv(faultEnv) != "" {
		fmt.Fprintln(os.Stderr, failingProcess())
		os.Exit(1)
	}
	goleak.VerifyTestMain(m)
}

const testTimeout = 30 * time.Second

// tally is a Machine that counts the entries it has seen and remembers each.
type tally struct {
	mu   sync.Mutex
	seen map[string]uint64 // data → index of its first entry
	list []string
	pad  int // extra bytes of each snapshot
	grew chan struct{}

	unknown string // an entry at which the machine halts; "" = none
}

func newTally() *tally {
	return &tally{seen: make(map[string]uint64), grew: make(chan struct{})}
}

func (m *tally) Apply(e Entry) any {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.unknown != "" && string(e.Data) == m.unknown {
		return Halt{"entry " + m.unknown}
	}
	m.addLocked(string(e.Data), e.Index)
	return len(m.list)
}

func (m *tally) addLocked(s string, index uint64) {
	if _, ok := m.seen[s]; !ok {
		m.seen[s] = index
	}
	m.list = append(m.list, s)
	close(m.grew)
	m.grew = make(chan struct{})
}

type tallySnapshot struct {
	list []string
	pad  int
}

func (m *tally) Snapshot() (io.WriterTo, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return tallySnapshot{m.list[:len(m.list):len(m.list)], m.pad}, nil
}

func (s tallySnapshot) WriteTo(w io.Writer) (int64, error) {
	b := binary.AppendUvarint(nil, uint64(len(s.list)))
	for _, v := range s.list {
		b = appendBytes(b, []byte(v))
	}
	b = append(b, make([]byte, s.pad)...)
	n, err := w.Write(b)
	return int64(n), err
}

func (m *tally) Restore(r io.Reader) error {
	b, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.seen, m.list = make(map[string]uint64), nil
	br := bodyReader{b: b}
	for range br.uint() {
		entry := string(br.bytes())
		if m.unknown != "" && entry == m.unknown {
			return fmt.Errorf("tally: %w", Halt{"entry " + entry})
		}
		m.addLocked(entry, 0)
	}
	if br.bad {
		return errFrame
	}
	return nil
}

func (m *tally) has(s string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	_, ok := m.seen[s]
	return ok
}

func (m *tally) entries() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.list)
}

// await waits until the machine holds n entries.
func (m *tally) await(t testing.TB, n int) {
	t.Helper()
	deadline := time.After(testTimeout)
	for {
		m.mu.Lock()
		have, grew := len(m.list), m.grew
		m.mu.Unlock()
		if have >= n {
			return
		}
		select {
		case <-grew:
		case <-deadline:
			t.Fatalf("machine holds %d entries, want %d", have, n)
		}
	}
}

// awaitEntry waits until the machine holds an entry.
func (m *tally) awaitEntry(t testing.TB, s string) {
	t.Helper()
	deadline := time.After(testTimeout)
	for {
		m.mu.Lock()
		_, have := m.seen[s]
		grew := m.grew
		m.mu.Unlock()
		if have {
			return
		}
		select {
		case <-grew:
		case <-deadline:
			t.Fatalf("machine lacks entry %q", s)
		}
	}
}

// nextLeader waits until a node other than the victim leads, and returns the time since start.
func (c *cluster) nextLeader(id GroupID, victim *node, start time.Time) time.Duration {
	c.t.Helper()
	deadline := time.After(testTimeout)
	for {
		var waits []<-chan struct{}
		for _, nd := range c.nodes {
			if nd == victim || nd.host == nil {
				continue
			}
			g := nd.group(id)
			waits = append(waits, g.watch())
			if g.State().Leading {
				return time.Since(start)
			}
		}
		select {
		case <-waits[0]:
		case <-waits[1]:
		case <-deadline:
			c.t.Fatalf("group %d has no new leader", id)
		}
	}
}

// cluster is several hosts in this process that know each other's addresses.
type cluster struct {
	t      testing.TB
	sync   bool
	modify func(*Config)

	mu    sync.Mutex
	addrs map[ServerID]string
	nodes []*node
}

type node struct {
	c        *cluster
	dir      string
	fs       vfs.FS // of its log stores; nil = the default
	id       ServerID
	host     *Host
	machines map[GroupID]*tally
	unknown  string         // for the machines of this node
	levels   versions.Range // of this node's binary; zero = the default
}

// newCluster starts n hosts, all of which are members of every group.
func newCluster(t testing.TB, n int, sync bool, modify func(*Config)) *cluster {
	t.Helper()
	c := &cluster{t: t, sync: sync, modify: modify, addrs: make(map[ServerID]string)}
	for range n {
		c.add()
	}
	t.Cleanup(func() {
		for _, nd := range c.nodes {
			nd.close()
		}
	})
	return c
}

func (c *cluster) add() *node {
	nd := &node{c: c, dir: c.t.TempDir(), machines: make(map[GroupID]*tally)}
	c.nodes = append(c.nodes, nd)
	nd.open()
	return nd
}

func (c *cluster) resolve(id ServerID) (string, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	a, ok := c.addrs[id]
	return a, ok
}

func (c *cluster) members() []Member {
	var ms []Member
	for _, nd := range c.nodes {
		ms = append(ms, Member{ID: nd.id, Voter: true})
	}
	return ms
}

func testLogger() *slog.Logger {
	if os.Getenv("RAFTGROUP_LOG") != "" {
		return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	return slog.New(slog.DiscardHandler)
}

// open starts the host on the node's folder, at its earlier address if it had one.
func (nd *node) open() {
	nd.c.t.Helper()
	fs := nd.fs
	if fs == nil {
		fs = systemFS()
	}
	disk, err := openDisk(nd.dir, DiskConfig{Sync: nd.c.sync, Fatal: func(err error) { nd.c.t.Error(err) }, Logger: testLogger()}, fs)
	if err != nil {
		nd.c.t.Fatal(err)
	}
	nd.id = ServerID("node." + disk.ID())
	addr, known := nd.c.resolve(nd.id)
	if !known {
		addr = "127.0.0.1:0"
	}
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		nd.c.t.Fatal(err)
	}
	nd.c.mu.Lock()
	nd.c.addrs[nd.id] = ln.Addr().String()
	nd.c.mu.Unlock()
	cfg := Config{
		Self: nd.id, Disk: disk, Listener: ln, ClusterID: "test", Secret: []byte("0123456789abcdef"),
		Resolve: nd.c.resolve, Logger: testLogger().With("self", nd.id), Levels: nd.levels,
	}
	if nd.c.modify != nil {
		nd.c.modify(&cfg)
	}
	if nd.host, err = Open(cfg); err != nil {
		nd.c.t.Fatal(err)
	}
}

func (nd *node) start(id GroupID, members []Member) *Group {
	nd.c.t.Helper()
	m := newTally()
	m.unknown = nd.unknown
	nd.machines[id] = m
	g, err := nd.host.Start(GroupConfig{ID: id, Machine: m, Bootstrap: members})
	if err != nil {
		nd.c.t.Fatal(err)
	}
	return g
}

func (nd *node) group(id GroupID) *Group {
	g, ok := nd.host.Group(id)
	if !ok {
		nd.c.t.Fatalf("%s runs no group %d", nd.id, id)
	}
	return g
}

func (nd *node) close() {
	if nd.host != nil {
		if err := nd.host.Close(); err != nil {
			nd.c.t.Error(err)
		}
		nd.host = nil
	}
}

// kill closes the node's connections at once, as the end of its process would, and then stops the rest.
func (nd *node) kill() {
	nd.host.net.close()
	nd.close()
}

func (c *cluster) startAll(ids ...GroupID) {
	c.t.Helper()
	for _, id := range ids {
		for _, nd := range c.nodes {
			nd.start(id, c.members())
		}
		// Do not wait for a timeout before the first election.
		c.nodes[int(id)%len(c.nodes)].group(id).campaign()
	}
}

// leader waits until a live node leads and the other live ones know it.
func (c *cluster) leader(id GroupID) *node {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), testTimeout)
	defer cancel()
	for {
		var leader *node
		var wait <-chan struct{}
		agreed := true
		for _, nd := range c.nodes {
			if nd.host == nil {
				continue
			}
			g := nd.group(id)
			changed := g.watch()
			s := g.State()
			if s.Leading {
				leader = nd
			}
			if s.Leader == "" || c.dead(s.Leader) {
				agreed, wait = false, changed
			}
		}
		if leader != nil && agreed {
			return leader
		}
		select {
		case <-wait:
		case <-time.After(20 * time.Millisecond): // they agree on a leader that is just stepping down
		case <-ctx.Done():
			c.t.Fatalf("group %d has no leader", id)
		}
	}
}

func (c *cluster) dead(id ServerID) bool {
	for _, nd := range c.nodes {
		if nd.id == id {
			return nd.host == nil
		}
	}
	return true
}

// propose proposes the entry, to whichever node leads, until it is acknowledged.
func (c *cluster) propose(id GroupID, s string) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), testTimeout)
	defer cancel()
	for {
		_, err := c.leader(id).group(id).Propose([]byte(s)).Wait(ctx)
		if err == nil {
			return
		}
		if ctx.Err() != nil {
			c.t.Fatalf("proposing %q: %v", s, err)
		}
	}
}

func (c *cluster) fill(id GroupID, prefix string, n int) {
	c.t.Helper()
	for i := range n {
		c.propose(id, fmt.Sprint(prefix, i))
	}
}
